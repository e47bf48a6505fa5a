"""An exercise asked step by step: answers are checked as by `attncli check`, and wrong numbers carried on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from attncli.checking import Judge, Report
from attncli.checking.report import NOT_RIGHT, StepVerdict
from attncli.checking.words import SAID
from attncli.common.errors import AttnError
from attncli.common.labels import fold
from attncli.common.report import Page, Section, Sentence, StepSaid
from attncli.common.style import Style, decimal
from attncli.common.text import counted, quoted, suggestion, visible
from attncli.derivation.derive import derive, differentiate
from attncli.practice.hints import HINTS, Situation
from attncli.practice.own import carried
from attncli.practice.progress import Progress
from attncli.practice.reply import Attempt, Reply, Shown
from attncli.practice.sheet import Sheet
from attncli.practice.words import Word, help_word, selected
from attncli.problem.fields import Document
from attncli.problem.problem import Problem
from attncli.trace.trace import Selection, Trace
from attncli.writers.json_ import text_of

_WORDS = "hint, show, explain CELL, problem, skip, back, quit or help"
_HOW_TO_ANSWER = f"Answer with one or more rows, as in 0.58 0.42; 0.31 0.69, and ? for an open cell; or type {_WORDS}."
_NO_SETTINGS = {"title", "exercise", "tokens", "key_tokens", "precision", "decimals"}
"""Fields that do not affect the arithmetic."""
_DECIMALS = 4
"""The decimals of numbers that are shown, if the problem does not ask for more."""


class Session:
    """A problem whose steps are asked in turn."""

    def __init__(self, document: Document, *, backward: bool = False) -> None:
        """Prepare the session; AttnError for a problem without a step to compute.

        With `backward`, the loss and its gradients are asked for as well.
        """
        self._judge = Judge(document)
        self._truth = (differentiate if backward else derive)(Problem(document))
        self._asked = [step for step in self._truth.values() if not step.given]
        self._progress = {step.name: Progress() for step in self._asked}
        self._is_over = False
        self._done: dict[str, Sheet] = {}
        """The sheets of the steps before this one."""
        self._wrong: dict[str, StepVerdict] = {}
        """The steps that were skipped with a wrong answer."""
        self._report: Report | None = None
        """The verdict on the latest answer, if it was wrong."""
        self._told: set[str] = set()
        """The hints that were given since the latest right row."""
        decimals = self._truth.fields.get("decimals")
        self._least = decimals if isinstance(decimals, int) else 0
        if not self._asked:
            msg = "this problem has no step to practise"
            raise AttnError(msg, hint="give Q, K and V")
        self._begin(0)

    @property
    def prompt(self) -> str:
        """The step, or its next row once a row of it is done."""
        name = self._sheet.step.name
        return visible(f"{name}[{self._sheet.name(self._sheet.left[0])}]" if self._sheet.is_done.any() else name)

    @property
    def is_over(self) -> bool:
        """Whether every step is done, or the student has left."""
        return self._is_over

    @property
    def all_right(self) -> bool:
        """Whether the student's own answer to every step was right in the end."""
        return all(progress.is_right for progress in self._progress.values())

    def opening(self) -> Sequence[Shown]:
        """Return the problem, how to answer, and the first step."""
        least = f" Give at least {counted(self._least, 'decimal')}." if self._least else ""
        return [
            self._truth.only(self._given),
            *self._settings(),
            Sentence(f"{_HOW_TO_ANSWER}{least}", strong=False),
            *self._question(),
        ]

    def take(self, line: str) -> Reply:
        """Take a command or an answer; after an unreadable line, the step is asked again."""
        word, _, rest = line.strip().partition(" ")
        try:
            if not word:
                return Reply(self._question())
            if command := self._commands().get(word.lower()):
                return Reply(list(command.does(rest.strip())))
            return self._answer(line)
        except AttnError as error:
            return Reply([Sentence(str(error))])

    def summary(self) -> Page:
        """Return a line for each step, and how many are right."""
        steps = [
            StepSaid(visible(name), "✓" if progress.is_right else "✗", progress.said())
            for name, progress in self._progress.items()
        ]
        right = sum(progress.is_right for progress in self._progress.values())
        said = "All right." if self.all_right else f"{right} of {counted(len(steps), 'step')} right in the end."
        return Page("", steps, [Sentence(said, good=self.all_right)])

    # --- words ----------------------------------------------------------------------------------------------------

    def _commands(self) -> dict[str, Word]:
        return {
            "hint": Word(self._hint, "show more each time, up to the answer"),
            "show": Word(self._show, "show the answer and go on"),
            "explain": Word(self._explain, "show the arithmetic of a cell, as in explain weights[q1,k2]", "CELL"),
            "problem": Word(self._problem, "show the problem again, or some of its matrices and your steps", "[NAME]"),
            "skip": Word(self._skip, "go on; after a wrong answer, with your own numbers"),
            "back": Word(self._back, "go back one step and answer it again"),
            "quit": Word(self._quit, "end the session"),
            "help": help_word(self._commands),
        }

    def _hint(self, _: str) -> Iterator[Shown]:
        situation = self._situation()
        for hint in HINTS:
            if hint.__name__ not in self._told and (shown := list(hint(situation))):
                self._told.add(hint.__name__)
                self._now.hints += 1
                if hint.__name__ == "row":
                    self._keep_right_rows(situation)
                yield from shown
                return
        yield from self._show("")

    def _show(self, _: str) -> Iterator[Shown]:
        name = self._sheet.step.name
        step = self._own()[name]
        texts = [decimal(float(x), max(_DECIMALS, self._least)) for x in step.value.ravel()]
        self._sheet.texts = np.array(texts, dtype=object).reshape(self._sheet.texts.shape)
        self._now.outcome, self._now.was_shown = "shown", True
        yield Selection.of(step)
        yield from self._go_on()

    def _explain(self, cell: str) -> Iterator[Shown]:
        if not cell:
            cell = self._sheet.step.cell_name(self._sheet.first_open())
        name = fold(cell.partition("[")[0].strip())
        if own := next((wrong for wrong in self._wrong if fold(wrong) == name), None):
            msg = f"nothing to explain: {own} holds your own numbers"
            raise AttnError(msg)
        yield self._own().explain(cell)
        if name not in map(fold, self._done):
            self._now.hints += 1

    def _problem(self, names: str) -> Iterator[Shown]:
        yield selected(self._own(), names, self._given, [*self._given, *self._done])
        if not names:
            yield from self._settings()

    def _skip(self, _: str) -> Iterator[Shown]:
        self._now.outcome, self._now.was_skipped = "skipped", True
        if self._report is not None:
            self._wrong[self._sheet.step.name] = self._report.steps[self._sheet.step.name]
            yield Sentence("The next steps continue from your own numbers.", strong=False)
        yield from self._go_on()

    def _back(self, _: str) -> Iterator[Shown]:
        if not self._at:
            yield Sentence("This is the first step.")
            return
        self._begin(self._at - 1)
        for step in self._asked[self._at :]:
            self._progress[step.name].outcome = ""
            self._done.pop(step.name, None)
            self._wrong.pop(step.name, None)
        yield from self._question()

    def _quit(self, _: str) -> Iterator[Shown]:
        self._is_over = True
        return iter(())

    # --- answers --------------------------------------------------------------------------------------------------

    def _answer(self, line: str) -> Reply:
        if line.strip().isalpha():
            msg = f"{quoted(line.strip())} is neither a number nor a command"
            raise AttnError(msg, hint=suggestion(line.strip(), list(self._commands())) or f"type {_WORDS}")
        sheet, name = self._sheet, self._sheet.step.name
        rows = sheet.read(line)
        places = sheet.places(rows)
        texts = sheet.filled(rows, places)
        parts = {done: [("", each.entry(each.texts))] for done, each in self._done.items() if each.answered_rows.any()}
        report = self._judge.judge(parts | {name: [("", sheet.entry(texts))]})
        if name not in report.steps:
            msg = "a mask hides every cell that you answered"
            raise AttnError(msg)
        verdict = report.steps[name]
        self._now.attempts += 1
        self._now.state = verdict.state
        attempt = Attempt(name, self._now.attempts, verdict.state, verdict.mistakes)
        sheet.texts = texts
        if verdict.state in NOT_RIGHT:
            self._now.wrong += 1
            self._report = None if verdict.state == "too_few_decimals" else report  # nothing is wrong with those
            sheet.is_done[[*places, *self._situation().wrong_rows]] = False
            return Reply(list(self._refusal(verdict)), attempt)
        sheet.is_done[places] = True
        self._report = None
        self._told.clear()
        return Reply([*self._praise(verdict), *self._next(verdict)], attempt)

    def _refusal(self, verdict: StepVerdict) -> Iterator[Shown]:
        if verdict.state == "too_few_decimals":
            yield Sentence(f"{_sentence(SAID[verdict.state])} {_sentence(', '.join(verdict.remarks))}")
        else:
            yield Sentence("Not right. Try again, or type hint; skip goes on with your own numbers.")

    def _praise(self, verdict: StepVerdict) -> Iterator[Shown]:
        yield Sentence(_sentence(SAID[verdict.state]), good=True)
        yield from (Sentence(_sentence(visible(remark)), strong=False) for remark in verdict.remarks)

    def _next(self, verdict: StepVerdict) -> Iterator[Shown]:
        """Yield the next step, if every row of this one is done."""
        if self._sheet.left:
            return
        self._now.outcome = "right"
        self._now.open_cells = verdict.claim.open
        yield from self._go_on()

    # --- state ----------------------------------------------------------------------------------------------------

    @property
    def _now(self) -> Progress:
        return self._progress[self._sheet.step.name]

    def _begin(self, at: int) -> None:
        self._at = at
        self._sheet = Sheet(self._asked[at])
        self._report = None
        self._told.clear()

    def _go_on(self) -> Iterator[Shown]:
        self._done[self._sheet.step.name] = self._sheet
        if self._at + 1 == len(self._asked):
            self._is_over = True
            return
        self._begin(self._at + 1)
        yield from self._question()

    def _question(self) -> list[Shown]:
        step = self._sheet.step
        heading = f"Step {self._at + 1} of {len(self._asked)}: {step.name} = {step.formula()[0]}"
        return [Section(heading, [*filter(None, [step.note()]), self._sheet.describe()])]

    def _keep_right_rows(self, situation: Situation) -> None:
        """Ask only the wrong rows again, once a hint has named them."""
        self._sheet.is_done = self._sheet.answered_rows
        self._sheet.is_done[situation.wrong_rows] = False

    def _situation(self) -> Situation:
        return Situation(self._sheet, self._own(), self._report)

    def _own(self) -> Trace:
        return carried(self._truth, self._wrong)

    @property
    def _given(self) -> list[str]:
        """The names of the problem's matrices."""
        return [step.name for step in self._truth.values() if step.given]

    def _settings(self) -> Iterator[Sentence]:
        """Yield a line with the fields that are not shown as matrices or labels, if there are any."""
        settings = [
            f"{name} = {text_of(value, Style())}"
            for name, value in self._truth.fields.items()
            if name not in self._truth and name not in _NO_SETTINGS
        ]
        if settings:
            yield Sentence(visible("; ".join(settings)), strong=False)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
