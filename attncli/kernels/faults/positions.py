"""Faults of rotary embeddings: other rotations of the queries and keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from attncli.kernels.faults.fault import Fault, Setting
from attncli.trace.op import Same

if TYPE_CHECKING:
    from attncli.trace.op import Op


def faults(s: Setting) -> Iterator[Fault]:
    """Yield the faults of RoPE."""
    if s.turned is None:
        return
    queries = {name: op for name, op in s.rotations.items() if name.startswith("Q")}
    keys = {name: op for name, op in s.rotations.items() if name not in queries}
    styles = {
        name: replace(op, style="half" if op.style == "interleaved" else "interleaved")
        for name, op in s.rotations.items()
    }
    style = next(iter(styles.values())).style
    changes: list[tuple[str, str, str, Mapping[str, Op]]] = [
        ("rope_style", f"RoPE pairs dimensions as in the style {style}", "which dimensions form a pair", styles),
        (
            "rope_queries_from_one",
            "the queries are rotated one position further than the keys",
            "the first position of the queries",
            {name: replace(op, start=op.start + 1) for name, op in queries.items()},
        ),
        (
            "rope_keys_not_turned",
            "the keys are not rotated",
            "whether RoPE reaches the keys",
            dict.fromkeys(keys, Same()),
        ),
        (
            "rope_ignored",
            "queries and keys are not rotated",
            "whether RoPE reaches the kernel",
            dict.fromkeys(s.rotations, Same()),
        ),
    ]
    for id, said, look, ops in changes:
        yield Fault(id, said, look, s.turned(ops))
