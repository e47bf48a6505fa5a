"""The files of an exercise: all paths are checked before anything is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

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
_DEFAULTS = {"--sheet": "md", "--answers": "json", "--key": "json"}
"""The suffixes of the files in the folder of a class."""


def requested(paths: Mapping[str, str | None], out: str | None) -> dict[str, tuple[str, str]]:
    """Return the path and format of each file except `out`, by option.

    Raises
    ------
    AttnError
        If a suffix is unknown, two options name the same file, or a file cannot be written.
    """
    wanted = {option: (path, _format(option, path)) for option, path in paths.items() if path}
    places: dict[str, str] = {}
    for option, path in {**paths, "--out": out}.items():
        if path is None:
            continue
        place = os.path.realpath(path)
        if place in places:
            msg = f"{places[place]} and {option} name the same file"
            raise AttnError(msg, Where(path))
        places[place] = option
        output.must_take(path)
    return wanted


def of_class(paths: Mapping[str, str | None]) -> dict[str, tuple[str, str]]:
    """Return the ending and format of each student's files, by option: of `--sheet html`, ".sheet.html" and "html".

    Raises AttnError for an unknown suffix.
    """
    wanted = {}
    for option, path in paths.items():
        suffix = (path or _DEFAULTS[option]).rpartition(".")[2].lower()
        wanted[option] = f".{option[2:]}.{suffix}", _format(option, f".{suffix}")
    return wanted


def texts_of_class(
    exercises: Sequence[Exercise], stems: Sequence[str], wanted: Mapping[str, tuple[str, str]]
) -> dict[str, str]:
    """Return the text of each student's files, the exercise first, by name."""
    found = {}
    for exercise, stem in zip(exercises, stems, strict=True):
        found[f"{stem}.json"] = str(FORMATS["json"].trace([exercise.problem()], key.STYLE))
        for option, (ending, format) in wanted.items():
            found[f"{stem}{ending}"] = text(option, format, exercise)
    return found


def text(option: str, format: str, exercise: Exercise) -> str:
    """Return the text of the file for `option`."""
    return _WRITTEN[option](exercise, format)


def _format(option: str, path: str) -> str:
    names = {"--sheet": names_for("worksheet"), "--answers": ["json", "csv"], "--key": ["json", "markdown", "latex"]}
    found = by_suffix(path, names[option])
    if not found:
        *most, last = (FORMATS[name].suffixes[0] for name in names[option])
        msg = f"{option} must end in {', '.join(most)} or {last}"
        raise AttnError(msg, Where(path))
    return found.name
