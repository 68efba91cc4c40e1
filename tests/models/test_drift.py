"""The migrations say what the models say; a difference becomes the draft of the next one."""

import asyncio
import shutil
from pathlib import Path

import pytest

import models.migrations
from models.drift import drift
from tests.models import catalog

MIGRATIONS = Path(models.migrations.__file__).parent


def test_the_migrations_say_what_the_models_say() -> None:
    assert asyncio.run(drift()) is None


def test_without_migrations_every_table_is_drafted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no_migrations").mkdir()
    (tmp_path / "no_migrations" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)

    draft = asyncio.run(drift("no_migrations"))

    assert draft is not None
    assert "    initial = True\n" in draft
    assert draft.count("ops.CreateModel(") == len(catalog.all_models())
    assert "Statements" not in draft


def test_a_changed_table_is_drafted_as_statements_to_fill_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(MIGRATIONS, tmp_path / "older_migrations")
    first = tmp_path / "older_migrations" / "0001_initial.py"
    column = '                ("slug", fields.CharField(unique=True, max_length=63)),\n'
    text = first.read_text()
    assert column in text
    first.write_text(text.replace(column, ""))
    monkeypatch.syspath_prepend(tmp_path)

    draft = asyncio.run(drift("older_migrations"))

    assert draft is not None
    last = max(path.stem for path in MIGRATIONS.glob("0*.py"))
    assert f"    dependencies = [('models', {last!r})]\n" in draft
    assert draft.partition("    operations = [\n")[2] == (
        "        Statements(\n"
        "            sqlite=[],\n"
        "            postgres=[],\n"
        "            state=[\n"
        "                ops.AddField(\n"
        "                    model_name='Organization',\n"
        "                    name='slug',\n"
        "                    field=fields.CharField(unique=True, max_length=63),\n"
        "                ),\n"
        "            ],\n"
        "        ),\n"
        "    ]\n"
    )
