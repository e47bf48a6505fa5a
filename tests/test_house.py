"""The shape of the package: the sizes of its parts, and its docstrings."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from support.command import Runner

import attncli
from attncli.problem.fields import OPTIONS

ROOT = Path(attncli.__file__).parent
MODULES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py")}
TREES = {name: ast.parse(text) for name, text in MODULES.items()}


def documented(tree: ast.Module) -> list[str]:
    """Return the docstrings of a module, its classes and its functions."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    return [text for node in nodes if (text := ast.get_docstring(node))]


def test_packages_are_few() -> None:
    """The package has at most five modules and fifteen packages directly below it."""
    assert len([name for name in MODULES if "/" not in name]) <= 5
    assert len([name for name in MODULES if name.endswith("__init__.py") and name.count("/") == 1]) <= 15


@pytest.mark.parametrize("module", sorted(MODULES))
def test_modules_and_classes_are_small(module: str) -> None:
    """A module has at most 450 lines, a class 300."""
    assert len(MODULES[module].splitlines()) <= 450
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.ClassDef):
            assert (node.end_lineno or 0) - node.lineno < 300, node.name


def test_docstrings_are_not_repeated() -> None:
    """A docstring that is repeated often says nothing about the object it belongs to."""
    counts = Counter(text for tree in TREES.values() for text in documented(tree))
    assert max(counts.values()) <= 8, counts.most_common(3)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_summaries_are_one_line(module: str) -> None:
    """A docstring is one line, or has a blank line below its summary."""
    for text in documented(TREES[module]):
        summary, *rest = text.splitlines()
        assert summary
        assert not rest or not rest[0].strip(), text


@pytest.mark.parametrize("module", sorted(MODULES))
def test_the_package_speaks_for_itself(module: str) -> None:
    """Text in the package does not point to documents that are not part of it."""
    assert not re.search(r"\bSPEC\b", MODULES[module])


def test_help_of_fields_fits_in_a_line(run: Runner) -> None:
    """At 80 columns, the help of every field's option is a line of its own, or the end of one."""
    shown = run("run", "--help").out
    for field in OPTIONS:
        assert f"  {field.help}\n" in shown, field.name


def test_summaries_are_found() -> None:
    """The tests above see the docstrings of the whole package."""
    assert sum(len(documented(tree)) for tree in TREES.values()) > 300
