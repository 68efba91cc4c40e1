"""The settings: typed, from `GATEPOST_*` environment variables."""

import difflib
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from identity.credentials.sessions import SessionLimits

PREFIX = "GATEPOST_"
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
VAR = Path("var")


class SettingsError(Exception):
    """The settings are wrong; the text names each variable and says what to do."""


class Settings(BaseSettings):
    """What an operator sets. Each attribute is an environment variable with `GATEPOST_` in front."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    database_url: str = "sqlite://var/gatepost.sqlite3"
    """`sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`."""

    public_url: str = "http://127.0.0.1:8000"
    """The address people and identity providers reach this service at, without a trailing slash.
    https, except on the loopback."""

    secret_keys: Annotated[tuple[str, ...], NoDecode] = ()
    """Fernet keys for stored secrets, newest first, separated by commas. With SQLite and none
    given, one is made and kept in `var/secret.keys`."""

    session_idle_minutes: Annotated[int, Field(ge=1, le=60 * 24 * 30)] = 8 * 60
    """A session without use ends after this."""

    session_absolute_hours: Annotated[int, Field(ge=1, le=24 * 90)] = 7 * 24
    """A session ends after this, used or not."""

    allow_loopback_providers: bool = False
    """For development: identity providers may be on this machine, over plain http."""

    @field_validator("secret_keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(key.strip() for key in value.split(",") if key.strip())
        return value

    @field_validator("public_url")
    @classmethod
    def _origin(cls, value: str) -> str:
        parts = urlsplit(value)
        secure = parts.scheme == "https" or (
            parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS
        )
        if not secure or not parts.netloc or parts.path not in ("", "/") or parts.query:
            raise ValueError(
                "write https://HOST without a path; plain http is for 127.0.0.1 and localhost only"
            )
        return f"{parts.scheme}://{parts.netloc}"

    @model_validator(mode="after")
    def _keys_with_postgres(self) -> "Settings":
        if not self.secret_keys and not self.database_url.startswith("sqlite:"):
            raise ValueError(
                "GATEPOST_SECRET_KEYS is needed with PostgreSQL. "
                "Make a key with: gatepost secrets new-key"
            )
        return self

    @property
    def session_limits(self) -> SessionLimits:
        return SessionLimits(
            idle=timedelta(minutes=self.session_idle_minutes),
            absolute=timedelta(hours=self.session_absolute_hours),
        )

    def keys(self) -> tuple[str, ...]:
        """The secret keys; on SQLite without any, those of `var/secret.keys`, made when missing."""
        return self.secret_keys or (_key_file(VAR / "secret.keys"),)


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of the environment. Raises `SettingsError` for a wrong or an unknown one."""
    environment = os.environ if environment is None else environment
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    unknown = [name for name in environment if name.startswith(PREFIX) and name not in known]
    unknown = [name for name in unknown if not name.startswith("GATEPOST_TEST_")]
    if unknown:
        raise SettingsError("\n".join(_unknown(name, known) for name in sorted(unknown)))
    values = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name in known
    }
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError("\n".join(_wrong(problem) for problem in error.errors())) from error


def _unknown(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else " gatepost doctor lists the known ones."
    return f"{name} is not a setting.{hint}"


def _wrong(problem: Mapping[str, object]) -> str:
    location = problem["loc"]
    where = location[0] if isinstance(location, tuple) and location else ""
    text = str(problem["msg"]).removeprefix("Value error, ")
    return f"{PREFIX}{str(where).upper()}: {text}" if where else text


def _key_file(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(Fernet.generate_key().decode())
    return path.read_text().strip()
