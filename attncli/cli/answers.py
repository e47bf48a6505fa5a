"""Answers to the scripts of completion: a command line split as its shell does, and candidates quoted for it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from attncli.cli.candidates import Candidate, candidates


@dataclass(frozen=True)
class Line:
    """A command line up to the cursor, split as a shell does, also if a quote is still open."""

    words: list[str]
    """Those before the one at the cursor."""
    current: str
    quote: str
    """The quote that is still open."""
    broken: int
    """How much of the current word stands before the last `=` or `:` outside quotes: bash breaks words there."""


def split(line: str) -> Line:
    """Return a command line as words."""
    words: list[str] = []
    current, quote, broken, inside = "", "", 0, False
    at = 0
    while at < len(line):
        char = line[at]
        if char == "\\" and quote != "'" and at + 1 < len(line):
            at += 1
            current, inside = current + line[at], True
        elif quote:
            quote, current = ("", current) if char == quote else (quote, current + char)
        elif char in "'\"":
            quote, inside = char, True
        elif char.isspace():
            if inside:
                words.append(current)
            current, broken, inside = "", 0, False
        else:
            current, inside = current + char, True
            broken = len(current) if char in "=:" else broken
        at += 1
    return Line(words, current, quote, broken)


def answer(shell: str, text: str) -> str:
    """Return the candidates for a command line, one per line, as the script of a shell wants them."""
    line = split(text)
    found = candidates(line.words[1:], line.current)
    return "".join(f"{_said(shell, line, candidate)}\n" for candidate in found if "\n" not in candidate.text)


def _said(shell: str, line: Line, candidate: Candidate) -> str:
    if shell == "fish":  # which knows by the last character whether more is to follow
        return f"{candidate.text}\t{candidate.help}" if candidate.help else candidate.text
    blank = "" if candidate.is_open else " "
    if shell == "zsh":
        return candidate.text + blank
    rest = candidate.text[line.broken :]
    return rest if line.quote else re.sub(r"([^\w@%+=:,./~^-])", r"\\\1", rest) + blank
