"""Names as LaTeX writes them."""

from __future__ import annotations

import re

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


def escape(text: str) -> str:
    """Return text that LaTeX shows as it is."""
    return "".join(_SPECIAL.get(char, char) for char in text)


def name_tex(name: str) -> str:
    r"""Return the name of a step in a formula: W_q is W_q, K_all is K_{\text{all}}, scores is \text{scores}."""
    if re.fullmatch(r"[A-Z]", name):
        return name
    if match := re.fullmatch(r"([A-Za-z])_([a-z])", name):
        return f"{match[1]}_{match[2]}"
    if match := re.fullmatch(r"([A-Z])_([a-z]+)", name):
        return rf"{match[1]}_{{\text{{{match[2]}}}}}"
    return rf"\text{{{escape(name)}}}"
