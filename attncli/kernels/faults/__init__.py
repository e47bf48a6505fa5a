"""The families of faults, in the order in which they are preferred if several explain an output equally well."""

from __future__ import annotations

from collections.abc import Iterator

from attncli.kernels.faults import heads, masks, positions, weights
from attncli.kernels.faults.fault import Family, Fault, Kernel, Setting

__all__ = ["Fault", "Kernel", "Setting", "families", "faults", "register"]

families: list[Family] = [masks.faults, weights.faults, positions.faults, heads.faults]


def register(family: Family) -> Family:
    """Add a family of faults after the others; return it, for use as a decorator."""
    families.append(family)
    return family


def faults(setting: Setting) -> Iterator[Fault]:
    """Yield the faults that this problem allows."""
    for family in families:
        yield from family(setting)
