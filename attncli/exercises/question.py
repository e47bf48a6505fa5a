"""Exercises as questions: the worksheet, and the numbers that each core mistake gives in every step."""

from __future__ import annotations

from attncli.exercises.draw import DECIMALS, Exercise
from attncli.exercises.outcomes import changed_steps
from attncli.exercises.sheet import worksheet
from attncli.writers.question import Question, Wrong


def question(exercise: Exercise) -> Question:
    """Return the question that an exercise asks."""
    wrong = [
        Wrong(
            outcome.mistake.said,
            {name: step.array for name, step in changed_steps(exercise.truth, outcome.mistake).items()},
        )
        for outcome in exercise.outcomes
    ]
    return Question(worksheet(exercise), exercise.problem(), DECIMALS, wrong)
