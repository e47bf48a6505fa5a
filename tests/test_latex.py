"""LaTeX: for any problem, documents are ASCII, well-formed, compile, and stay within the margins.

Tests that compile need pdflatex and are skipped without it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import json
from support.command import Runner
from support.examples import READABLE, cells
from support.labels import HOSTILE
from support.latex import needs_latex, overfull, typeset
from support.paths import SAMPLE_FILES, SAMPLES

from attncli import attention
from attncli.common.style import _ASCII, Style, decimal
from attncli.common.tex import name_tex
from attncli.trace.trace import Trace
from attncli.writers import FORMATS
from attncli.writers.latex.document import document, heading, remark
from attncli.writers.latex.matrix import TexMatrix
from attncli.writers.latex.text import escape, prose


def matrix(cells: list[list[str]], rows: list[str] | None = None, columns: list[str] | None = None) -> str:
    """Return one matrix in LaTeX."""
    return TexMatrix(cells, rows or [], columns or []).tex()


def latex(*traces: Trace, **style: Any) -> str:
    """Return traces as a document."""
    text = FORMATS["latex"].trace(traces, Style(**style))
    assert isinstance(text, str)
    return text


def random(seed: int, *shape: int, scale: float = 1.0) -> list[Any]:
    """Return a nested list of reproducible numbers."""
    return (np.random.default_rng(seed).normal(size=shape) * scale).round(9).tolist()  # type: ignore[no-any-return]


def explanations(trace: Trace) -> Iterator[Trace]:
    """Return explanations of the first and the last cell of every step."""
    for step in {step.name: step for step, _ in cells(trace)}.values():
        first, last = (0,) * step.array.ndim, tuple(size - 1 for size in step.array.shape)
        yield from (trace.zoom(step.name, cell) for cell in {first, last})


# ------------------------------------------------------------------------------------------------- a reader of LaTeX


def check(tex: str) -> None:
    """Check that LaTeX is well-formed: ASCII, with balanced braces, environments and dollars, and without comments."""
    assert tex.isascii()
    assert all(char == "\n" or char.isprintable() for char in tex)
    open_: list[str] = []
    dollars = 0
    for token in re.finditer(r"\\(begin|end)\{(\w+\*?)\}|\\[A-Za-z]+|\\.|.", tex, flags=re.DOTALL):
        match token.group(1) or token.group():
            case "begin" | "{":
                open_.append(token.group(2) or "{")
            case "end":
                assert open_.pop() == token.group(2)
            case "}":
                assert open_.pop() == "{"
            case "$":
                dollars += 1
            case "&":
                assert any(name in {"align*", "pmatrix"} for name in open_), tex
            case char:
                assert char not in {"%", "#"}, tex
    assert not open_
    assert dollars % 2 == 0
    for rows in matrices(tex):
        assert len({len(row) for row in rows}) == 1


def matrices(tex: str) -> list[list[list[str]]]:
    """Return the cells of every matrix, row by row, without phantoms; labels are an extra row and column."""
    found = []
    for begin in re.finditer(r"\\begin\{pmatrix\}|\\bordermatrix\{", tex):
        labelled = "border" in begin.group()
        end = closing_brace(tex, begin.end()) if labelled else tex.index(r"\end{pmatrix}", begin.end())
        rows = re.split(r"\\cr\b" if labelled else r"(?<!\\)\\\\", tex[begin.end() : end].strip("\n"))
        found.append([[cell(text) for text in re.split(r"(?<!\\)&", row)] for row in rows])
    return found


def closing_brace(tex: str, at: int) -> int:
    """Return the position after the group that is open at `at`."""
    depth = 1
    for token in re.compile(r"\\.|[{}]", re.DOTALL).finditer(tex, at):
        depth += {"{": 1, "}": -1}.get(token.group(), 0)
        if not depth:
            return token.start()
    pytest.fail(f"a group does not end: {tex[at:]}")


def cell(tex: str) -> str:
    """Return the text of a cell, as `decimal` writes it."""
    tex = re.sub(r"\\phantom\{[^{}]*\}", "", tex).strip()
    tex = re.sub(r"^\{(.*)\}$", r"\1", tex)
    power = re.fullmatch(r"(.*) \\times 10\^\{(-?\d+)\}", tex)
    return f"{power[1]}e{int(power[2]):+03d}" if power else tex.replace(r"\infty", "∞")


def section(tex: str, name: str) -> str:
    """Return the display of one step."""
    found = re.findall(r"\\begin\{align\*\}\n(.*?)\n\\end\{align\*\}", tex, flags=re.DOTALL)
    return next(str(text) for text in found if text.startswith(rf"\text{{{name}}} &"))


# --------------------------------------------------------------------------------------------------- without a LaTeX


@pytest.mark.parametrize("name", READABLE)
def test_every_problem_is_well_formed(name: str) -> None:
    """Every kind of problem and explanation gives well-formed LaTeX."""
    trace = attention(**READABLE[name])
    check(latex(trace))
    check(latex(trace, full=True, precision=12))
    for part in explanations(trace):
        check(latex(part))


@given(st.lists(st.text(max_size=30), min_size=2, max_size=2), st.text(max_size=80))
def test_any_label_and_title(tokens: list[str], title: str) -> None:
    """Labels and titles may contain anything."""
    trace = attention([[1.0], [2.5]], [[1], [2]], [[1], [2]], tokens=tokens, title=title)
    check(latex(trace))
    check(latex(trace.zoom("weights", (1, 0))))


@given(st.text(max_size=60))
def test_escape_is_ascii(text: str) -> None:
    """Escaped text is ASCII with balanced braces, and not empty unless the text is."""
    shown = escape(text)
    check(rf"\text{{{shown}}}")
    assert bool(shown) == bool(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("café Ångström", r"caf\'{e} \r{A}ngstr\"{o}m"),
        ("naïve", r"na\"{\i}ve"),
        ("Straße, œuvre, Ørsted, Łódź", r"Stra\ss{}e, \oe{}uvre, \O{}rsted, \L{}\'{o}d\'{z}"),
        ("ệ", r"\d{\^{e}}"),
        ("ế", r"\texttt{\scriptsize U+1EBF}"),
        ("猫", r"\texttt{\scriptsize U+732B}"),
        ("🐈", r"\texttt{\scriptsize U+1F408}"),
        ("א", r"\texttt{\scriptsize U+05D0}"),
        ("e\u0301\u0301", r"\'{e}\texttt{\scriptsize U+0301}"),
        ("a_b^c~d", r"a\_b\textasciicircum{}c\textasciitilde{}d"),
        ("{}\\%#&", r"\{\}\textbackslash{}\%\#\&"),
        ("$1", r"\symbol{36}1"),
        ('<b>|`"', r"\textless{}b\textgreater{}\textbar{}\texttt{\symbol{18}}\texttt{\symbol{34}}"),
        ("--''", r"-{}-'{}'"),
        (" a  b ", r"\ a \ b\ "),
        ("\x1b[31m", r"\textbackslash{}x1b[31m"),
        ("√2 ≤ ∞", r"$\surd$2 $\leq$ $\infty$"),
    ],
)
def test_escape(text: str, shown: str) -> None:
    """Letters keep their accents; characters that the fonts lack become code points."""
    assert escape(text) == shown


def test_all_signs_have_commands() -> None:
    """All signs that attncli writes have a command, except those of heat maps and curves in a terminal."""
    for sign in (*_ASCII.keys() - set("░▒▓█└"), "θ"):
        assert "U+" not in escape(sign), sign


def test_notes_have_no_code_points() -> None:
    """All signs in notes and formulas have commands."""
    for p in READABLE.values():
        trace = attention(**p)
        for part in (trace, *explanations(trace)):
            assert "U+" not in latex(part)


def test_powers_in_prose() -> None:
    """e^(x) in a note becomes a power."""
    assert prose("e^(s − max) / Σ") == r"$e^{\text{s $-$ max}}$ / $\Sigma$"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Q", "Q"),
        ("W_q", "W_q"),
        ("K_all", r"K_{\text{all}}"),
        ("head_output", r"\text{head\_output}"),
        ("Σexp", r"\text{Σexp}"),
        ("weights[q1,k2]", r"\text{weights}[\text{q1,k2}]"),
        ("W_q[d1]", r"W_q[\text{d1}]"),
        ("scaled[[red],a_b]", r"\text{scaled}[\text{[red],a\_b}]"),
        ("scores[a\nb,猫]", r"\text{scores}[\text{a\textbackslash{}x0ab,猫}]"),
    ],
)
def test_names(name: str, shown: str) -> None:
    """Names in Markdown keep their characters."""
    assert name_tex(name) == shown


def test_matrix() -> None:
    """Decimal points are aligned, and dots point in the direction of the omission."""
    assert matrix([["1", "2"], ["3", "4"]]) == r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}"
    assert matrix([["1"], ["-0.25"], ["10.50"]]) == (
        "\\begin{pmatrix} \\phantom{-0}1\\phantom{.00} \\\\ \\phantom{0}{-0.25} \\\\ \\phantom{-}10.50 \\end{pmatrix}"
    )
    assert matrix([["-∞", "3.1e-07", ""], ["nan", "1e+20", "a_b"]]) == (
        "\\begin{pmatrix}\n  -\\infty & 3.1 \\times 10^{-7} &  \\\\\n"
        "  \\text{nan} & 1 \\times 10^{20} & \\text{a\\_b}\n\\end{pmatrix}"
    )
    assert matrix([["1", "…", "2"], ["…", "…", "…"], ["3", "…", "4"]]) == (
        r"\begin{pmatrix} 1 & \cdots & 2 \\ \vdots & \ddots & \vdots \\ 3 & \cdots & 4 \end{pmatrix}"
    )
    assert matrix([["1", "2"]], ["the"], ["a", "…"]) == (
        r"\bordermatrix{ & \scriptstyle\text{a} & \scriptstyle\cdots \cr \scriptstyle\text{the} & 1 & 2 }"
    )


@pytest.mark.parametrize("name", SAMPLE_FILES)
@pytest.mark.parametrize("precision", [2, 4])
def test_numbers(run: Runner, name: str, precision: int) -> None:
    """Matrices have the numbers of the JSON output, rounded."""
    files = [SAMPLES / file for file in SAMPLE_FILES[name]]
    answer = json.loads(run("run", *files, "-f", "json").out)
    tex = run("run", *files, "-f", "latex", "-p", str(precision)).out
    check(tex)
    for step in ("scores", "scaled", "weights", "output"):
        shown = matrices(section(tex, step))
        heads = answer[step] if np.ndim(answer[step]) == 3 else [answer[step]]
        for head in heads:
            wanted = [[decimal(value, precision) for value in row] for row in head]
            assert wanted in [*shown, *([row[1:] for row in rows[1:]] for rows in shown)], step


def test_column_labels_and_row_labels(run: Runner, samples: Path) -> None:
    """Tokens label rows and columns."""
    tex = run("run", samples / "causal.json", "-f", "latex", "-s", "scores").out
    (rows,) = matrices(tex)[-1:]
    tokens = ["the", "cat", "sat", "down"]
    assert [row[0] for row in rows[1:]] == [rf"\scriptstyle\text{{{token}}}" for token in tokens]
    assert rows[0][1:] == [rf"\scriptstyle\text{{{token}}}" for token in tokens]


def wide_problem() -> dict[str, Any]:
    return {"Q": random(1, 2, 4), "K": random(2, 40, 4), "V": random(3, 40, 2)}


def long_problem() -> dict[str, Any]:
    return {"Q": random(1, 60, 2), "K": random(2, 2, 2), "V": random(3, 2, 2)}


def test_wide_matrices_are_abbreviated() -> None:
    """Columns are omitted in the middle, and a remark has the correct count."""
    tex = latex(attention(**wide_problem()))
    check(tex)
    (rows,) = matrices(section(tex, "scores"))
    assert rows[0].count(r"\cdots") == 1
    hidden = 40 - (len(rows[0]) - 1)
    assert hidden > 0
    below = tex.partition(r"\text{scores} &")[2].partition(r"\begin{align*}")[0]
    assert rf"{{\small {hidden} of 40 columns left out; -{{}}-full shows all\par}}" in below


def test_long_matrices_are_abbreviated() -> None:
    """Rows are omitted in the middle, in marginal columns too; remarks on given matrices begin with their names."""
    tex = latex(attention(**long_problem()))
    check(tex)
    weights, *margins = matrices(section(tex, "weights"))
    for rows in (weights, *margins):
        assert sum(set(row) == {r"\vdots"} for row in rows) == 1
        assert len(rows) - 1 == 60 - 21
    assert r"{\small Q: 21 of 60 rows left out; -{}-full shows all\par}" in tex
    assert r"{\small 21 of 60 rows left out; -{}-full shows all\par}" in tex


def test_large_matrices_are_abbreviated() -> None:
    """Above 1000 elements three rows and columns remain at each end, as in tables."""
    tex = latex(attention(random(1, 50, 2), random(2, 50, 2)))
    check(tex)
    scores = matrices(section(tex, "scores"))[-1]
    assert len(scores) == len(scores[0]) == 7
    assert scores[3] == [r"\vdots"] * 3 + [r"\ddots"] + [r"\vdots"] * 3
    assert "44 of 50 rows and 44 of 50 columns left out" in tex


def test_matrices_left_out() -> None:
    """Heads can be omitted too."""
    tex = latex(attention(random(1, 20, 10, 2), random(2, 20, 10, 2)))
    check(tex)
    assert tex.count("14 of 20 matrices left out") == 3  # scores, scaled, weights


@pytest.mark.parametrize("precision", [4, 14])
@pytest.mark.parametrize("columns", [False, True])
def test_full_shows_all(precision: int, columns: bool) -> None:
    """With --full a matrix is cut into blocks that together are the whole."""
    p: dict[str, Any] = {"Q": random(1, 60, 2), "K": random(2, 40, 2)}
    if columns:
        p = {name: np.transpose(value).tolist() for name, value in p.items()} | {"columns": True}
    trace = attention(**p)
    tex = latex(trace, full=True, precision=precision)
    check(tex)
    assert "left out" not in tex
    assert r"\cdots" not in tex
    value = trace["scores"].value
    text = section(tex, "scores")
    text = text.replace(r"\textendash{}", "–")
    starts = re.findall(r"(?:rows (\d+)–(\d+) of (\d+), )?columns? (\d+)(?:–(\d+))? of", text)
    blocks = matrices(text)
    assert len(starts) == len(blocks)
    seen = np.full(value.shape, "", dtype=object)
    for (top, bottom, high, left, right), rows in zip(starts, blocks, strict=True):
        assert high in {str(len(value)), ""}
        seen[int(top or 1) - 1 : int(bottom or len(value)), int(left) - 1 : int(right or left)] = rows
    assert seen.tolist() == [[decimal(number, precision) for number in row] for row in value.tolist()]


# ------------------------------------------------------------------------------------------------------ with a LaTeX


def compiled(folder: Path, *parts: str) -> Path:
    """Compile documents one after another in one run, and return the PDF."""
    bodies = [tex.partition("\\begin{document}")[2].partition("\\end{document}")[0] for tex in parts]
    preamble = parts[0].partition("\\begin{document}")[0]
    joined = "\\clearpage\n".join(bodies)
    whole = parts[0] if len(parts) == 1 else f"{preamble}\\begin{{document}}{joined}\\end{{document}}"
    (folder / "x.tex").write_text(whole, encoding="ascii")
    log = typeset(folder / "x.tex")
    assert not overfull(log)
    assert "Missing character" not in log
    return folder / "x.pdf"


@needs_latex
@pytest.mark.parametrize("options", [[], ["-p", "8", "--full"]], ids=["plain", "full"])
@pytest.mark.parametrize("name", SAMPLE_FILES)
def test_samples_compile(run: Runner, tmp_path: Path, name: str, options: list[str]) -> None:
    """Each sample compiles, and the numbers are in the text of the PDF."""
    files = [SAMPLES / file for file in SAMPLE_FILES[name]]
    done = run("run", *files, "-o", tmp_path / "out.tex", *options)
    assert done.code == 0
    pdf = compiled(tmp_path, (tmp_path / "out.tex").read_text(encoding="ascii"))
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext is not installed")
    text = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, check=True).stdout.decode()
    answer = json.loads(run("run", *files, "-f", "json").out)
    for value in np.ravel(answer["output"]).tolist():
        assert decimal(value, 8 if options else 4).removeprefix("-") in text


@needs_latex
def test_every_problem_compiles(tmp_path: Path) -> None:
    """Every kind of problem and explanation compiles."""
    traces = [attention(**p) for p in READABLE.values()]
    compiled(tmp_path, *(latex(part) for trace in traces for part in (trace, *explanations(trace))))


@needs_latex
@pytest.mark.parametrize("precision", [0, 1, 6, 15])
def test_every_precision_compiles(tmp_path: Path, precision: int) -> None:
    """With any number of decimals, no number exceeds the margin."""
    traces = [attention(**p) for p in READABLE.values()]
    texts = [latex(trace, precision=precision, full=full) for trace in traces for full in (False, True)]
    compiled(tmp_path, *texts)


@needs_latex
def test_hostile_labels_compile(tmp_path: Path) -> None:
    """Hostile labels and titles compile and stay within the margins."""
    texts = []
    for text in (*HOSTILE.values(), r"\end{pmatrix}\input{/etc/passwd}", "Ĳĳŀ", "猫" * 80, "W" * 300, "é ü ç" * 9):
        q, k, v = random(1, 2, 3), random(2, 2, 3), random(3, 2, 2)
        trace = attention(q, k, v, tokens=[text, "b"], title=text, causal=True)
        texts += [latex(trace), latex(trace, full=True), *(latex(part) for part in explanations(trace))]
    compiled(tmp_path, *texts)


@needs_latex
def test_wide_and_long_compile(tmp_path: Path) -> None:
    """Matrices larger than a page are abbreviated or cut, and stay on the page."""
    tokens = [text for text in HOSTILE.values() if text] * 2
    projections = {name: random(2, 16, 16) for name in ("W_q", "W_k", "W_v")}
    problems = [
        wide_problem(),
        long_problem(),
        {"X": random(1, 4, 16), **projections, "heads": 8},
        {"Q": random(1, 4, 40), "K": random(2, 4, 3), "V": random(3, 2, 3), "columns": True},
        {"Q": random(1, 30, 4), "K": random(2, 30, 4), "V": random(3, 30, 2), "tokens": tokens[:30], "causal": True},
        {"Q": random(1, 2, 50, 4), "K": random(2, 2, 50, 4), "V": random(3, 2, 50, 2)},
    ]
    traces = [attention(**p) for p in problems]
    compiled(tmp_path, *(latex(trace, full=full) for trace in traces for full in (False, True)))


@needs_latex
def test_numbers_of_all_sizes_compile(tmp_path: Path) -> None:
    """The widths of tiny and huge numbers and of labels of all lengths are estimated correctly."""
    texts = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        n, m, d = rng.integers(1, 9, size=3).tolist()
        tokens = ["".join(rng.choice(list("iIlWMm m,.-_&猫é"), size=rng.integers(0, 30))) for _ in range(m)]
        p: dict[str, Any] = {
            "Q": random(seed, n, d, scale=10.0 ** rng.integers(-9, 3)),
            "K": random(seed + 100, m, d, scale=10.0 ** rng.integers(-9, 9)),
            "V": random(seed + 200, m, 3, scale=10.0 ** rng.integers(-9, 18)),
        }
        texts.append(latex(attention(**p, key_tokens=tokens), precision=int(rng.integers(1, 12))))
    compiled(tmp_path, *texts)


@needs_latex
def test_parts_compile(tmp_path: Path) -> None:
    """The building blocks of documents work together."""
    display = f"\\[{matrix([['1', ''], ['…', 'x_1']])}\\]"
    parts = [remark("each row: e^(s − max)"), heading("2"), display]
    compiled(tmp_path, document([heading("Übung 1: 50 % & more"), *parts]))
