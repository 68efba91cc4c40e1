"""The environment becomes typed settings, or one clear sentence a mistake."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from gateway.settings import Settings, SettingsError, load
from models import Plan

KEY = Fernet.generate_key().decode()


def test_without_any_it_is_sqlite_on_the_loopback() -> None:
    settings = load({"PATH": "/usr/bin", "HOME": "/"})

    assert settings.database_url == "sqlite://var/gatepost.sqlite3"
    assert settings.sqlite_path == Path("var/gatepost.sqlite3")
    assert settings.key_file == Path("var/secret.keys")
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.session_limits.idle == timedelta(hours=8)
    assert settings.session_limits.absolute == timedelta(days=7)
    assert not settings.allow_loopback_providers


def test_only_the_environment_handed_over_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEPOST_PUBLIC_URL", "https://other.example")

    assert load({}).public_url == "http://127.0.0.1:8000"
    assert load().public_url == "https://other.example"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://gate.acme.example", "https://gate.acme.example"),
        ("https://gate.acme.example/", "https://gate.acme.example"),
        ("https://Gate.ACME.example:443", "https://gate.acme.example"),
        ("https://gate.acme.example:8443", "https://gate.acme.example:8443"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_public_url_is_kept_as_browsers_write_an_origin(written: str, kept: str) -> None:
    assert load({"GATEPOST_PUBLIC_URL": written}).public_url == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        "gate.acme.example",
        "http://gate.acme.example",
        "https://gate.acme.example/gatepost",
        "https://gate.acme.example?x=1",
        "https://olga@gate.acme.example",
        "https://",
        "ftp://127.0.0.1",
    ],
)
def test_a_public_url_that_is_no_safe_origin_is_refused(written: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load({"GATEPOST_PUBLIC_URL": written})
    assert str(refused.value) == (
        "GATEPOST_PUBLIC_URL: write https://HOST without a path; "
        "plain http is for 127.0.0.1 and localhost only"
    )


def test_an_unknown_setting_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(SettingsError) as refused:
        load({"GATEPOST_DATABSE_URL": "sqlite://x", "GATEPOST_QQQQ": "1", "GATEPOST_TEST_X": "1"})
    assert str(refused.value).splitlines() == [
        "GATEPOST_DATABSE_URL is not a setting. Did you mean GATEPOST_DATABASE_URL?",
        "GATEPOST_QQQQ is not a setting. List the known ones with: gatepost doctor --settings",
    ]


def test_each_wrong_setting_is_named() -> None:
    with pytest.raises(SettingsError) as refused:
        load({"GATEPOST_SESSION_IDLE_MINUTES": "soon", "GATEPOST_SESSION_ABSOLUTE_HOURS": "0"})
    assert str(refused.value).splitlines() == [
        (
            "GATEPOST_SESSION_IDLE_MINUTES: Input should be a valid integer, "
            "unable to parse string as an integer"
        ),
        "GATEPOST_SESSION_ABSOLUTE_HOURS: Input should be greater than or equal to 1",
    ]


def test_postgres_needs_secret_keys() -> None:
    with pytest.raises(SettingsError) as refused:
        load({"GATEPOST_DATABASE_URL": "postgres://gatepost@127.0.0.1/gatepost"})
    assert str(refused.value) == (
        "GATEPOST_SECRET_KEYS is needed with PostgreSQL. Make a key with: gatepost secrets new-key"
    )


def test_keys_are_a_list_and_never_shown() -> None:
    settings = load(
        {
            "GATEPOST_DATABASE_URL": "postgres://gatepost:hunter2@127.0.0.1/gatepost",
            "GATEPOST_SECRET_KEYS": f" {KEY} , second,",
        }
    )

    assert settings.keys() == (KEY, "second")
    assert settings.key_file is None
    assert KEY not in repr(settings)
    assert "hunter2" not in repr(settings)


def test_on_sqlite_a_key_is_made_once_beside_the_database(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite://{tmp_path}/deep/gatepost.sqlite3")

    keys = settings.keys()

    file = tmp_path / "deep" / "secret.keys"
    assert settings.key_file == file
    assert file.read_text().split() == list(keys)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["secret.keys"]
    assert settings.keys() == keys
    assert len(Fernet(keys[0]).encrypt(b"x")) > 0


def test_the_key_file_may_hold_several_keys(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite://{tmp_path}/gatepost.sqlite3")
    (tmp_path / "secret.keys").write_text("newest\nolder\n")

    assert settings.keys() == ("newest", "older")


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("mail.example", "write smtps://"),
        ("https://mail.example", "write smtps://"),
        ("smtps://", "write smtps://"),
        ("smtps://mail.example/path", "write smtps://"),
        ("smtp+plain://user:secret-word@mail.example", "a password is sent by smtps://"),
    ],
)
def test_a_mail_server_that_cannot_be_used_is_refused(url: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint) as caught:
        load({"GATEPOST_SMTP_URL": url, "GATEPOST_MAIL_FROM": "no-reply@gate.example"})
    assert str(caught.value).startswith("GATEPOST_SMTP_URL: ")
    assert "secret-word" not in str(caught.value)


def test_mail_needs_a_sender_in_one_line() -> None:
    with pytest.raises(SettingsError, match="GATEPOST_MAIL_FROM is needed"):
        load({"GATEPOST_SMTP_URL": "smtps://mail.example"})
    for sender in ("", "Gatepost", "a@b.example\r\nBcc: eve@elsewhere.example"):
        with pytest.raises(SettingsError, match="GATEPOST_MAIL_FROM: write an address"):
            load({"GATEPOST_SMTP_URL": "smtps://mail.example", "GATEPOST_MAIL_FROM": sender})


@pytest.mark.parametrize(
    "url",
    ["smtps://user:word@mail.example:4650", "smtp://mail.example", "smtp+plain://u:w@127.0.0.1:25"],
)
def test_a_mail_server_is_never_shown(url: str) -> None:
    settings = load(
        {"GATEPOST_SMTP_URL": url, "GATEPOST_MAIL_FROM": "Gate <no-reply@gate.example>"}
    )
    assert settings.smtp_url == url
    assert url not in repr(settings)


def test_windows_of_the_audit_log_are_given_by_plan() -> None:
    settings = load({"GATEPOST_AUDIT_RETENTION_DAYS": "premium=730, enterprise=3650"})
    assert settings.audit_retention_days == ((Plan.PREMIUM, 730), (Plan.ENTERPRISE, 3650))
    assert load({}).audit_retention_days == ()


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("premium", "write PLAN=DAYS"),
        ("gold=30", "write PLAN=DAYS"),
        ("premium=-5", "write PLAN=DAYS"),
        ("premium=29", "30 to 36500 days"),
        ("premium=36501", "30 to 36500 days"),
    ],
)
def test_a_window_that_cannot_be_is_refused(written: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint) as caught:
        load({"GATEPOST_AUDIT_RETENTION_DAYS": written})
    assert str(caught.value).startswith("GATEPOST_AUDIT_RETENTION_DAYS: ")
