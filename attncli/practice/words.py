"""Words that can be typed in place of an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from attncli.common.errors import AttnError
from attncli.common.labels import split_parts
from attncli.common.report import Section
from attncli.common.text import quoted
from attncli.practice.reply import Shown
from attncli.trace.trace import Trace


@dataclass(frozen=True)
class Word:
    """A word: the function of the rest of its line, and a description of it for `help`."""

    does: Callable[[str], Iterator[Shown]]
    said: str
    argument: str = ""


def help_word(words: Callable[[], Mapping[str, Word]]) -> Word:
    """Return the word `help`, which lists the words of a session, itself among them."""

    def listed(_: str) -> Iterator[Shown]:
        lines = [f"{f'{name} {word.argument}'.strip()}: {word.said}" for name, word in words().items()]
        yield Section("Words to type", lines)

    return Word(listed, "list these words")


def selected(trace: Trace, names: str, default: Sequence[str], known: Sequence[str]) -> Trace:
    """Return the matrices that were asked for by name, or those by default; AttnError for one that is not known."""
    shown = trace.only(known)
    asked = split_parts(names) if names else default
    for name in asked:
        if name.partition("[")[0].strip().casefold() not in map(str.casefold, known):
            msg = f"cannot show {quoted(name)}"
            raise AttnError(msg, hint=f"it can show {', '.join(known)}")
    return shown.only(asked)
