"""What a command answers: facts by name, for people or for scripts."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

as_json: Callable[[CommandT], CommandT] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON instead of text."
)


def answer(facts: Mapping[str, str], *, headline: str, as_json: bool) -> None:
    """The facts as one JSON object, or below a headline, one a line."""
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(headline)
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"  {name:<{width}}  {value}")


def listed(rows: Sequence[Mapping[str, str]], *, none: str, as_json: bool) -> None:
    """Facts of several things as a JSON array, or as a table; `none` is said if there are none."""
    if as_json:
        click.echo(json.dumps(list(rows)))
        return
    if not rows:
        click.echo(none)
        return
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in rows[0]}
    for row in [{name: name for name in widths}, *rows]:
        click.echo("  ".join(f"{row[name]:<{width}}" for name, width in widths.items()).rstrip())
