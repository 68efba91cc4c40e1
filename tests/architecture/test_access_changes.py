"""Whatever changes access is known to what looks back at it."""

import ast
from collections.abc import Iterator

from identity.audit.actions import Action
from identity.audit.replay import TELLING, TOLD
from tests.architecture.sources import Source, python_sources

CARRIERS = frozenset({"Deletion"})
"""What carries the action of a change that `writing` is given by a name of another kind."""


def actions_that_change_access(source: Source) -> Iterator[str]:
    """The actions, by their names, with which a file opens or turns into a change of access.

    Raises `AssertionError` for an action that cannot be read off the file.
    """
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and _called(node.func) == "writing" and _changes(node):
            action = node.args[1]
            if isinstance(action, ast.Attribute) and _called(action.value) == "Action":
                yield action.attr
            else:
                assert ast.unparse(action) == "deletion.action", source.at(node)
        elif isinstance(node, ast.Call) and _called(node.func) in CARRIERS:
            yield from _named(node)
        elif isinstance(node, ast.Assign) and "write.action" in ast.unparse(node.targets[0]):
            yield from _named(node.value)


def _changes(call: ast.Call) -> bool:
    return any(keyword.arg == "changes_access" for keyword in call.keywords)


def _called(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _named(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and _called(each.value) == "Action":
            yield each.attr


def test_looking_back_knows_every_action_that_changes_access() -> None:
    found = {
        Action[name]
        for source in python_sources()
        if source.path.parts[0] == "identity"
        for name in actions_that_change_access(source)
    }
    assert len(found) >= 20, "they are found at all"
    assert found <= TELLING | TOLD, "say in identity/audit/replay.py how to undo it"
    assert not TELLING & TOLD


def test_an_action_is_found_however_it_is_given() -> None:
    text = """
async def change(subject):
    async with writing(subject, Action.ROLE_CREATE, changes_access=True) as write:
        write.action = Action.ROLE_UPDATE
        write.action, write.changes_access = Action.ROLE_DELETE, True
    async with writing(subject, Action.CAMPAIGN_SEND) as write:
        pass
    Deletion(Action.CAMPAIGN_DELETE, kind)
"""
    found = set(actions_that_change_access(Source.parse("identity/x.py", text)))
    assert found == {"ROLE_CREATE", "ROLE_UPDATE", "ROLE_DELETE", "CAMPAIGN_DELETE"}
