"""The registry of formats: a format from outside, what each can draw, and objects that show themselves."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support import json
from support.command import Runner, clean_environment

import attncli
from attncli.__main__ import main
from attncli.common.errors import AttnError
from attncli.common.report import Page
from attncli.common.style import Style
from attncli.trace.trace import Trace
from attncli.writers import FORMATS, Format, lazy, register

PROBLEM = '{"Q": [[3, 4]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}'
HIDDEN = '{"Q": [[1], [2]], "K": [[2], [1]], "causal": true, "masked": [[2, 1], [4, 2]]}'


def names_of_steps(traces: Sequence[Trace], style: Style) -> str:
    return "".join(f"{' '.join(trace)}\n" for trace in traces)


def marks_of_steps(pages: Sequence[Page], style: Style) -> str:
    return "".join(f"{''.join(step.mark for step in page.steps)}\n" for page in pages)


@pytest.fixture
def restored() -> Iterator[None]:
    """Restore the registry afterwards."""
    before = dict(FORMATS)
    yield
    FORMATS.clear()
    FORMATS.update(before)


@pytest.fixture
def names(restored: None) -> Format:
    """Register a format from outside."""
    format = Format("names", (".names",), aliases=("nm",), trace=names_of_steps, report=marks_of_steps)
    register(format)
    return format


def typed(monkeypatch: pytest.MonkeyPatch, *args: str | Path) -> object:
    """Run a command line in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["attncli", *map(str, args)])
    with pytest.raises(SystemExit) as done:
        main()
    return done.value.code


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    path = tmp_path / "problem.json"
    path.write_text(PROBLEM)
    return path


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("name", ["names", "nm"])
def test_a_format_from_outside_is_chosen_by_name(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], problem: Path, name: str
) -> None:
    assert typed(monkeypatch, "run", problem, "-f", name) == 0
    assert capfd.readouterr().out == "Q K V scores scaled weights output\n"
    assert typed(monkeypatch, "check", problem, "scores=11 18", "weights=0.5 0.5", "-f", name) == 1
    assert capfd.readouterr().out == "✓✗\n"


@pytest.mark.usefixtures("names")
def test_a_format_from_outside_is_chosen_by_suffix(
    monkeypatch: pytest.MonkeyPatch, problem: Path, tmp_path: Path
) -> None:
    out = tmp_path / "steps.names"
    assert typed(monkeypatch, "run", problem, "-s", "scores", "-o", out) == 0
    assert out.read_text() == "scores\n"
    assert typed(monkeypatch, "check", problem, "scores=11 18", "-o", out) == 0
    assert out.read_text(encoding="utf-8") == "✓\n"


@pytest.mark.usefixtures("names")
def test_messages_list_a_format_from_outside_where_it_can_draw(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], problem: Path
) -> None:
    assert typed(monkeypatch, "run", problem, "-f", "?") == 2
    assert capfd.readouterr().err.endswith(", npz, npy, names\n")
    assert typed(monkeypatch, "run", problem, "-f", "names", "--heatmap") == 2
    assert capfd.readouterr().err == (
        "attncli: no such format for a heat map: 'names'\n  hint: the formats are table, html, svg\n"
    )


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize(
    ("name", "suffix", "alias", "taken"),
    [
        ("json", ".x", "x", "'json' already has json"),
        ("x", ".tex", "x", "'latex' already has .tex"),
        ("x", ".x", "md", "'markdown' already has md"),
        ("tex", ".x", "x", "'latex' already has tex"),
    ],
)
def test_a_name_stands_for_one_format(name: str, suffix: str, alias: str, taken: str) -> None:
    before = list(FORMATS)
    with pytest.raises(ValueError, match=re.escape(taken)):
        register(Format(name, (suffix,), aliases=(alias,)))
    assert list(FORMATS) == before


def test_a_lazy_function_is_imported_when_it_is_called() -> None:
    draw = lazy("attncli.nowhere", "write")
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        draw([], Style())


def test_a_format_without_a_function_says_so() -> None:
    """A format that cannot draw something says so, for users of the library."""
    assert not FORMATS["csv"].draws("report")
    with pytest.raises(AttnError, match="this format cannot show that"):
        FORMATS["csv"].report([], Style())


def test_json_needs_no_other_format() -> None:
    """Writing JSON imports no other format, and no Rich."""
    code = f"""if True:
        import sys
        from attncli import attention
        from attncli.common.style import Style
        from attncli.writers import FORMATS
        FORMATS["json"].trace([attention(**{PROBLEM})], Style())
        print(*sorted(name for name in sys.modules if name.startswith("attncli.writers.")), "rich" in sys.modules)
    """
    assert python(code) == "attncli.writers.formats attncli.writers.json_ False\n"


@pytest.mark.parametrize(("alias", "name"), [("md", "markdown"), ("tex", "latex")])
def test_aliases(run: Runner, problem: Path, alias: str, name: str) -> None:
    commands: list[list[str | Path]] = [["run", problem], ["check", problem, "scores=11 17"]]
    for command in commands:
        assert run(*command, "-f", alias).raw == run(*command, "-f", name).raw


def python(code: str) -> str:
    """Return the output of a new Python process."""
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=clean_environment(),
    )
    return done.stdout


def test_a_trace_shows_itself_in_a_fresh_process(run: Runner, problem: Path) -> None:
    """`print(trace)` works without further imports."""
    derived = "from attncli.derivation.derive import derive; from attncli.problem.problem import from_arguments"
    assert python(f"{derived}; print(derive(from_arguments({PROBLEM})))") == run("run", problem).out


def test_a_report_shows_itself_in_a_fresh_process(run: Runner, problem: Path) -> None:
    expected = run("check", "-", "scores=11 17", "weights=0 1", "--show-answers", stdin=problem.read_bytes()).out
    claims = "{'scores': [['11', '17']], 'weights': [['0', '1']]}"
    assert python(f"from attncli import check; print(check({PROBLEM}, {claims}))") == expected


def rules(css: str) -> list[str]:
    """Return the selectors of a stylesheet, including those inside @media."""
    css = re.sub(r"@media[^{]*\{", "", css)
    return [selector.strip() for group in re.findall(r"([^{}]+)\{", css) for selector in group.split(",")]


@pytest.mark.parametrize("kind", ["trace", "report"])
def test_a_fragment_leaves_the_notebook_around_it_alone(kind: str) -> None:
    """A fragment is one element, and all its style rules apply only inside it."""
    fields: dict[str, Any] = json.loads(PROBLEM)
    shown = attncli.attention(**fields) if kind == "trace" else attncli.check(fields, {"scores": [[11, 17]]})
    html = shown._repr_html_()
    assert re.fullmatch(r'<div class="attncli">\n<style>.*</div>\n', html, flags=re.DOTALL)
    assert not re.search(r"<(html|head|body|meta|title)\b", html)
    (style,) = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    assert len(rules(style)) > 20
    assert {selector.split()[0] for selector in rules(style)} == {".attncli"}


@pytest.mark.parametrize("command", ["run", "check", "explain"])
def test_a_page_has_one_stylesheet(run: Runner, problem: Path, command: str) -> None:
    problem.write_text(f"{PROBLEM}\n{PROBLEM}\n")
    page = run(
        command, problem, *{"check": ["scores=1 2"], "explain": ["scores[q1,k1]"]}.get(command, []), "-f", "html"
    )
    assert page.out.count('<div class="attncli">') == 2
    assert page.out.count("<style>") == page.out.count("</style>") == 1
    assert page.out.index("</style>") < page.out.index("<body>")


def test_every_document_in_latex_has_the_same_preamble(run: Runner, problem: Path, tmp_path: Path) -> None:
    run("new", "--seed", "7", "--sheet", "sheet.tex", "--key", "key.tex", "-o", "exercise.json")
    documents = [(tmp_path / file).read_text() for file in ("sheet.tex", "key.tex")]
    documents += [run("run", problem, "-f", "latex").out, run("check", problem, "scores=1 2", "-f", "latex").out]
    preambles = {document.partition("\\begin{document}")[0] for document in documents}
    assert len(preambles) == 1
    assert preambles.pop().startswith("\\documentclass")


@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_a_report_in_json_has_no_infinity(run: Runner, format: str) -> None:
    """−∞ is written as in problems, as JSON has no such number."""
    report = json.loads(run("check", "-", "-f", format, stdin=HIDDEN).out)
    (cell,) = report["steps"]["masked"]["cells"]
    assert cell == {"cell": "masked[q1,k2]", "claimed": "1", "right": "-inf", "follows": "-inf"}
