"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        metavar="NAME",
        help="table, json, jsonl, csv, markdown, latex, html, svg, npz or npy [table].",
    ),
]
Out = Annotated[
    str | None, typer.Option("--out", "-o", metavar="FILE", help="Write to FILE; its suffix selects the format.")
]
Exact = Annotated[bool, typer.Option("--exact", help="Show roots, fractions and powers of e.")]
Full = Annotated[bool, typer.Option("--full", help="Show everything, however large.")]
Color = Annotated[
    Literal["auto", "always", "never"],
    typer.Option(metavar="WHEN", help="auto, always or never [auto: in a terminal].", show_default=False),
]
