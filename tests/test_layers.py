"""Imports point down only: every package stands on those below it."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter

import pytest
from support.source import MODULES, imports, nodes

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

DEPTH = {name: depth for depth, name in enumerate(("attncli", *LAYERS))}
DRAWN_WITH_RICH = ("attncli.writers.terminal.", "attncli.common.progress")
PROCESS = {"sys.stdin", "sys.stdout", "sys.stderr", "os.environ", "os.getenv", "os.get_terminal_size"}
ASK_THE_PROCESS = {
    "attncli.cli.terminal": PROCESS,
    "attncli.readers.source": {"sys.stdin"},
    "attncli.common.progress": {"sys.stderr"},
}
"""Streams and environment are the terminal's; the reader reads standard input, the bar looks at standard error."""


def layer_of(module: str) -> str:
    """Return the name by which a module stands in `LAYERS`."""
    return module.split(".")[1] if "." in module else module


def imported_roots(module: str) -> set[str]:
    """Return the packages, attncli's own too, that a module imports for more than types."""
    roots = set()
    for node in nodes(module, types=False):
        if isinstance(node, ast.Import):
            roots |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots.add((node.module or "").split(".")[0])
    return roots


def test_every_module_stands_in_a_layer() -> None:
    """A package that is not in `LAYERS` is named here; a name there without a package, too."""
    assert {layer_of(module) for module in MODULES} == set(DEPTH)


def test_imports_point_down() -> None:
    """A module imports from lower layers, or from its own folder."""
    up = [
        f"{module} imports {other}, which is not below it"
        for module in MODULES
        for other in imports(module)
        if layer_of(other) != layer_of(module) and DEPTH[layer_of(other)] < DEPTH[layer_of(module)]
    ]
    assert not up, "\n".join(up)


def test_checking_and_formats_are_apart() -> None:
    """Checking knows no format and parses no command line; formats know nothing of checking."""
    apart = {"checking": "writers", "writers": "checking"}
    together = [
        f"{module} imports {other}"
        for module in MODULES
        if layer_of(module) in apart
        for other in imports(module)
        if layer_of(other) == apart[layer_of(module)] or other == "attncli.readers.operands"
    ]
    assert not together, "\n".join(together)


def test_imports_make_no_circle() -> None:
    """No module imports itself by way of others, in a package neither; names that only types need are no arrows."""
    TopologicalSorter({module: set(imports(module, types=False)) - {module} for module in MODULES}).prepare()


@pytest.mark.parametrize("module", ["memory", "output"])
def test_what_deals_with_the_system_knows_nothing_of_attention(module: str) -> None:
    """Memory and output import errors and text alone."""
    assert set(imports(f"attncli.common.{module}")) <= {"attncli.common.errors", "attncli.common.text"}


def test_few_know_rich_and_typer() -> None:
    """What a terminal shows is drawn with Rich, the command line is Typer's; others import them for types alone."""
    with_rich = {module for module in MODULES if "rich" in imported_roots(module)}
    with_typer = {module for module in MODULES if "typer" in imported_roots(module)}
    assert not {module for module in with_rich if not module.startswith(DRAWN_WITH_RICH)}
    assert not {module for module in with_typer if layer_of(module) not in {"cli", "__main__"}}
    assert with_rich
    assert with_typer


def test_few_know_the_process() -> None:
    """A module asks the process for no more than `ASK_THE_PROCESS` says."""
    asked: dict[str, set[str]] = {}
    for module in MODULES:
        found = {ast.unparse(node) for node in nodes(module) if isinstance(node, ast.Attribute)}
        for node in nodes(module):
            if isinstance(node, ast.ImportFrom):
                found |= {f"{node.module}.{name.name}" for name in node.names}
        if found & PROCESS - ASK_THE_PROCESS.get(module, set()):
            asked[module] = found & PROCESS
    assert not asked
