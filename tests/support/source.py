"""The package's own source: its modules by name, each read and parsed once."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import attncli

ROOT = Path(attncli.__file__).parent


def _name(path: Path) -> str:
    return ".".join(("attncli", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {_name(path): path for path in sorted(ROOT.rglob("*.py"))}
"""Every module of attncli by its full name; a package has its own, without `__init__`."""


@functools.cache
def text(module: str) -> str:
    """Return what stands in a module."""
    return MODULES[module].read_text(encoding="utf-8")


@functools.cache
def tree(module: str) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(text(module))


@functools.cache
def nodes(module: str, *, types: bool = True) -> tuple[ast.AST, ...]:
    """Return every node of a module, and what it imports for `types` alone only where asked."""
    whole = tree(module)
    body = [node for node in whole.body if types or not _only_for_types(node)]
    return tuple(ast.walk(ast.Module(body, whole.type_ignores)))


def _only_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(module: str, *, types: bool = True) -> Iterator[str]:
    """Yield every module of attncli that this one imports, inside functions too, and for `types` only where asked.

    The version and other names of the package itself are not modules: the package is always imported at no cost.
    """
    for node in nodes(module, types=types):
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
