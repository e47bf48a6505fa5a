"""Options that several commands share."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import typer

from attncli.common.errors import AttnError

Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        metavar="NAME",
        help="table, json, jsonl, csv, tsv, long, markdown, latex, html, svg, npz or npy [table].",
    ),
]


def _file(path: str | None) -> str | None:
    """Return None for `-`, which is standard output, as if no file were named."""
    return None if path == "-" else path


def _finite(tolerance: float | None) -> float | None:
    if tolerance is not None and not 0 <= tolerance < math.inf:
        msg = f"--tolerance must be ≥ 0, got {tolerance:g}"
        raise AttnError(msg)
    return tolerance


Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        callback=_file,
        help="Write to FILE, or - (standard output); its suffix selects the format.",
    ),
]
Tolerance = Annotated[
    float | None,
    typer.Option(metavar="X", callback=_finite, help="Accept differences up to X, however many decimals are given."),
]
Like = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Assume the defaults of torch-sdpa, flash, jax, …: see attncli conventions."),
]
Header = Annotated[bool, typer.Option("--header", help="Put labels around the matrices of csv and tsv.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Write no notes to standard error.")]
Exact = Annotated[bool, typer.Option("--exact", help="Show roots, fractions and powers of e.")]
Full = Annotated[bool, typer.Option("--full", help="Show everything, however large.")]
Color = Annotated[
    Literal["auto", "always", "never"],
    typer.Option(metavar="WHEN", help="auto, always or never [auto: in a terminal].", show_default=False),
]
