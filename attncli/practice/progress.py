"""The outcome of each step of a session."""

from __future__ import annotations

from dataclasses import dataclass

from attncli.common.text import counted


@dataclass
class Progress:
    """The outcome of one step."""

    attempts: int = 0
    wrong: int = 0
    """Attempts that were wrong."""
    hints: int = 0
    outcome: str = ""
    """Empty, "right", "shown" or "skipped"."""
    state: str = ""
    """The state of its latest answer, as `check` names it."""
    open_cells: int = 0
    was_shown: bool = False
    """Whether the answer was shown, perhaps before the student went back to it."""
    was_skipped: bool = False
    """Whether it was skipped, perhaps before the student went back to it."""

    @property
    def is_right(self) -> bool:
        """Whether the whole step was right in the end."""
        return self.outcome == "right" and not self.open_cells

    def said(self) -> str:
        """Return the outcome in words."""
        if self.outcome == "right":
            said = f"right {self._when()}"
            said += ", given your earlier error" if self.state == "follows_from_error" else ""
            return f"{said}; {counted(self.open_cells, 'cell')} open" if self.open_cells else said
        if self.outcome == "skipped":
            return "skipped with a wrong answer" if self.wrong else "skipped"
        was_reached = self.attempts or self.was_shown or self.was_skipped
        return self.outcome or ("not finished" if was_reached else "not reached")

    def _when(self) -> str:
        if self.was_shown:
            return "after it was shown"
        if self.hints:
            return f"after {counted(self.hints, 'hint')}"
        return "at the first try" if self.wrong == 0 else f"after {counted(self.wrong, 'wrong answer')}"
