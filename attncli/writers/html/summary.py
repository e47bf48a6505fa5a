"""The statistics of a class in HTML: a bar for each step, in parts for right, following, wrong and open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attncli.common.gradebook import StepRate, Summary
from attncli.common.style import Style
from attncli.writers.html.page import block, escaped, page

STYLES = """
.attncli .bars { border-spacing: 0; }
.attncli .bars + h2 { margin-top: 1.2em; }
.attncli .bars th { opacity: 1; padding: .35em 1em .35em 0; }
.attncli .bars td { padding: .35em .6em; text-align: right; }
.attncli .bars td.bar { width: 24em; min-width: 12em; padding-right: 0; }
.attncli .bar div { display: flex; height: 1.5em; font: 12px/1.5em system-ui, sans-serif; }
.attncli .bar span { text-align: center; overflow: hidden; white-space: nowrap; }
.attncli .bar span { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.attncli .bar .is-right { background: #1a7f37; color: #ffffff; }
.attncli .bar .is-following { background: #e3b341; color: #1f2328; }
.attncli .bar .is-wrong { background: #c21c2c; color: #ffffff; }
.attncli .bar .is-open { background: #80808055; }
.attncli .bar .is-times { background: #6e7781; color: #ffffff; }
"""

_PARTS = {"right": "✓", "following": "→", "wrong": "✗", "open": "–"}
"""The parts of a step's bar, with their signs."""


def write(summary: Summary, style: Style) -> str:
    """Return one page with the statistics."""
    title = summary.title or "Summary"
    return page(title, block(elements(summary, title)), style, STYLES)


def elements(summary: Summary, title: str) -> Iterator[str]:
    """Yield the elements of the statistics."""
    yield f"<h1>{escaped(title)}</h1>"
    yield from (f"<p>{line}</p>" for line in (summary.verdicts_said, summary.marks_said) if line)
    if summary.steps:
        head = '<tr><th></th><th scope="col">done correctly</th><th></th></tr>'
        rows = "".join(map(_step, summary.steps))
        yield f'<table class="bars"><thead>{head}</thead><tbody>{rows}</tbody></table>'
        yield "<p><small>✓ right, → correct given an earlier error, ✗ wrong, – without an answer</small></p>"
    for heading, times in (("Mistakes", summary.mistakes), ("Slips", summary.slips)):
        if times:
            yield f"<h2><b>{heading}</b></h2>"
            yield _times(times)
    if summary.hardest_said:
        yield f"<p>{escaped(summary.hardest_said)}</p>"


def _step(step: StepRate) -> str:
    numbers = (step.right, step.follows, step.wrong, step.open)
    spans = "".join(
        f'<span class="is-{name}" style="flex:{number}" title="{number} {name}">{sign} {number}</span>'
        for (name, sign), number in zip(_PARTS.items(), numbers, strict=True)
        if number
    )
    bar = f'<td class="bar"><div>{spans}</div></td>'
    return f'<tr><th scope="row">{escaped(step.name)}</th><td>{step.rate:.0%}</td>{bar}</tr>'


def _times(times: Mapping[str, int]) -> str:
    most = max(times.values())
    rows = "".join(
        f'<tr><th scope="row">{escaped(name)}</th><td>{number}</td><td class="bar"><div>'
        f'<span class="is-times" style="width:{100 * number / most:.0f}%"></span></div></td></tr>'
        for name, number in times.items()
    )
    return f'<table class="bars"><tbody>{rows}</tbody></table>'
