"""Hold simulated students against the checker: what it does to honest ones, and what it lets pass.

A submission is drawn from its group, a seed and a number, and from nothing else, so that each can be drawn again.
"""

from __future__ import annotations

import contextlib
import gc
import math
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeAlias
from unittest.mock import patch

from support import json

import attncli
from students import habits, wrongs
from students.exercises import KINDS, Cell, Problem
from students.paper import Claims, Grade, Habit, work
from students.slips import RANDOM, REASONS, ROWS, Slip, neighbours_name

NOT_RIGHT = {"known_mistake", "slip", "wrong", "too_few_decimals"}
"""States that hold something against a step."""


@dataclass(frozen=True)
class Submission:
    """What one student hands in, and what is known of it."""

    problem: Problem
    claims: Claims
    kind: str
    """The kind of exercise."""
    habit: Habit | None = None
    wrong: wrongs.Wrong | None = None
    double: wrongs.Double | None = None

    @property
    def text(self) -> str:
        """The claims as the text of a table; "" where they are nested lists."""
        name = self.habit.table if self.habit else ""
        return habits.TABLES[name](self.claims) if name else ""

    def said(self) -> str:
        """Say what the student did: kind of exercise, habit, and error."""
        parts = [self.kind]
        if self.habit:
            parts.append(f"{self.habit.family} ({self.habit.name})")
        if self.wrong:
            slip = self.wrong.slip
            about = f" ({slip.about})" if slip.about else ""
            parts.append(f"{slip.kind}{about} in {slip.step}{_one_based(slip.cell)}, {self.wrong.size:.1f} units")
        if self.double:
            parts.append(f"{self.double.first} and {self.double.second}")
        return "; ".join(parts)


@dataclass(frozen=True)
class Outcome:
    """One answer to one question about a submission."""

    row: str
    """The question, a row of the table."""
    part: str
    """The habit's family or the kind of error, by which the row is split up."""
    yes: bool


def _one_based(cell: Cell) -> str:
    return f"[{','.join(str(index + 1) for index in cell)}]"


# --- drawing -------------------------------------------------------------------------------------------------


def submission(group: str, seed: int, number: int) -> Submission:
    """Draw the submission of this number."""
    return GROUPS[group].draw(Random(f"{group} {seed} {number}"))


Draw: TypeAlias = Callable[[Random], Submission]


def _exercise(random: Random, habit: Habit | None = None) -> tuple[str, Problem]:
    """Draw a kind and an exercise of it, in which the habit shows."""
    while True:
        kind = random.choice(list(KINDS))
        p = KINDS[kind](random)
        if not habit or habit.fits(p):
            return kind, p


def _habit(random: Random, known: Iterable[Habit]) -> Habit:
    """Draw a habit, of a family drawn before it: families count alike, however many habits they have."""
    families: dict[str, list[Habit]] = {}
    for habit in known:
        families.setdefault(habit.family, []).append(habit)
    return random.choice(families[random.choice(list(families))])


def _honest(grade: Grade) -> Draw:
    known = [habit for habit in habits.HABITS if habit.grade == grade]

    def draw(random: Random) -> Submission:
        habit = _habit(random, known)
        kind, p = _exercise(random, habit)
        sheet = work(p, habit, random)
        return Submission(p, sheet.claims, kind, habit)

    return draw


def _with_error(known: Iterable[Habit], kinds: tuple[str, ...], least: float, *, followed: bool = False) -> Draw:
    """Return the draw of students with one error of at least so many units."""

    def draw(random: Random) -> Submission:
        habit = _habit(random, known)
        while True:  # with another error each time: a small one is never beyond two units of an exact number
            kind, p = _exercise(random, habit)
            made = wrongs.wrong(p, habit, random.choice(kinds), random, followed=followed)
            if made and made.size > least:
                return Submission(p, made.sheet.claims, kind, habit, made)

    return draw


def _inconsistent(random: Random) -> Submission:
    while True:
        kind, p = _exercise(random)
        made = wrongs.inconsistent(p, random)
        if made.size > 2:
            return Submission(p, made.sheet.claims, kind, made.sheet.habit, made)


def _double(random: Random) -> Submission:
    made = wrongs.double(random)
    return Submission(made.problem, made.claims, "two mistakes", double=made)


# --- judging -------------------------------------------------------------------------------------------------


def judged(one: Submission) -> dict[str, Any]:
    """Return the checker's report; one that only says "unreadable" where it refuses the claims."""
    try:
        if one.text:
            return by_command(one.problem, one.text)
        report: dict[str, Any] = attncli.check(one.problem, one.claims).json()
    except attncli.AttnError as error:
        return _unreadable(str(error))
    return report


def by_command(problem: Problem, text: str) -> dict[str, Any]:
    """Return the report of `attncli check` on a problem and a file of answers, run in this process."""
    from attncli.__main__ import main

    with tempfile.TemporaryDirectory() as folder:
        source, answers, out, err = (Path(folder) / name for name in ("p.json", "answers.csv", "out", "err"))
        source.write_text(json.dumps(problem), encoding="utf-8")
        answers.write_text(text, encoding="utf-8")
        with (
            out.open("w", encoding="utf-8") as stdout,  # files, since the command writes to their descriptors
            err.open("w", encoding="utf-8") as stderr,
            patch.object(sys, "argv", ["attncli", "check", str(source), str(answers), "-f", "json"]),
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
            contextlib.suppress(SystemExit),
        ):
            main()
        gc.enable()  # the command turns it off for its short life
        said = out.read_text(encoding="utf-8")
        report: dict[str, Any] = json.loads(said) if said else _unreadable(err.read_text(encoding="utf-8"))
    return report


def _unreadable(said: str) -> dict[str, Any]:
    return {"verdict": "unreadable", "error": said, "mistakes": [], "steps": {}}


def _accused(row: str) -> Callable[[Submission, dict[str, Any]], Iterator[Outcome]]:
    def judge(one: Submission, report: dict[str, Any]) -> Iterator[Outcome]:
        assert one.habit
        yield Outcome(row, one.habit.family, report["verdict"] in {"wrong", "unreadable"})

    return judge


def _followed(one: Submission, report: dict[str, Any]) -> Iterator[Outcome]:
    assert one.habit
    assert one.wrong
    later = list(one.claims)[list(one.claims).index(one.wrong.slip.step) + 1 :]
    states = {report["steps"][name]["state"] for name in later if name in report["steps"]}
    accused = bool(states & NOT_RIGHT) or report["verdict"] == "unreadable"
    yield Outcome(f"after one error, later honest steps accused ({one.habit.grade})", one.habit.family, accused)


def _passed(one: Submission, report: dict[str, Any]) -> Iterator[Outcome]:
    """Ask whether the step with the error was let pass, by the size of the error."""
    assert one.wrong
    slip = one.wrong.slip
    row = INCONSISTENT if slip.kind == "inconsistent" else BEYOND if one.wrong.size > 2 else BETWEEN
    state = report["steps"].get(slip.step, {}).get("state")
    yield Outcome(row, slip.kind, state is not None and state not in NOT_RIGHT)


def _named_both(one: Submission, report: dict[str, Any]) -> Iterator[Outcome]:
    assert one.double
    named = set(report["mistakes"])
    for step in report["steps"].values():
        named |= set(step.get("mistakes", ()))
    second = one.double.second in named
    if not second and named - {one.double.first}:
        second = bool(wrongs.same_second(one.double) & named)
    yield Outcome("two mistakes: the first is named", "", one.double.first in named)
    yield Outcome("two mistakes: the second is named", "", second)


def _explained(one: Submission, report: dict[str, Any]) -> Iterator[Outcome]:
    """Ask whether a slip is explained, and whether it is explained as it came about."""
    assert one.wrong
    slip = one.wrong.slip
    reason = _reason(one.wrong, report)
    row = f"slips in {_where(slip)}"
    yield Outcome(f"{row}: explained", slip.kind, bool(reason))
    if reason:
        yield Outcome(f"{row}: of these, with the true reason", slip.kind, says(reason, slip))


def _left_alone(one: Submission, report: dict[str, Any]) -> Iterator[Outcome]:
    """Ask whether a random slip is given a name or a reason, which it does not have."""
    assert one.wrong
    kind = one.wrong.slip.kind
    yield Outcome("random slips given a name", kind, bool(report["mistakes"]))
    yield Outcome("random slips given a reason", kind, bool(_reason(one.wrong, report)))


def _reason(wrong: wrongs.Wrong, report: dict[str, Any]) -> str:
    return str(report["steps"].get(wrong.slip.step, {}).get("reason") or "")


def _where(slip: Slip) -> str:
    """Say in what sort of step a slip is: some can be explained from more than others."""
    if slip.kind in ROWS:
        return "a row of weights"
    if slip.step in {"output", "head_output"}:
        return "an output"
    return "another product" if slip.step in {"Q", "K", "V", "scores"} else "another step"


SAYS = {
    "sign": r"\bsign\b(?! of .*×)",
    "sign of a product": r"\bsign\b.*×",
    "product left out": r"left out",
    "digits exchanged": r"digits",
    "ten times": r"\b10\b|ten times|decimal point",
    "a tenth": r"\b10\b|tenth|decimal point",
    "Σexp": r"Σexp|sumexp",
    "e^x of one key": r"e\^x|\bexp\b",
}
"""What the sentence of a true reason says, as a pattern; a neighbour's is the neighbour's name."""


PRODUCT = re.compile(r"(-?[0-9.]+)[×*·](-?[0-9.]+)")


def factors(said: str) -> set[tuple[float, ...]]:
    """Return the factors of the products that a sentence names, to two decimals and in ascending order."""
    plain = re.sub(r"[() ]", "", said.replace("−", "-"))
    return {tuple(sorted(round(float(x.rstrip(".")), 2) for x in pair)) for pair in PRODUCT.findall(plain)}


def says(reason: str, slip: Slip) -> bool:
    """Tell whether a sentence says what was done, and to which product or key."""
    if slip.kind == "neighbour":
        columns = "k" if slip.step in {"scores", "scaled", "masked", "weights"} else "d"
        rows = {"encoding": "x", "encoded": "x", "K": "k", "V": "k", "K_rotated": "k"}.get(slip.step, "q")
        return neighbours_name(slip, rows, columns) in reason
    if slip.kind in {"sign of a product", "product left out"} and not factors(slip.about) <= factors(reason):
        return False
    if slip.kind == "e^x of one key" and slip.about not in reason:
        return False
    return re.search(SAYS[slip.kind], reason, re.IGNORECASE) is not None


# --- groups --------------------------------------------------------------------------------------------------

BEYOND = "wrong by more than 2 units, passed"
BETWEEN = "wrong by 1 to 2 units, passed"
INCONSISTENT = "output inconsistent with coarse weights, passed"


@dataclass(frozen=True)
class Group:
    """Submissions of one sort, and what is asked of each."""

    draw: Draw
    judge: Callable[[Submission, dict[str, Any]], Iterator[Outcome]]


_SMALL = ("1 or 2 units", "2 to 10 units")
_ANY = tuple(kind for kind in RANDOM if kind != "1 or 2 units")

GROUPS = {
    "accept": Group(_honest("accept"), _accused("accepted habits called wrong")),
    "note": Group(_honest("note"), _accused("noted habits called wrong")),
    "follow": Group(_with_error(wrongs.FOLLOWED, wrongs.KINDS, 2, followed=True), _followed),
    "wrong": Group(_with_error(wrongs.SIZED, wrongs.KINDS, 2), _passed),
    "near": Group(_with_error(wrongs.SIZED, _SMALL, 1), _passed),
    "inconsistent": Group(_inconsistent, _passed),
    "double": Group(_double, _named_both),
    "slip": Group(_with_error(wrongs.PLAIN, (*REASONS, *ROWS), 2), _explained),
    "random": Group(_with_error(wrongs.PLAIN, _ANY, 2), _left_alone),
}


def outcomes(group: str, seed: int, number: int) -> list[Outcome]:
    """Draw a submission, have it judged, and return the answers to the group's questions."""
    one = submission(group, seed, number)
    return list(GROUPS[group].judge(one, judged(one)))


def wilson(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    if not total:
        return 0.0, 1.0
    z, share = 1.959963984540054, count / total
    middle = share + z * z / (2 * total)
    width = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, (middle - width) / (1 + z * z / total)), min(1.0, (middle + width) / (1 + z * z / total))
