"""`gatepost doctor`, `migrate` and `secrets`: what an operator repairs things with."""

from pathlib import Path

from cryptography.fernet import Fernet

from gateway.settings import Settings
from models import Connection, Organization
from tests.conftest import SECRET_KEYS
from tests.gateway.commands import PUBLIC_URL, Gatepost, Said

COMMANDS = (
    ("org", "create", "--slug", "a", "--name", "A", "--plan", "starter", "--owner", "a@a.example"),
    ("recover-owner", "--org", "a", "--email", "a@a.example"),
    ("scim-token", "create", "--org", "a"),
    ("domain", "verify", "--org", "a", "--domain", "a.example"),
    ("secrets", "rotate"),
    ("serve",),
)


def checks(said: Said) -> dict[str, str]:
    """The lines by the name of the check, without the padding."""
    lines = (line.split(maxsplit=1) for line in said.stdout.splitlines())
    return {rest[:15].strip(): f"{mark} {rest[15:].strip()}" for mark, rest in lines}


def with_a_secret(gatepost: Gatepost) -> None:
    gatepost.acme()
    gatepost.json(
        *("connection", "add-oidc", "--org", "acme", "--name", "Okta"),
        *("--issuer", "https://acme.okta.example", "--client-id", "x", "--client-secret", "y"),
    )


def test_everything_is_well(gatepost: Gatepost) -> None:
    with_a_secret(gatepost)

    said = gatepost.run("doctor")

    assert (said.exit_code, said.stderr) == (0, "")
    assert checks(said) == {
        "settings": "ok every GATEPOST_ variable is known and fits",
        "public URL": f"ok {PUBLIC_URL}",
        "secret keys": "ok 1 in GATEPOST_SECRET_KEYS",
        "database": "ok answers",
        "migrations": "ok all applied",
        "stored secrets": "ok all 1 open with the keys",
    }


def test_secrets_of_a_lost_key_are_found(gatepost: Gatepost) -> None:
    with_a_secret(gatepost)

    said = gatepost.run("doctor", GATEPOST_SECRET_KEYS=Fernet.generate_key().decode())

    assert (said.exit_code, said.stderr) == (1, "Error: 1 of the checks failed.\n")
    assert checks(said)["stored secrets"] == (
        "PROBLEM 1 of 1 open with none of the keys. Put the key they were written with back at "
        "the end of GATEPOST_SECRET_KEYS"
    )


def test_a_wrong_setting_is_named(gatepost: Gatepost) -> None:
    said = gatepost.run("doctor", GATEPOST_PUBLIK_URL="x")

    assert said.exit_code == 1
    assert checks(said) == {
        "settings": "PROBLEM GATEPOST_PUBLIK_URL is not a setting. "
        "Did you mean GATEPOST_PUBLIC_URL?"
    }


def test_a_malformed_key_is_not_shown(gatepost: Gatepost) -> None:
    said = gatepost.run("doctor", GATEPOST_SECRET_KEYS=f"{SECRET_KEYS[0]},hunter2")

    assert said.exit_code == 1
    assert checks(said)["secret keys"].startswith("PROBLEM Secret key number 2 is not a Fernet key")
    assert "hunter2" not in said.stdout + said.stderr
    assert "database" not in checks(said)


def test_a_database_that_does_not_answer_is_a_sentence(unmigrated: Gatepost) -> None:
    nowhere = Gatepost("postgres://postgres@127.0.0.1:1/gatepost")

    asked, migrated = nowhere.run("doctor"), nowhere.run("migrate")

    assert (asked.exit_code, migrated.exit_code) == (1, 1)
    sentence = "The database cannot be opened: "
    assert checks(asked)["database"].startswith(f"PROBLEM {sentence}")
    assert migrated.stderr.startswith(f"Error: {sentence}")
    assert len(migrated.stderr.splitlines()) == 1


def test_a_file_that_is_no_database_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("These are my notes.\n" * 100)
    notes = Gatepost(f"sqlite://{tmp_path}/notes.txt")

    said = notes.run("migrate")

    assert said.exit_code == 1
    assert said.stderr == "Error: The database cannot be opened: file is not a database\n"
    assert (tmp_path / "notes.txt").read_text() == "These are my notes.\n" * 100


def test_an_unknown_kind_of_database_is_a_sentence() -> None:
    said = Gatepost("mysql://root@127.0.0.1/gatepost").run("migrate")

    assert said.exit_code == 1
    assert said.stderr == (
        "Error: The database URL starts with 'mysql'. "
        "Use sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE\n"
    )


def test_no_command_makes_a_database_but_migrate(unmigrated: Gatepost) -> None:
    path = Settings(database_url=unmigrated.database_url).sqlite_path
    assert path is not None

    for command in COMMANDS:
        said = unmigrated.run(*command, GATEPOST_SECRET_KEYS=None)
        assert (said.exit_code, said.stdout, said.stderr) == (
            1,
            "",
            f"Error: There is no database at {path} yet. Run: gatepost migrate\n",
        )
    assert unmigrated.run("doctor", GATEPOST_SECRET_KEYS=None).exit_code == 1
    assert not path.parent.exists()

    said = unmigrated.run("migrate", GATEPOST_SECRET_KEYS=None)
    assert (said.exit_code, said.stderr) == (0, "")
    assert said.stdout.splitlines()[0] == "Applying 0001_initial ..."
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, "secret.keys"]
    assert unmigrated.run("migrate", GATEPOST_SECRET_KEYS=None).stdout == (
        "There was nothing to migrate.\n"
    )
    assert unmigrated.run("doctor", GATEPOST_SECRET_KEYS=None).exit_code == 0


def test_an_empty_database_is_not_used(unmigrated: Gatepost) -> None:
    path = Settings(database_url=unmigrated.database_url).sqlite_path
    assert path is not None
    path.parent.mkdir()
    path.touch()

    for command in COMMANDS:
        said = unmigrated.run(*command)
        assert said.exit_code == 1
        assert said.stderr.startswith("Error: The database lacks ")
        assert said.stderr.endswith(" Run: gatepost migrate\n")


def test_a_new_key_is_a_fernet_key(gatepost: Gatepost) -> None:
    said = gatepost.run("secrets", "new-key")

    assert said.exit_code == 0
    assert len(Fernet(said.stdout.strip()).encrypt(b"x")) > 0


def test_keys_rotate_and_the_old_one_can_go(gatepost: Gatepost) -> None:
    with_a_secret(gatepost)
    new = gatepost.run("secrets", "new-key").stdout.strip()
    both = f"{new},{SECRET_KEYS[0]}"

    said = gatepost.run("secrets", "rotate", GATEPOST_SECRET_KEYS=both)

    assert said.stdout == "Encrypted 1 secrets with the first key; the older keys can go.\n"
    assert gatepost.run("doctor", GATEPOST_SECRET_KEYS=new).exit_code == 0
    assert gatepost.run("doctor").exit_code == 1


def test_rotating_without_the_old_key_changes_nothing(gatepost: Gatepost) -> None:
    with_a_secret(gatepost)
    before = gatepost.look(lambda: Connection.get()).client_secret_encrypted
    new = gatepost.run("secrets", "new-key").stdout.strip()

    said = gatepost.run("secrets", "rotate", GATEPOST_SECRET_KEYS=new)

    assert said.exit_code == 1
    assert said.stderr == "Error: A stored secret opens with none of the keys given.\n"
    assert gatepost.look(lambda: Connection.get()).client_secret_encrypted == before
    assert gatepost.look(lambda: Organization.all().count()) == 1


def test_the_settings_are_listed(gatepost: Gatepost) -> None:
    said = gatepost.run("doctor", "--settings", GATEPOST_DATABASE_URL=None)

    assert said.exit_code == 0
    listed = [line.split()[0] for line in said.stdout.splitlines() if line.startswith("GATEPOST_")]
    assert listed == [f"GATEPOST_{name.upper()}" for name in Settings.model_fields]
