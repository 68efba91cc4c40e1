"""What a command answers: facts by name, for people or for scripts."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

as_json: Callable[[CommandT], CommandT] = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object instead of text."
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
