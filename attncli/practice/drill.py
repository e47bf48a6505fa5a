"""Practice in finding mistakes: a derivation with a known mistake is shown, and its wrong step asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from attncli.practice.words import Word, help_word, selected
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
_HOW_TO_ANSWER = (
    "The formulas are right, but one step was not computed by its formula. Answer with the name of that step, "
    "then with the name or number of the mistake; or type hint, show, problem, quit or help."
)


class Drill:
    """A round for each mistake, in an order drawn from a seed."""

    def __init__(self, document: Document, ids: Sequence[str], seed: int) -> None:
        """Prepare the rounds; AttnError for a mistake that does not exist, or does not show in this problem."""
        self._random = Random(seed)  # noqa: S311 (not for security)
        self._rounds = rounds(derive(Problem(document)), ids, self._random)
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
        first, _, rest = line.strip().partition(" ")
        if not first:
            return Reply([Section(*self._heading())])
        word = line.strip()
        try:
            if command := self._commands().get(first.lower()):
                return Reply(list(command.does(rest.strip())))
            return self._mistake(word) if self._now.step else self._step(word)
        except AttnError as error:
            return Reply([Sentence(str(error))])

    def summary(self) -> Page:
        """Return a line for each round, without the names of mistakes that were neither found nor shown."""
        steps = [
            StepSaid(
                each.id if each.outcome else f"derivation {number}",
                "✓" if each.outcome == "right" else "✗",
                each.said() if number <= self._at + 1 else "not reached",
            )
            for number, each in enumerate(self._rounds, 1)
        ]
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
        names = ", ".join(self._computed)
        said = visible(f"The steps are {names}; problem NAME shows one of them again.")
        return f"Derivation {self._at + 1} of {len(self._rounds)}: which step is wrong?", [said]

    @property
    def _computed(self) -> list[str]:
        """The names of the steps of this derivation."""
        return [step.name for step in self._now.shown.values() if not step.given]

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
        names = {fold(name): name for name in self._computed}
        if fold(word) not in names:
            msg = f"{quoted(word)} is not a step of this derivation"
            hint = suggestion(word, [*names.values(), *self._commands()])
            raise AttnError(msg, hint=hint or f"its steps are {', '.join(names.values())}")
        name = names[fold(word)]
        now.attempts += 1
        if name not in now.wrong:
            said = Sentence(f"No: the numbers of {visible(name)} follow from those before it. Look at another step.")
            return Reply([said], Attempt(name, now.attempts, "wrong"))
        now.step, now.told = name, 0
        found = Sentence(f"Yes, {visible(name)} does not follow from the steps before it.", good=True)
        return Reply([found, Section(*self._heading())], Attempt(name, now.attempts, "correct"))

    def _mistake(self, word: str) -> Reply:
        now = self._now
        ids = [mistake.id for mistake in now.choices]
        if word.isascii() and word.isdigit() and 1 <= int(word) <= len(ids):
            word = ids[int(word) - 1]
        if word not in ids:
            msg = f"{quoted(word)} is not one of the mistakes listed"
            hint = suggestion(word, [*ids, *self._commands()])
            raise AttnError(msg, hint=hint or f"type a number from 1 to {len(ids)}")
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

    def _commands(self) -> dict[str, Word]:
        return {
            "hint": Word(self._hint, "show more each time"),
            "show": Word(self._show, "show the mistake and go on"),
            "problem": Word(self._problem, "show the derivation again, or some of its steps", "[NAME]"),
            "quit": Word(self._quit, "end the session"),
            "help": help_word(self._commands),
        }

    def _hint(self, _: str) -> Iterator[Shown]:
        """Yield the next hint to this question, if there is one left."""
        now = self._now
        hints = [self._formula] if now.step else [self._suspects, self._arithmetic]
        left = hints[now.told :]
        if not left:
            yield Sentence("There are no more hints; show names the mistake.")
            return
        now.hints += 1
        now.told += 1
        yield from left[0]()

    def _suspects(self) -> Iterator[Shown]:
        """Yield two steps, of which one is wrong."""
        wrong = next(iter(self._now.wrong))
        others = [name for name in self._computed if name not in self._now.wrong]
        pair = {wrong, self._random.choice(others)} if others else {wrong}
        said = " or ".join(visible(name) for name in self._computed if name in pair)
        yield Sentence(f"The wrong step is {said}.")

    def _arithmetic(self) -> Iterator[Shown]:
        """Yield the arithmetic of a cell that does not follow from the steps before it."""
        now = self._now
        name, cell = next(iter(now.wrong.items()))
        yield now.shown.zoom(name, cell, Depth.STEP)
        yield Sentence(f"The derivation shows {decimal(float(now.shown[name].array[cell]), PRECISION)}.")

    def _formula(self) -> Iterator[Shown]:
        """Yield the formula that was used."""
        lines = self._now.mistake.lines(self._now.shown)
        yield from (Sentence(f"shown: {wrong.text()}", strong=False) for wrong, _ in lines)

    def _problem(self, names: str) -> Iterator[Shown]:
        shown = self._now.shown
        yield selected(shown, names, list(shown), list(shown))

    def _show(self, _: str) -> Iterator[Shown]:
        self._now.outcome = "shown"
        self._now.step = self._now.step or next(iter(self._now.wrong))
        yield Sentence(f"{visible(self._now.step)} is wrong.")
        yield from self._solution()
        yield from self._go_on()

    def _quit(self, _: str) -> Iterator[Shown]:
        self._is_over = True
        return iter(())
