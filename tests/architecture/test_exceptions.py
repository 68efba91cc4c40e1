"""Errors travel to the one place that translates them; nothing swallows what it does not know."""

import ast
from collections.abc import Iterator

from tests.architecture.sources import Source, assert_only, file_and_name, python_sources

BROAD = frozenset({"Exception", "BaseException"})

# "file function": why everything is caught there. The application's error handler, the worker loop,
# and what calls resolvers, and nothing else.
CATCH_ALL: dict[str, str] = {
    "gateway/posting.py _serve": "the worker loop of webhooks: what fails is logged, and due again",
    "gateway/worker.py work": "the worker loop: what fails is logged, and tried again",
    "schema/engine/engine.py mutation": "what graphql-core does around a resolver",
    "schema/execution.py _compiled": "graphql-core then says at which field it fails",
}


class CatchAlls(ast.NodeVisitor):
    """Collects "file:line function" of each handler, and each `suppress`, that takes anything."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.function = "<module>"
        self.found: list[str] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.enter(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.enter(node)

    def enter(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outer, self.function = self.function, node.name
        self.generic_visit(node)
        self.function = outer

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is None or is_broad(node.type):
            self.found.append(f"{self.source.at(node)} {self.function}")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if name_of(node.func) == "suppress" and any(map(is_broad, node.args)):
            self.found.append(f"{self.source.at(node)} {self.function}")
        self.generic_visit(node)


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def is_broad(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return any(map(is_broad, node.elts))
    return name_of(node) in BROAD


def catch_alls(source: Source) -> Iterator[str]:
    visitor = CatchAlls(source)
    visitor.visit(source.tree)
    yield from visitor.found


def test_only_the_error_handler_and_the_worker_loop_catch_everything() -> None:
    offences = [offence for source in python_sources() for offence in catch_alls(source)]
    assert_only(CATCH_ALL, {offence: file_and_name(offence) for offence in offences})


def test_a_catch_all_is_found() -> None:
    text = """
def bare():
    try: pass
    except: pass
async def plain():
    try: pass
    except Exception as error: pass
def listed():
    try: pass
    except (KeyError, builtins.BaseException): pass
def suppressed():
    with contextlib.suppress(Exception): pass
def named():
    try: pass
    except KeyError: pass
"""
    assert list(catch_alls(Source.parse("scim/app.py", text))) == [
        "scim/app.py:4 bare",
        "scim/app.py:7 plain",
        "scim/app.py:10 listed",
        "scim/app.py:12 suppressed",
    ]
