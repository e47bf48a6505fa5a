"""LaTeX documents: the preamble, the size of a page, headings and paragraphs."""

from __future__ import annotations

from collections.abc import Iterable

from attncli.common.text import visible
from attncli.writers.latex.text import escape, points, prose

WIDTH = 448.0
"""The width of a line in points; A4 with margins of 2.5 cm has 455."""
HEIGHT = 40
"""The most rows of a matrix on one page."""

_PREAMBLE = r"""\documentclass[a4paper,fleqn]{article}
\usepackage{amsmath}
\usepackage[margin=2.5cm]{geometry}
\setlength{\mathindent}{0pt}
\setlength{\parindent}{0pt}
"""
WIDE_MATRICES = r"\setcounter{MaxMatrixCols}{40}"
"""What lets amsmath's matrices have as many columns as fit into a line, and not ten."""
_BEGIN = r"""
\allowdisplaybreaks
\begin{document}
"""


def document(parts: Iterable[str], preamble: str = "") -> str:
    """Return a whole document: the preamble, with an optional extra line, and the parts, LaTeX, a paragraph each."""
    return "\n".join(
        [_PREAMBLE + WIDE_MATRICES + preamble + _BEGIN, *(f"{part}\n" for part in parts), "\\end{document}\n"]
    )


def heading(title: str) -> str:
    """Return a heading with any text."""
    return rf"\section*{{\raggedright {flowing(title)}}}"


def flowing(text: str) -> str:
    """Return text for a paragraph, in which very long words may be broken anywhere."""
    return " ".join(_breakable(word) for word in visible(text).split(" "))


def _breakable(word: str) -> str:
    if points(word) < WIDTH / 2:
        return escape(word)
    return r"\allowbreak{}".join(escape(word[at : at + 10]) for at in range(0, len(word), 10))


def remark(text: str) -> str:
    """Return a sentence as a paragraph in small type."""
    return rf"{{\small {prose(text)}\par}}"
