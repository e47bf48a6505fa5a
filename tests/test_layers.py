"""Imports point down only: every module of attncli stands in one layer, and imports from lower ones."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import attncli

LAYERS = (
    ("attncli",),  # what the library offers, imported when asked for
    ("__main__",),
    ("cli",),
    ("api",),
    ("exercises",),
    ("checking",),
    ("operands",),
    ("writers",),
    ("derivation",),
    ("givens", "fused"),
    ("positions",),
    ("mods",),
    ("ops",),
    ("arithmetic", "progress"),
    ("readers",),
    ("problem",),
    ("pytorch",),
    ("coerce", "palette"),
    ("fields",),
    ("trace",),
    ("exact",),
    ("expressions", "labels"),
    ("style",),
    ("memory", "output", "rounding"),
    ("errors",),
    ("text",),
)
"""From top to bottom. A folder is one layer; a module that is not here fails the tests: say where it belongs.

Modules of one layer do not know each other. A name may stand here before there is such a module.
"""

ROOT = Path(attncli.__file__).parent
DEPTH = {module: depth for depth, layer in enumerate(LAYERS) for module in layer}
MODULES = {
    ".".join(("attncli", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in ROOT.rglob("*.py")
}


def layer_of(module: str) -> str:
    """Return the name by which a module stands in `LAYERS`."""
    return module.split(".")[1] if "." in module else module


def imports(module: str) -> Iterator[str]:
    """Every module of attncli that this one imports, inside functions and for types too.

    The version and other names of the package itself are no module: the package is always imported, and costs nothing.
    """
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
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


def test_imports_make_no_circle() -> None:
    """No module imports itself by way of others, in a folder neither."""
    TopologicalSorter({module: set(imports(module)) - {module} for module in MODULES}).prepare()


@pytest.mark.parametrize("module", ["memory", "output"])
def test_what_deals_with_the_system_knows_nothing_of_attention(module: str) -> None:
    """Memory and output import errors and text alone."""
    assert {layer_of(other) for other in imports(f"attncli.{module}")} <= {"errors", "text"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_few_know_rich_and_typer(module: str) -> None:
    """The table and the progress bar are drawn with Rich; the command line is Typer's; nothing else imports them."""
    roots = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert "rich" not in roots or module in {"attncli.writers.table", "attncli.progress"}
    assert "typer" not in roots or module in {"attncli.cli", "attncli.__main__"}
