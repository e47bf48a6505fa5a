"""The files of an exercise: all paths are checked before anything is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from attncli.common import output
from attncli.common.errors import AttnError, Where
from attncli.exercises import blank, key, sheet
from attncli.exercises.draw import Exercise
from attncli.writers.formats import FORMATS, by_suffix, names_for

_WRITTEN: dict[str, Callable[[Exercise, str], str]] = {
    "--sheet": sheet.written,
    "--answers": blank.written,
    "--key": key.written,
}


def requested(paths: Mapping[str, str | None], out: str | None, format: str) -> dict[str, tuple[str, str]]:
    """Return the path and format of each file except `out`, by option; `format` is that of `out`.

    Raises
    ------
    AttnError
        If a suffix is unknown, two options name the same file, or a file cannot be written.
    """
    formats = {
        "--sheet": names_for("worksheet"),
        "--answers": ["json", "csv"],
        "--key": ["json", "markdown", "latex"],
        "--out": [format],
    }
    everything = {option: path for option, path in {**paths, "--out": out}.items() if path}
    wanted = {option: (path, _format(option, path, formats[option])) for option, path in everything.items()}
    places: dict[str, str] = {}
    for option, path in everything.items():
        place = os.path.realpath(path)
        if place in places:
            msg = f"{places[place]} and {option} name the same file"
            raise AttnError(msg, Where(path))
        places[place] = option
        output.must_take(path)
    wanted.pop("--out", None)
    return wanted


def text(option: str, format: str, exercise: Exercise) -> str:
    """Return the text of the file for `option`."""
    return _WRITTEN[option](exercise, format)


def _format(option: str, path: str, names: list[str]) -> str:
    found = by_suffix(path, names)
    if not found:
        msg = f"{option} must end in {' or '.join(FORMATS[name].suffixes[0] for name in names)}"
        raise AttnError(msg, Where(path))
    return found.name
