"""Variants of an exercise, one for each student: their seeds, the roster, and the folder of files."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

from attncli.common import file_names
from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted
from attncli.exercises.draw import Exercise, draw
from attncli.exercises.spec import ExerciseSpec
from attncli.readers.source import bytes_of, decode

_SEEDS = 1_000_000
"""Seeds of variants are below this: short enough to copy by hand, too many to repeat by chance."""
_NAMES = {"name", "student", "fullname", "studentname"}
_FIRST_NAMES, _LAST_NAMES = {"firstname", "givenname"}, {"surname", "lastname", "familyname"}
"""Headings of the columns of a roster, without case, blanks and signs."""


def drawn(spec: ExerciseSpec, students: Sequence[str], count: int) -> list[Exercise]:
    """Return variants of an exercise, the same for the same seed: one for each student, or `count` without names."""
    names = list(students) or [""] * count
    return [
        replace(draw(replace(spec, seed=seed, title=_title(spec, seed, name))), student=name)
        for seed, name in zip(_seeds(spec.seed, len(names)), names, strict=True)
    ]


def _title(spec: ExerciseSpec, seed: int, student: str) -> str:
    title = spec.title or f"Exercise {seed}"
    return f"{title}: {student}" if student else title


def _seeds(seed: int, count: int) -> list[int]:
    """Return different seeds derived from one; the first are the same however many there are."""
    random = Random(seed).random  # noqa: S311 (not for security)
    found: dict[int, None] = {}
    while len(found) < count:
        found[int(random() * _SEEDS)] = None
    return list(found)


def count_of(count: int | None, students: Sequence[str]) -> int:
    """Return the number of variants; AttnError if it is 0, or not one for each student."""
    if count is not None and not 1 <= count <= _SEEDS // 10:
        msg = f"--count must be from 1 to {_SEEDS // 10}, got {count}"
        raise AttnError(msg)
    if students and count not in {None, len(students)}:
        msg = f"--count is {count}, and --names has {len(students)} names"
        raise AttnError(msg, hint="leave out --count")
    return len(students) or count or 1


# --- the roster ----------------------------------------------------------------------------------------------------


def roster(path: str) -> list[str]:
    """Return the names in a CSV file: in the column of names, in those of first and last names, or in the first.

    Raises AttnError for a file without names, and for a name that it has twice.
    """
    where = Where(path)
    rows = list(_rows(decode(bytes_of(path), where)))
    columns = _columns(rows[0][1]) if rows else []
    found: dict[str, tuple[int, str]] = {}
    for line, cells in rows[1:] if columns else rows:
        name = " ".join(cells[at] for at in columns or [0] if at < len(cells) and cells[at])
        if not name:
            msg = "has no name"
            raise AttnError(msg, Where(path, line))
        first, _ = found.setdefault(name.casefold(), (line, name))
        if first != line:
            msg = f"{quoted(name)} appears twice, first in line {first}"
            raise AttnError(msg, Where(path, line), "add what tells them apart, for example an initial")
    if not found:
        msg = "holds no names"
        raise AttnError(msg, where)
    return [name for _, name in found.values()]


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that have a cell with text, with their numbers."""
    head = text.partition("\n")[0]
    delimiter = next((mark for mark in ";\t" if mark in head), ",")
    reader = csv.reader(text.splitlines(), delimiter=delimiter, skipinitialspace=True)
    for cells in reader:
        bare = [" ".join(cell.split()) for cell in cells]
        if any(bare):
            yield reader.line_num, bare


def _columns(header: Sequence[str]) -> list[int]:
    """Return the columns that names are in by this header; none if it is not a header."""
    folded = [re.sub(r"[^a-z]", "", cell.lower()) for cell in header]
    for wanted in ([_NAMES], [_FIRST_NAMES, _LAST_NAMES]):
        at = [next((at for at, name in enumerate(folded) if name in names), None) for names in wanted]
        if None not in at:
            return [place for place in at if place is not None]
    return []


# --- the folder ----------------------------------------------------------------------------------------------------


def stems(students: Sequence[str], count: int) -> list[str]:
    """Return a name for the files of each variant, by its student if there is one."""
    digits = max(2, len(str(count)))
    return file_names.stems(students) or [f"variant-{number:0{digits}}" for number in range(1, count + 1)]
