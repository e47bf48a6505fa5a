"""Imports point down only: every package stands on those below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import attncli

LAYERS = (
    "__main__",
    "cli",
    "help",
    "api",
    "practice",
    "exercises",
    "writers",
    "checking",
    "kernels",
    "readers",
    "models",
    "derivation",
    "trace",
    "problem",
    "common",
)
"""The packages from top to bottom; one that is not here fails the tests: say where it belongs.

Above all of them stands the package itself, which imports what it offers when that is asked for.
"""

ROOT = Path(attncli.__file__).parent
DEPTH = {name: depth for depth, name in enumerate(("attncli", *LAYERS))}
MODULES = {
    ".".join(("attncli", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in ROOT.rglob("*.py")
}


DRAWN_WITH_RICH = ("attncli.writers.terminal.", "attncli.common.progress")


def layer_of(module: str) -> str:
    """Return the name by which a module stands in `LAYERS`."""
    return module.split(".")[1] if "." in module else module


def _only_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(module: str, *, types: bool = True) -> Iterator[str]:
    """Every module of attncli that this one imports, inside functions too, and for `types` only where asked.

    The version and other names of the package itself are no module: the package is always imported, and costs nothing.
    """
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    if not types:
        tree.body = [node for node in tree.body if not _only_for_types(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: an import says where from: attncli.…"
            source = node.module or ""
            for name in node.names:
                if f"{source}.{name.name}" in MODULES:
                    yield f"{source}.{name.name}"
                elif source in MODULES and source != "attncli":
                    yield source


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down(module: str) -> None:
    """A module imports from lower layers, or from its own folder."""
    assert layer_of(module) in DEPTH, f"{module} stands in no layer"
    for other in imports(module):
        assert layer_of(other) in DEPTH, f"{other} stands in no layer"
        below = DEPTH[layer_of(other)] > DEPTH[layer_of(module)]
        assert below or layer_of(other) == layer_of(module), f"{module} imports {other}, which is not below it"


@pytest.mark.parametrize("module", sorted(module for module in MODULES if layer_of(module) in {"checking", "writers"}))
def test_what_is_said_and_how_it_looks_are_apart(module: str) -> None:
    """Checking knows no format and parses no command line; formats know nothing of checking."""
    other = {"checking": "writers", "writers": "checking"}[layer_of(module)]
    assert not [name for name in imports(module) if layer_of(name) == other or name == "attncli.readers.operands"]


def test_imports_make_no_circle() -> None:
    """No module imports itself by way of others, in a package neither; names that only types need are no arrows."""
    TopologicalSorter({module: set(imports(module, types=False)) - {module} for module in MODULES}).prepare()


@pytest.mark.parametrize("module", ["memory", "output"])
def test_what_deals_with_the_system_knows_nothing_of_attention(module: str) -> None:
    """Memory and output import errors and text alone."""
    assert set(imports(f"attncli.common.{module}")) <= {"attncli.common.errors", "attncli.common.text"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_few_know_rich_and_typer(module: str) -> None:
    """What a terminal shows is drawn with Rich, the command line is Typer's; others import them for types alone."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if not _only_for_types(node)]
    roots = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert "rich" not in roots or module.startswith(DRAWN_WITH_RICH)
    assert "typer" not in roots or layer_of(module) in {"cli", "__main__"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_few_know_the_process(module: str) -> None:
    """Streams and environment are the terminal's; the reader reads standard input, the bar looks at standard error."""
    nodes = list(ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))))
    asked = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
    asked |= {f"{node.module}.{name.name}" for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names}
    process = {"sys.stdin", "sys.stdout", "sys.stderr", "os.environ", "os.getenv", "os.get_terminal_size"}
    allowed = {
        "attncli.cli.terminal": process,
        "attncli.readers.source": {"sys.stdin"},
        "attncli.common.progress": {"sys.stderr"},
    }
    assert asked & process <= allowed.get(module, set())
