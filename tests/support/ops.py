"""Every op that attncli has."""

from __future__ import annotations

import functools
import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module

import attncli
from attncli.trace.op import Given, Op


def _below(kind: type[Op]) -> Iterator[type[Op]]:
    for sub in kind.__subclasses__():
        if not inspect.isabstract(sub):
            yield sub
        yield from _below(sub)


@functools.cache
def all_ops() -> tuple[type[Op], ...]:
    """Return every op of attncli that can be made, in the order of their names, but for those that are given."""
    for module in pkgutil.walk_packages(attncli.__path__, "attncli."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    every = {kind for kind in _below(Op) if kind.__module__.startswith("attncli.")}  # type: ignore[type-abstract]
    return tuple(sorted((kind for kind in every if not issubclass(kind, Given)), key=lambda kind: kind.__name__))
