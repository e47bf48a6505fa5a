"""What an exercise can be written as, by what it is for and by suffix; all is checked before anything is written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module

from attncli.common import output
from attncli.common.errors import AttnError, Where
from attncli.exercises.draw import Exercise

WRITERS = {
    "--sheet": {".md": "sheet.markdown", ".tex": "sheet_tex.latex"},
    "--answers": {".json": "blank.json", ".csv": "blank.csv"},
    "--key": {".json": "key.json", ".md": "key.markdown", ".tex": "key.latex"},
}
"""For each option the suffixes, and the module and function that write them."""


def check(paths: Mapping[str, str | None], out: str | None, suffix: str) -> dict[str, str]:
    """Return the files that are wanted, by option; `out` is where else something goes, which wants one suffix.

    Raises AttnError for an unknown suffix, for a file that is wanted twice, and for one that cannot be written.
    """
    wanted = {option: path for option, path in paths.items() if path}
    suffixes = {option: list(WRITERS[option]) for option in wanted}
    everything = wanted | ({"--out": out} if out else {})
    for option, path in everything.items():
        known = suffixes.get(option, [suffix])
        if _suffix(path) not in known:
            msg = f"{option} is written as {' or '.join(known)}"
            raise AttnError(msg, Where(path))
    places: dict[str, str] = {}
    for option, path in everything.items():
        place = os.path.realpath(path)
        if place in places:
            msg = f"{places[place]} and {option} name the same file"
            raise AttnError(msg, Where(path))
        places[place] = option
        output.must_take(path)
    return wanted


def text(option: str, path: str, exercise: Exercise) -> str:
    """Return what is to be written to a file that `check` let pass."""
    module, _, function = WRITERS[option][_suffix(path)].partition(".")
    made: str = getattr(import_module(f"attncli.exercises.{module}"), function)(exercise)
    return made


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()
