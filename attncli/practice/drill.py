"""Practice in finding mistakes: a derivation with a known mistake is shown, and its wrong step asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from attncli.common.errors import AttnError
from attncli.common.labels import fold
from attncli.common.report import Page, Section, Sentence, StepSaid
from attncli.common.style import PRECISION, decimal
from attncli.common.text import counted, quoted, suggestion, visible
from attncli.derivation.derive import derive
from attncli.practice.reply import Attempt, Reply, Shown
from attncli.practice.rounds import Round, rounds
from attncli.problem.fields import Document
from attncli.problem.problem import Problem
from attncli.trace.depth import Depth

KINDS: Sequence[Mapping[str, Any]] = (
    {}, {"causal": True}, {"heads": 2}, {"projected": True}, {"rope": True}, {"padding": True},
    {"causal": True, "heads": 2}, {"causal": True, "projected": True}, {"heads": 2, "projected": True},
    {"causal": True, "heads": 2, "projected": True}, {"causal": True, "heads": 2, "projected": True, "rope": True},
    {"heads": 4, "kv_heads": 2, "d_k": 3, "tokens": 5},
)  # fmt: skip
"""Kinds of exercises, from simple to rich, in which given mistakes may show."""
_WORDS = ("hint", "show", "quit")
_HOW_TO_ANSWER = (
    "The formulas are right, but one step was not computed by its formula. Answer with the name of that step, "
    "then with the name or number of the mistake; or type hint, show or quit."
)


class Drill:
    """A round for each mistake, in an order drawn from a seed."""

    def __init__(self, document: Document, ids: Sequence[str], seed: int) -> None:
        """Prepare the rounds; AttnError for a mistake that does not exist, or does not show in this problem."""
        self._rounds = rounds(derive(Problem(document)), ids, Random(seed))  # noqa: S311 (not for security)
        self._at = 0
        self._is_over = False

    @property
    def prompt(self) -> str:
        """The question: a step, then a mistake in it."""
        return f"mistake in {visible(self._now.step)}" if self._now.step else "wrong step"

    @property
    def is_over(self) -> bool:
        """Whether all rounds are over, or the student has left."""
        return self._is_over

    @property
    def all_right(self) -> bool:
        """Whether every mistake was found."""
        return all(each.outcome == "right" for each in self._rounds)

    def opening(self) -> Sequence[Shown]:
        """Return how to answer, and the first derivation."""
        return [Sentence(_HOW_TO_ANSWER, strong=False), *self._question()]

    def take(self, line: str) -> Reply:
        """Take a command, the name of a step, or the name or number of a mistake."""
        word = line.strip()
        commands: dict[str, Callable[[], Iterator[Shown]]] = {
            "hint": self._hint,
            "show": self._show,
            "quit": self._quit,
        }
        if not word:
            return Reply([Section(*self._heading())])
        if command := commands.get(word.lower()):
            return Reply(list(command()))
        try:
            return self._mistake(word) if self._now.step else self._step(word)
        except AttnError as error:
            return Reply([Sentence(str(error))])

    def summary(self) -> Page:
        """Return a line for each round, without the names of mistakes that were not asked yet."""
        asked = self._rounds[: self._at + 1]
        steps = [StepSaid(each.id, "✓" if each.outcome == "right" else "✗", each.said()) for each in asked]
        found = sum(each.outcome == "right" for each in self._rounds)
        said = "All found." if self.all_right else f"{found} of {counted(len(self._rounds), 'mistake')} found."
        return Page("", steps, [Sentence(said, good=self.all_right)])

    # --- questions ------------------------------------------------------------------------------------------------

    @property
    def _now(self) -> Round:
        return self._rounds[self._at]

    def _heading(self) -> tuple[str, list[str]]:
        if self._now.step:
            numbered = enumerate(self._now.choices, 1)
            return "Which mistake is it?", [f"{number}. {mistake.id}: {mistake.said}" for number, mistake in numbered]
        return f"Derivation {self._at + 1} of {len(self._rounds)}: which step is wrong?", []

    def _question(self) -> Iterator[Shown]:
        yield self._now.shown
        yield Section(*self._heading())

    def _go_on(self) -> Iterator[Shown]:
        if self._at + 1 == len(self._rounds):
            self._is_over = True
        else:
            self._at += 1
            yield from self._question()

    # --- answers --------------------------------------------------------------------------------------------------

    def _step(self, word: str) -> Reply:
        now = self._now
        names = {fold(step.name): step.name for step in now.shown.values() if not step.given}
        if fold(word) not in names:
            msg = f"{quoted(word)} is not a step of this derivation"
            hint = suggestion(word, [*names.values(), *_WORDS])
            raise AttnError(msg, hint=hint or f"its steps are {', '.join(names.values())}")
        name = names[fold(word)]
        now.attempts += 1
        if name not in now.wrong:
            said = Sentence(f"No: the numbers of {visible(name)} follow from those before it. Look at another step.")
            return Reply([said], Attempt(name, now.attempts, "wrong"))
        now.step = name
        found = Sentence(f"Yes, {visible(name)} does not follow from the steps before it.", good=True)
        return Reply([found, Section(*self._heading())], Attempt(name, now.attempts, "correct"))

    def _mistake(self, word: str) -> Reply:
        now = self._now
        ids = [mistake.id for mistake in now.choices]
        if word.isascii() and word.isdigit() and 1 <= int(word) <= len(ids):
            word = ids[int(word) - 1]
        if word not in ids:
            msg = f"{quoted(word)} is not one of the mistakes listed"
            raise AttnError(msg, hint=suggestion(word, [*ids, *_WORDS]) or f"type a number from 1 to {len(ids)}")
        now.attempts += 1
        if word not in now.same:
            return Reply([Sentence(f"No: {word} gives other numbers.")], self._attempt("wrong", word))
        now.outcome = "right"
        attempt = self._attempt("correct", word)
        return Reply([Sentence("Yes.", good=True), *self._solution(), *self._go_on()], attempt)

    def _attempt(self, state: str, id: str) -> Attempt:
        return Attempt(self._now.step, self._now.attempts, state, [id])

    def _solution(self) -> Iterator[Shown]:
        now = self._now
        yield Sentence(now.mistake.said, now.mistake.id)
        for wrong, right in now.mistake.lines(now.shown):
            yield Sentence(f"shown: {wrong.text()}", strong=False)
            yield Sentence(f"right: {right.text()}", strong=False)

    # --- words ----------------------------------------------------------------------------------------------------

    def _hint(self) -> Iterator[Shown]:
        """Yield the arithmetic of a cell that does not follow; once its step is found, the formula that was used."""
        now = self._now
        now.hints += 1
        if now.step:
            yield from (Sentence(f"shown: {wrong.text()}", strong=False) for wrong, _ in now.mistake.lines(now.shown))
            return
        name, cell = next(iter(now.wrong.items()))
        step = now.shown[name]
        yield now.shown.zoom(name, cell, Depth.STEP)
        yield Sentence(f"The derivation shows {decimal(float(step.array[cell]), PRECISION)}.")

    def _show(self) -> Iterator[Shown]:
        self._now.outcome = "shown"
        self._now.step = self._now.step or next(iter(self._now.wrong))
        yield Sentence(f"{visible(self._now.step)} is wrong.")
        yield from self._solution()
        yield from self._go_on()

    def _quit(self) -> Iterator[Shown]:
        self._is_over = True
        return iter(())
