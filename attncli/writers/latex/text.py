"""Text in LaTeX, and its estimated width.

Documents are ASCII and use the fonts of every LaTeX installation (OT1), so `escape` writes accents as commands, and
characters that the fonts lack as code points. Only TeX knows the exact width of a text; `points` estimates it, rather
too wide than too narrow, so that formulas and matrices stay on the page.
"""

from __future__ import annotations

import re
import unicodedata

from attncli.common.tex import SPECIAL
from attncli.common.text import visible

_FONT = SPECIAL | {
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "$": r"\symbol{36}",
    '"': r"\texttt{\symbol{34}}", "`": r"\texttt{\symbol{18}}",
}  # fmt: skip
"""ASCII characters at other positions in OT1 fonts; the dollar of LaTeX needs a font that may be missing."""

_SIGNS = {
    "ᵀ": r"$^\top$", "√": r"$\surd$", "Σ": r"$\Sigma$", "θ": r"$\theta$", "×": r"$\times$", "·": r"$\cdot$",
    "−": "$-$", "–": r"\textendash{}", "—": r"\textemdash{}", "∞": r"$\infty$", "…": r"\ldots{}",
    "∘": r"$\circ$", "²": r"$^2$", "‖": r"$\Vert$", "±": r"$\pm$", "≤": r"$\leq$", "│": r"\textbar{}",
    "─": r"\textemdash{}", "→": r"$\to$", "✓": r"$\surd$", "✗": r"$\times$", "▲": r"$\triangle$", "½": r"$\frac{1}{2}$",
    "°": r"$^\circ$", "\xa0": "~", "’": "'", "‘": r"\textquoteleft{}", "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}", "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}",
    "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}", "Ł": r"\L{}", "ı": r"\i{}",
}  # fmt: skip
"""Signs that attncli uses, and letters and quotes that are not accented ASCII letters."""

_ABOVE = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v",
}  # fmt: skip
_BELOW = {"\u0323": "d", "\u0327": "c", "\u0331": "b"}
_DOTLESS = {"i": r"\i", "j": r"\j"}

_WIDTHS = (
    dict.fromkeys("ijl.,:;'!|I()[]/ -ftr\"`", 4.0) | dict.fromkeys("0123456789", 5.0) | dict.fromkeys("mwMW@%", 10.4)
)


def escape(text: str) -> str:
    r"""Return text, in ASCII, that LaTeX shows as it is: `caf\'{e}`, `\{x\}`; 猫 as its code point U+732B."""
    shown = "".join(map(_char, unicodedata.normalize("NFC", visible(text))))
    shown = re.sub(r"(?<=')'|(?<=-)-", r"{}\g<0>", shown)  # no ligatures: '' is not ”, -- is not –
    return re.sub(r"(?<= ) |^ | $", r"\\ ", shown)


def _char(char: str) -> str:
    if char in _SIGNS:
        return _SIGNS[char]
    if char.isascii():
        return _FONT.get(char, char)
    base, *marks = list(unicodedata.normalize("NFD", char))
    above = [mark for mark in marks if mark in _ABOVE]
    below = [mark for mark in marks if mark in _BELOW]
    if not base.isascii() or not base.isalpha() or len(above) > 1 or len(above) + len(below) < len(marks):
        return rf"\texttt{{\scriptsize U+{ord(char):04X}}}"
    if above:
        base = rf"\{_ABOVE[above[0]]}{{{_DOTLESS.get(base, base)}}}"
    for mark in below:
        base = rf"\{_BELOW[mark]}{{{base}}}"
    return base


def prose(text: str) -> str:
    """Return a sentence of attncli in LaTeX: escaped, with e^(s − max) as a power."""
    return re.sub(r"(\w+)\\textasciicircum\{\}\(([^()]*)\)", r"$\1^{\\text{\2}}$", escape(text))


def points(text: str) -> float:
    """Estimate the width of `escape(text)` in points, in Computer Modern at 10pt."""
    return sum(
        _WIDTHS.get(char, 5.6 if char.islower() or char.isdigit() else 7.8)
        if char.isascii() or char in _SIGNS or "U+" not in (tex := _char(char))
        else 3.8 * (len(tex) - len(r"\texttt{\scriptsize }"))
        for char in visible(text)
    )


def formula_points(formula: str) -> float:
    """Estimate the width of a formula in points; a fraction counts as the sum of its parts."""
    shown = re.sub(r"\\((text|operatorname|texttt|scriptsize|frac|sqrt)\b|(begin|end)\{\w+\})", "", formula)
    shown = re.sub(r"\\.", "n", re.sub(r"\\[A-Za-z]+", "W", shown))
    return points(re.sub(r"[{}$_^]", "", shown))


def shortened(text: str, most: float) -> str:
    """Return a text of about `most` points, with its middle omitted if it is wider."""
    if points(text) <= most:
        return text
    head, tail = text, text
    while points(head) > 0.55 * most:
        head = head[:-1]
    while points(tail) > 0.35 * most:
        tail = tail[1:]
    return f"{head}…{tail}"
