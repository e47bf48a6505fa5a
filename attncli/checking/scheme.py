"""The marking scheme: the marks of each step, and the fraction of them that each state earns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from attncli import readers
from attncli.common.errors import AttnError, Where
from attncli.common.text import quoted
from attncli.problem.fields import CLAIMS, Document, Entry, resolve

STATES: Mapping[str, float] = {
    "correct": 1,
    "last_digit": 1,
    "rounding_carried": 1,
    "follows_from_error": 1,
    "right_despite_error": 1,
    "known_mistake": 0.5,
    "slip": 0.5,
    "too_few_decimals": 0.5,
    "wrong": 0,
}
"""The fraction of a step's marks that each state earns, unless a scheme says otherwise."""


@dataclass(frozen=True)
class Scheme:
    """The marks of a step: its maximum × the fraction for its state × the fraction of its cells that are answered."""

    states: Mapping[str, float] = field(default_factory=lambda: STATES)
    steps: Mapping[str, float] = field(default_factory=dict)
    """The marks of steps that have other marks than 1."""

    def earned(self, step: str, state: str) -> float:
        """Return the marks for a step with all its cells answered; a step without an answer has no state."""
        return self.steps.get(step, 1.0) * self.states[state] if state else 0.0

    def most(self, step: str) -> float:
        """Return the marks for a step that is right."""
        return self.earned(step, "correct")

    @classmethod
    def read(cls, path: str) -> Scheme:
        """Return the scheme in a JSON file of states and steps, each with a number; AttnError for anything else."""
        (document, *_) = readers.documents(path)
        return cls.of(document, path)

    @classmethod
    def of(cls, document: Document, path: str = "") -> Scheme:
        """Return the scheme in a document of states and steps."""
        states, steps = dict(STATES), {}
        for name, entry in document.items():
            if name in states:
                states[name] = _number(entry, path, name)
            elif (step := resolve(name)) and step in CLAIMS:
                steps[step] = _number(entry, path, name)
            else:
                msg = f"unknown state {quoted(name)}"
                hint = f"the states are {', '.join(STATES)}; a step, such as weights, has marks too"
                raise AttnError(msg, Where(path), hint)
        return cls(states, steps)


def _number(entry: Entry, path: str, name: str) -> float:
    if isinstance(entry.value, bool) or not isinstance(entry.value, int | float):
        msg = f"marks must be a number, got {quoted(str(entry.value))}"
        raise AttnError(msg, Where(path, field=name))
    return float(entry.value)
