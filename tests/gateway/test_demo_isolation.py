"""Nothing that serves customers can reach the provider that believes whoever says who they are."""

import ast
import subprocess
import sys

from tests.architecture.sources import ROOT, assert_none, python_sources
from tests.architecture.test_imports import imported_modules


def test_nothing_imports_the_demo() -> None:
    assert_none(
        f"{source.path} imports {module}"
        for source in python_sources()
        if source.is_product and source.path.parts[:2] != ("gateway", "demo")
        for node in ast.walk(source.tree)
        for module in imported_modules(node)
        if module.startswith("gateway.demo")
    )


def test_serving_loads_nothing_of_it() -> None:
    text = (
        "import sys, gateway.app, gateway.cli.serve;"
        "sys.exit(any(name.startswith('gateway.demo') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", text], cwd=ROOT, check=False).returncode == 0
