"""The table of families.

To add a family from outside::

    from attncli.models.families import register

    register(Family("mymodel", (Attention("layers.{i}.", (Linear("attn.{}", "attn.out"), Rope(), Causal())),)))
"""

from __future__ import annotations

from attncli.models.decoders import DECODERS
from attncli.models.encoders import ENCODERS
from attncli.models.family import Family
from attncli.models.two_stacks import TWO_STACKS

FAMILIES: dict[str, Family] = {}
"""The families by their `model_type`."""


def register(family: Family) -> None:
    """Add a family; ValueError if there is one of this name."""
    if family.name in FAMILIES:
        msg = f"there is already a family {family.name!r}"
        raise ValueError(msg)
    FAMILIES[family.name] = family


for _family in (*ENCODERS, *DECODERS, *TWO_STACKS):
    register(_family)
