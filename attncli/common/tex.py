"""Names of steps in LaTeX formulas.

Markdown can show any character, so only those that are special to LaTeX are escaped here. A document for pdflatex
escapes more, by passing its own `word`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from attncli.common.text import visible

SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
"""The characters that are special to LaTeX, with their escapes."""


def _text(text: str) -> str:
    shown = "".join(SPECIAL.get(char, char) for char in visible(text))
    return rf"\text{{{shown.replace('<', '<{}')}}}"  # Markdown would take <b> for a tag


def name_tex(name: str, word: Callable[[str], str] = _text) -> str:
    r"""Return the name of a step or cell in LaTeX.

    W_q is W_q, K_all is K_{\text{all}}, scores is \text{scores}, and weights[q1,k2] is \text{weights}[\text{q1,k2}].
    `word` formats names that are not a single letter.
    """
    if cell := re.fullmatch(r"([^\[]+)\[(.*)\]", name, flags=re.DOTALL):
        return f"{name_tex(cell[1], word)}[{word(cell[2])}]"
    if re.fullmatch(r"[A-Z]", name):
        return name
    if match := re.fullmatch(r"([A-Za-z])_([a-z])", name):
        return f"{match[1]}_{match[2]}"
    if match := re.fullmatch(r"([A-Z])_([a-z]+)", name):
        return rf"{match[1]}_{{\text{{{match[2]}}}}}"
    return word(name)
