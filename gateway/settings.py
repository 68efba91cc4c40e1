"""The settings: typed, from `GATEPOST_*` environment variables."""

import difflib
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from email.utils import parseaddr
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated
from urllib.parse import unquote, urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from identity.credentials.key_tokens import Environment
from identity.credentials.limits import SessionLimits
from identity.loopback import LOOPBACK_HOSTS
from models.audit_retention import LONGEST_DAYS, SHORTEST_DAYS
from models.document_mode import DocumentMode
from models.organization import Plan

PREFIX = "GATEPOST_"
TEST_PREFIX = PREFIX + "TEST_"
"""What the test suite reads for itself."""
DEFAULT_PORTS = {"http": 80, "https": 443}
SMTP_PORTS = {"smtps": 465, "smtp": 587, "smtp+plain": 25}
KEY_FILE = "secret.keys"


class SettingsError(Exception):
    """The settings are wrong; the text names each variable and says what to do."""


class Settings(BaseSettings):
    """What an operator sets: each attribute by the variable `GATEPOST_` and its name."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    database_url: Annotated[str, Field(repr=False)] = "sqlite://var/gatepost.sqlite3"
    """`sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. Each process holds up to
    ten connections to PostgreSQL, one of which listens (`LISTEN`), and prepares statements: go
    there directly, or through a pooler in session mode, not in transaction mode."""

    public_url: str = "http://127.0.0.1:8000"
    """The address people and identity providers reach this service at, without a trailing slash.
    https, except on the loopback."""

    secret_keys: Annotated[tuple[str, ...], NoDecode, Field(repr=False)] = ()
    """Fernet keys for stored secrets, newest first, separated by commas. With SQLite and none
    given, one is made and kept in `secret.keys` beside the database. PostgreSQL needs them."""

    session_idle_minutes: Annotated[int, Field(ge=1, le=60 * 24 * 30)] = 8 * 60
    """A session without use ends after this."""

    session_absolute_hours: Annotated[int, Field(ge=1, le=24 * 90)] = 7 * 24
    """A session ends after this, used or not."""

    graphql_batch_limit: Annotated[int, Field(ge=0, le=50)] = 0
    """How many GraphQL requests a JSON array may carry in one HTTP request. 0 refuses arrays: every
    request is then counted and limited by itself."""

    graphql_trusted_documents: DocumentMode = DocumentMode.ALLOWED
    """`allowed`: a request may name a document that was imported with `gatepost documents import`
    by its `documentId`. `required`: nothing else runs, GraphiQL included. `off`: no request may."""

    graphql_automatic_documents: bool = False
    """Apollo's automatic persisted queries: a client sends a document once and its hash from then
    on. Saves traffic and protects nothing; each process forgets them when it ends."""

    audit_retention_days: Annotated[tuple[tuple[Plan, int], ...], NoDecode] = ()
    """How long audit events are kept, where that is not what the plan says, e.g.
    `premium=730,enterprise=3650`. At least 30 days. A shorter window applies after 30 days."""

    redis_url: Annotated[str | None, Field(repr=False, pattern=r"^rediss?://")] = None
    """`redis://HOST:PORT/DATABASE`: what all processes count together. Without it, or while it does
    not answer, each process counts by itself."""

    rate_limit_member: Annotated[int, Field(ge=0)] = 200_000
    """How much one person's GraphQL operations may cost in a minute; the most expensive single one
    costs 25,000. 0 switches it off."""

    rate_limit_organization: Annotated[int, Field(ge=0)] = 2_000_000
    """The same for all people of an organization together."""

    rate_limit_failures: Annotated[int, Field(ge=0)] = 120
    """How many credentials that are not accepted one address may send to GraphQL in a minute before
    it is answered 429. A good credential is accepted nevertheless. 0 switches it off."""

    operation_seconds: Annotated[float, Field(gt=0, le=600)] = 10
    """A GraphQL operation that takes longer is stopped, and its statements are cancelled."""

    streams_per_session: Annotated[int, Field(ge=1, le=1000)] = 20
    """How many GraphQL streams (event streams and WebSockets) one session may have open at each
    process."""

    streams_per_organization: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """The same for all people of an organization together."""

    streams_per_process: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    """How many GraphQL streams a process serves at a time."""

    smtp_url: Annotated[str | None, Field(repr=False)] = None
    """`smtps://USER:PASSWORD@HOST` or, by STARTTLS, `smtp://…`: what mails are sent by. Without
    encryption only as `smtp+plain://…`. Without it nothing is mailed, and the command line prints
    the links."""

    mail_from: str | None = None
    """Who mails are from, e.g. `Gatepost <no-reply@gate.example.com>`."""

    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Networks (CIDR) of the proxies in front, separated by commas, e.g. `10.0.0.0/8`. A client's
    address is taken from their `X-Forwarded-For`, and from nobody else's. Without any, it is that
    of the connection."""

    api_key_environment: Environment = Environment.LIVE
    """What the API keys of this installation say that they are for: `live` or `test`. Keys of the
    other kind are refused."""

    rate_limit_api_key: Annotated[int, Field(ge=0)] = 200_000
    """How much the GraphQL operations of one API key may cost in a minute; a key may have a lower
    limit of its own. 0 leaves only that."""

    metrics_token: Annotated[str | None, Field(repr=False, min_length=16)] = None
    """What a Prometheus server sends as bearer token to `/metrics`. Without it, there is nothing at
    that address. With several workers, each answers with its own counts."""

    graphql_explain: bool = False
    """For development: a request with the header `X-Gatepost-Explain: 1` is answered with its plan
    in `extensions.explain`, SQL included, if its sender holds `organization:read`. Off, the header
    means nothing."""

    allow_loopback_providers: bool = False
    """For development: identity providers may be on this machine, over plain http."""

    allow_loopback_webhooks: bool = False
    """For development: webhooks may lead to this machine, over plain http."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is handed over counts: `load` reads the environment, and refuses what it does
        not know there.
        """
        return (init_settings,)

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(str(ip_network(each)) for each in value)
        except ValueError as error:
            raise ValueError(f"write networks such as 10.0.0.0/8 or 192.0.2.7: {error}") from error

    @field_validator("secret_keys", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(key.strip() for key in value.split(",") if key.strip())
        return value

    @field_validator("audit_retention_days", mode="before")
    @classmethod
    def _windows(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        windows = {}
        for each in filter(None, value.split(",")):
            plan, _, days = each.strip().partition("=")
            if plan not in list(Plan) or not days.isdecimal():
                raise ValueError("write PLAN=DAYS, separated by commas, e.g. enterprise=3650")
            if not SHORTEST_DAYS <= int(days) <= LONGEST_DAYS:
                raise ValueError(f"a window has {SHORTEST_DAYS} to {LONGEST_DAYS} days")
            windows[Plan(plan)] = int(days)
        return tuple(windows.items())

    @field_validator("public_url")
    @classmethod
    def _origin(cls, value: str) -> str:
        """The origin as browsers write it in the header of that name (RFC 6454, section 6.1)."""
        parts = urlsplit(value)
        host = parts.hostname or ""
        secure = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK_HOSTS)
        beyond = parts.path.strip("/") or parts.query or parts.fragment or parts.username
        if not secure or not host or beyond:
            raise ValueError(
                "write https://HOST without a path; plain http is for 127.0.0.1 and localhost only"
            )
        name = f"[{host}]" if ":" in host else host
        is_default = parts.port in (None, DEFAULT_PORTS[parts.scheme])
        return f"{parts.scheme}://{name}" + ("" if is_default else f":{parts.port}")

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        known = parts.scheme in SMTP_PORTS and parts.hostname
        if value is not None and (not known or parts.path.strip("/") or parts.query):
            raise ValueError("write smtps://USER:PASSWORD@HOST:PORT, or smtp:// for STARTTLS")
        clear = parts.scheme == "smtp+plain" and parts.hostname not in LOOPBACK_HOSTS
        if clear and parts.password is not None:
            raise ValueError("a password is sent by smtps:// or smtp:// only, which encrypt it")
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str | None) -> str | None:
        if value is not None and not (value.isprintable() and "@" in parseaddr(value)[1]):
            raise ValueError("write an address, such as Gatepost <no-reply@gate.example.com>")
        return value

    @model_validator(mode="after")
    def _sender_with_mail_server(self) -> "Settings":
        if self.smtp_url is not None and self.mail_from is None:
            raise ValueError("GATEPOST_MAIL_FROM is needed with GATEPOST_SMTP_URL.")
        return self

    @model_validator(mode="after")
    def _keys_with_postgres(self) -> "Settings":
        if not self.secret_keys and self.database_url.startswith("postgres"):
            raise ValueError(
                "GATEPOST_SECRET_KEYS is needed with PostgreSQL. "
                "Make a key with: gatepost secrets new-key"
            )
        return self

    @property
    def sqlite_path(self) -> Path | None:
        """The file of the database; `None` for PostgreSQL."""
        parts = urlsplit(self.database_url)
        return Path(unquote(parts.netloc + parts.path)) if parts.scheme == "sqlite" else None

    @property
    def key_file(self) -> Path | None:
        """Where the keys are kept, one a line, when none are given."""
        if self.secret_keys or self.sqlite_path is None:
            return None
        return self.sqlite_path.parent / KEY_FILE

    @cached_property
    def session_limits(self) -> SessionLimits:
        return SessionLimits(
            idle=timedelta(minutes=self.session_idle_minutes),
            absolute=timedelta(hours=self.session_absolute_hours),
        )

    def keys(self) -> tuple[str, ...]:
        """The secret keys, newest first; without any, those of the key file, made when missing.

        Raises `OSError` when the file can be neither read nor made.
        """
        if self.key_file is None:
            return self.secret_keys
        if not self.key_file.exists():
            _make_key_file(self.key_file)
        return tuple(self.key_file.read_text(encoding="ascii").split())


def variable(name: str) -> str:
    """The environment variable of an attribute of `Settings`."""
    return PREFIX + name.upper()


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of the environment. Raises `SettingsError` for a wrong or an unknown one."""
    environment = os.environ if environment is None else environment
    known = {variable(name) for name in Settings.model_fields}
    unknown = {name for name in environment if name.startswith(PREFIX)} - known
    unknown = {name for name in unknown if not name.startswith(TEST_PREFIX)}
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
    """What to say of it; the prefix is alike in all of them and tells nothing."""
    bare = [other.removeprefix(PREFIX) for other in known]
    near = difflib.get_close_matches(name.removeprefix(PREFIX), bare, n=1)
    listing = " List the known ones with: gatepost doctor --settings"
    return f"{name} is not a setting." + (f" Did you mean {PREFIX}{near[0]}?" if near else listing)


def _wrong(problem: Mapping[str, object]) -> str:
    location = problem["loc"]
    text = str(problem["msg"]).removeprefix("Value error, ")
    return (
        f"{variable(str(location[0]))}: {text}"
        if isinstance(location, tuple) and location
        else text
    )


def _make_key_file(path: Path) -> None:
    """A new key for its owner alone; a process that makes one at the same moment loses nothing."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with NamedTemporaryFile("wb", dir=path.parent, prefix=KEY_FILE) as file:
        file.write(Fernet.generate_key() + b"\n")
        file.flush()
        with suppress(FileExistsError):
            os.link(file.name, path)
