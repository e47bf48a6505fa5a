"""Reports and explanations as documents: Markdown, LaTeX, HTML and SVG."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from support import json
from support.command import Runner
from support.html import Page
from support.latex import needs_latex, overfull, typeset

GOLDEN = Path(__file__).resolve().parent / "golden" / "pages"
WRONG = ["masked[cat]=1.15 2.31 0.58 2.89", "weights[the]=0.06 0.37 0.37 0.20", "output[down]=1 1"]
PAGES = {
    "report": ["check", "causal.json", *WRONG, "--show-answers"],
    "explanation": ["explain", "causal.json", "output[cat,d1]", "--deep", "--exact"],
    "by-hand": ["run", "cross.json", "--by-hand", "--exact", "-s", "scores", "-s", "weights"],
}
SUFFIXES = ["txt", "md", "tex", "html", "svg"]
FORMATS = "the formats are table, json, jsonl, markdown, latex, html, svg"
SUFFIXES_SAID = (
    "use --format, or a file name that ends in .txt, .json, .jsonl, .ndjson, .md, .markdown, .tex, .html, .htm, .svg"
)
HOSTILE = ["[red]", "<b>&\"'", "a|b_c*$", "\\frac{", "猫", "e\u0301", "\u202eabc", "\x1b[31m"]


def text_of(page: str, suffix: str) -> str:
    """Return the visible text of a document, and check that it is well-formed."""
    if suffix == "html":
        shown = Page.read(page)
        assert not shown.tags & {"script", "link", "img", "iframe", "b>"}
        return " ".join(" ".join(shown.words).split())
    if suffix == "svg":
        return " ".join("".join(ET.fromstring(page).itertext()).split())
    return page


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", PAGES)
def test_golden_pages(
    run: Runner, samples: Path, tmp_path: Path, name: str, suffix: str, request: pytest.FixtureRequest
) -> None:
    """Documents equal the golden files; `--update-golden` rewrites them."""
    out = tmp_path / f"page.{suffix}"
    done = run(*PAGES[name], "-o", out, cwd=samples)
    assert (done.code, done.out) == (1 if name == "report" else 0, "")
    page = out.read_text(encoding="utf-8")
    text_of(page, suffix)
    golden = GOLDEN / f"{name}.{suffix}"
    if request.config.getoption("--update-golden"):
        golden.write_text(page, encoding="utf-8")
    assert page == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_report_says_the_same_in_every_format(run: Runner, samples: Path, tmp_path: Path, suffix: str) -> None:
    """Every format has the steps, wrong cells, right values, the mistake and what to redo."""
    out = tmp_path / f"page.{suffix}"
    run(*PAGES["report"], "-o", out, cwd=samples)
    text = re.sub(r"[\\*|$]", "", text_of(out.read_text(encoding="utf-8"), suffix))
    for word in ("masked", "weights", "output", "0.58", "2.89", "Redo masked"):
        assert word in text, word
    assert "mask_forgotten" in text


@pytest.mark.parametrize("format", ["markdown", "latex", "html", "svg", "table"])
def test_hints_hide_in_every_format(run: Runner, samples: Path, format: str) -> None:
    """With --hints 1 no format reveals a cell, a right value or the mistake; with 2 no right value."""
    for hints, hidden in (("1", ("0.58", "forgotten", "masked[", "∞", "infty")), ("2", ("right -", "forgotten", "∞"))):
        shown = run(*PAGES["report"], "--hints", hints, "-f", format, cwd=samples).out
        for word in hidden:
            assert word not in shown, (hints, word)


def test_several_reports_on_one_page(run: Runner, tmp_path: Path) -> None:
    """Problems from JSON Lines follow one another, each with its conclusion."""
    lines = '{"Q":[[1]],"K":[[2]],"scores":[[2]]}\n{"Q":[[1]],"K":[[2]],"scores":[[3]]}\n'
    for format in ("markdown", "latex", "html", "svg", "table"):
        shown = run("check", "-", "-f", format, stdin=lines)
        assert shown.code == 1
        text = text_of(shown.out, format) if format in {"html", "svg"} else shown.out
        assert text.index("All right") < text.index("The first wrong step is scores"), format


@pytest.mark.parametrize("format", ["markdown", "latex", "html", "svg", "table"])
def test_several_reports_have_titles(run: Runner, format: str) -> None:
    """Each report has its title or number, escaped; a single report has none."""
    fields = '"Q":[[1]],"K":[[2]],"scores":[[2]]'
    first, second = f'{{"title":"Ex <b>& [red]",{fields}}}\n', f"{{{fields}}}\n"
    shown = run("check", "-", "-f", format, stdin=first + second)
    assert shown.code == 0
    text = text_of(shown.out, format) if format in {"html", "svg"} else shown.out
    title = {"latex": r"Ex \textless{}b\textgreater{}\& [red]", "markdown": r"# Ex \<b\>\& \[red\]"}.get(
        format, "Ex <b>& [red]"
    )
    places = [text.index(said) for said in (title, "All right", "problem 2")]
    assert places == sorted(places)
    assert text.rindex("All right") > places[-1]
    assert "Ex" not in run("check", "-", "-f", format, stdin=first).out
    assert "problem" not in run("check", "-", "-f", format, stdin=second).out


def test_wide_letters_keep_columns(run: Runner) -> None:
    """Names of cells are padded by their width: 猫 takes two columns."""
    line = '{"Q":[[1],[2]],"K":[[2]],"tokens":["猫猫猫","dog"],"key_tokens":["k"],"scores":[[3],[5]]}'
    cells = [line for line in run("check", "-", "--show-answers", stdin=line).out.splitlines() if "yours" in line]
    assert [line.strip() for line in cells] == [
        "scores[猫猫猫,k]  yours 3  right 2",
        "scores[dog,k]     yours 5  right 4",
    ]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_hostile_labels_in_reports(run: Runner, tmp_path: Path, suffix: str) -> None:
    """Whatever a token contains, the document is well-formed and the token is escaped."""
    problem = tmp_path / "problem.json"
    queries = [[1, 2]] * len(HOSTILE)
    problem.write_text(json.dumps({"Q": queries, "K": [[1, 0], [0, 1]], "tokens": HOSTILE, "key_tokens": ["a", "b"]}))
    out = tmp_path / f"page.{suffix}"
    done = run("check", problem, "scores=" + ";".join(["1 1"] * len(HOSTILE)), "-o", out)
    assert done.code == 1
    page = out.read_text(encoding="utf-8")
    text_of(page, suffix)
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert suffix == "txt" or HOSTILE[1] not in page
    if suffix == "tex":
        assert page.isascii()


@needs_latex
@pytest.mark.parametrize("name", [*PAGES, "hostile", "long"])
def test_pages_compile(run: Runner, samples: Path, tmp_path: Path, name: str) -> None:
    """pdflatex compiles the documents, and nothing exceeds the margins."""
    args = PAGES.get(name)
    problem = tmp_path / "problem.json"
    if name == "long":
        tokens = ["m" * 200, "猫" * 40, "a b " * 50, "k"]
        queries = {"Q": [[1, 2]] * 4, "K": [[1, 0], [0, 1], [0, 1], [1, 1]], "tokens": tokens, "title": "t" * 200}
        problem.write_text(
            json.dumps(queries | {"weights": [["0.2", "0.30" + "0" * 200, "0.4", "1e-300"]] * 4})
            + json.dumps(queries | {"scores[k]": [7, 1, 2, 3]})
        )
        args = ["check", str(problem)]
    elif args is None:
        problem.write_text(
            json.dumps({"Q": [[1, 2]] * 8, "K": [[1, 0], [0, 1]], "tokens": HOSTILE, "key_tokens": ["a", "b"]})
        )
        args = ["explain", str(problem), *(f"weights[q{at + 1},k1]" for at in range(8))]
    out = tmp_path / "page.tex"
    run(*args, "-o", out, cwd=samples)
    assert not overfull(typeset(out))


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["-f", "csv"], f"no such format for a report: 'csv'\n  hint: {FORMATS}"),
        (["-f", "htm"], "no such format for a report: 'htm'\n  hint: did you mean 'html'?"),
        (
            ["-o", "report.csv"],
            f"cannot tell the format from 'report.csv'\n  hint: {SUFFIXES_SAID}",
        ),
        (["-o", "report"], "cannot tell the format from 'report'"),
    ],
)
def test_formats_without_reports(run: Runner, samples: Path, tmp_path: Path, args: list[str], said: str) -> None:
    """One message, exit code 2, and no file."""
    done = run("check", samples / "causal.json", *WRONG, *args)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"attncli: {said}")
    assert not list(tmp_path.glob("report*"))
