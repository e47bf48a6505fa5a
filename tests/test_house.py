"""The shape of the package: the sizes of its parts, and its docstrings."""

from __future__ import annotations

import ast
import re
from collections import Counter

from support.command import Runner
from support.source import MODULES, ROOT, text, tree

from attncli.problem.fields import OPTIONS

MAX_MODULE = 450
MAX_CLASS = 300


def documented(module: str) -> list[str]:
    """Return the docstrings of a module, its classes and its functions."""
    nodes = [node for node in ast.walk(tree(module)) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    return [doc for node in nodes if (doc := ast.get_docstring(node))]


def test_packages_are_few() -> None:
    """The package has at most five modules and fifteen packages directly below it."""
    below = [path for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    assert len([path for path in below if path.suffix == ".py"]) <= 5
    assert len([path for path in below if path.is_dir()]) <= 15


def test_modules_and_classes_are_small() -> None:
    """A module has at most 450 lines, a class 300."""
    large = [module for module in MODULES if len(text(module).splitlines()) > MAX_MODULE]
    large += [
        f"{module}.{node.name}"
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ClassDef) and (node.end_lineno or 0) - node.lineno >= MAX_CLASS
    ]
    assert not large


def test_docstrings_are_not_repeated() -> None:
    """A docstring that is repeated often says nothing about the object it belongs to."""
    counts = Counter(doc for module in MODULES for doc in documented(module))
    assert max(counts.values()) <= 8, counts.most_common(3)


def test_summaries_are_one_line() -> None:
    """A docstring is one line, or has a blank line below its summary."""
    for module in MODULES:
        for doc in documented(module):
            summary, *rest = doc.splitlines()
            assert summary, module
            assert not rest or not rest[0].strip(), (module, doc)


def test_the_package_speaks_for_itself() -> None:
    """Text in the package does not point to documents that are not part of it."""
    assert not [module for module in MODULES if re.search(r"\bSPEC\b", text(module))]


def test_help_of_fields_fits_in_a_line(run: Runner) -> None:
    """At 80 columns, the help of every field's option is a line of its own, or the end of one."""
    shown = run("run", "--help").out
    for field in OPTIONS:
        assert f"  {field.help}\n" in shown, field.name


def test_summaries_are_found() -> None:
    """The tests above see the docstrings of the whole package."""
    assert sum(len(documented(module)) for module in MODULES) > 300
