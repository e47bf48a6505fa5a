"""`attncli help`: the topics in a pipe and in a terminal, and that they leave out nothing that is in the tables."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import Runner, Starter, clean_environment
from support.paths import ROOT

from attncli.checking.samples import traces
from attncli.checking.words import SAID
from attncli.cli.app import COMMANDS
from attncli.cli.terminal import ExitCode
from attncli.derivation.rules import RULES
from attncli.help import TOPICS, heading, source
from attncli.problem.fields import FIELDS, OPTIONS, STEPS
from attncli.writers.formats import FORMATS

FOLDER = ROOT / "attncli" / "help"


def column(page: str, at: int = 0) -> list[str]:
    """Return every name in backquotes in one column of the tables of a page."""
    rows = [line.strip("|").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row[at])]


# --- topics --------------------------------------------------------------------------------------------------------


def test_the_list_has_every_file(run: Runner) -> None:
    """Each topic with the heading of its file; no file is left out."""
    assert {f"{topic}.md" for topic in TOPICS} == {path.name for path in FOLDER.glob("*.md")}
    listed = run("help").out
    for topic in TOPICS:
        assert f"| `{topic}` | {heading(topic)} |" in listed


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_plain_in_a_pipe(run: Runner, topic: str) -> None:
    """It is the Markdown of its file, with tables in place of their names, and without an escape."""
    done = run("help", topic, env={"FORCE_COLOR": "1", "PAGER": "false"})
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"# {heading(topic)}\n")
    assert "\x1b" not in done.out
    assert "<!--" not in done.out
    for line in source(topic).splitlines():
        assert line.startswith("<!-- table: ") or line in done.out


def test_every_topic_ends_with_one_newline() -> None:
    for topic in TOPICS:
        assert re.search(r"[^\n]\n\Z", source(topic)), topic


@pytest.mark.parametrize("name", ["field", "FIELDS", "marks", "exit_codes", "Exit-Code"])
def test_topics_are_found_by_similar_names(run: Runner, name: str) -> None:
    """Case and a plural s do not matter."""
    assert run("help", name).code == 0


@pytest.mark.parametrize(
    ("name", "hint"), [("feilds", "did you mean 'fields'?"), ("xyzzy", "the topics are problems, ")]
)
def test_an_unknown_topic_is_refused(run: Runner, name: str, hint: str) -> None:
    done = run("help", name)
    assert (done.code, done.out) == (2, "")
    assert f"no help topic '{name}'\n  hint: {hint}" in done.err


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_topics_in_narrow_encodings(process: Starter, locale: str) -> None:
    """What an encoding lacks is written in its place in ASCII."""
    env = {"LC_ALL": locale, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    for topic in ("steps", "fields"):
        done = process("help", topic, env=env)
        assert (done.code, done.err) == (0, "")
        assert done.raw.isascii()


# --- the tables ----------------------------------------------------------------------------------------------------


def test_fields(run: Runner) -> None:
    """Every field stands in one table, every choice is named, and nothing else does."""
    page = run("help", "fields").out
    assert sorted(column(page)) == sorted(FIELDS)
    for field in OPTIONS:
        assert field.option in page
        assert field.help in page
        for choice in field.choices:
            assert re.search(rf"\b{choice}\b", page), choice


def test_steps(run: Runner) -> None:
    """Every step in the order of the rules, with a formula that the step says of itself."""
    page = run("help", "steps").out
    assert column(page) == list(dict.fromkeys(rule.step for rule in RULES)) == list(STEPS)
    rows = [re.findall(r"`([^`]+)`", line.split(" | ")[1]) for line in page.splitlines() if line.startswith("| `")]
    said = {step.formula()[0] for trace in traces() for step in trace.values() if not step.given}
    assert all(rows)
    assert {formula for row in rows for formula in row} <= said
    for name in STEPS:
        assert any(name in trace and not trace[name].given for trace in traces()), name


def test_formats(run: Runner) -> None:
    """Every format with its aliases, suffixes and commands, and a line on what it is."""
    page = run("help", "formats").out
    names = [name for known in FORMATS.values() for name in (known.name, *known.aliases)]
    assert column(page)[1:] == names
    assert column(page, 1)[1:] == [suffix for known in FORMATS.values() for suffix in known.suffixes]
    for known in FORMATS.values():
        assert re.search(rf"^- .*`{known.name}`.*: ", page, re.MULTILINE), known.name
        row = next(line for line in page.splitlines() if line.startswith(f"| `{known.name}`"))
        for subject, command in (("trace", "run"), ("report", "check"), ("roll", "mark")):
            assert (re.search(rf"\b{command}\b(?! -)", row) is not None) == known.draws(subject)  # type: ignore[arg-type]


def test_states(run: Runner) -> None:
    """The states of a claimed step are those of the table."""
    assert column(run("help", "check").out) == list(SAID)


def test_exit_codes(run: Runner) -> None:
    """So are the exit codes."""
    codes = [int(code) for code in re.findall(r"^\| (\d+) ", run("help", "exit-codes").out, re.MULTILINE)]
    assert codes == [int(code) for code in ExitCode]


def test_every_option_is_told_somewhere(run: Runner) -> None:
    """No option of a command is missing in the whole of the topics."""
    pages = "".join(run("help", topic).out for topic in TOPICS)
    for command in COMMANDS:
        for option in re.findall(r"^  (?:-\w, )?(--[\w-]+)", run(command, "--help").out, re.MULTILINE):
            assert option in pages, f"{command} {option}"


# --- in a terminal -------------------------------------------------------------------------------------------------


def shown(folder: Path, *args: str, lines: str, **env: str) -> str:
    """Return what a terminal of 80 columns shows of a command."""
    ours, theirs = pty.openpty()
    environment = clean_environment() | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": lines} | env
    with subprocess.Popen(
        [sys.executable, "-m", "attncli", *args],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        cwd=folder,
    ) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:
                break
            text += chunk
        assert process.wait() == 0
    os.close(ours)
    return text.decode().replace("\r\n", "\n")


def test_a_terminal_shows_it_drawn(tmp_path: Path) -> None:
    """Headings, tables and examples, no longer than the terminal is wide, without the marks of Markdown."""
    text = shown(tmp_path, "help", "cells", lines="500")
    assert "\x1b[1" in text
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert "```" not in plain
    assert "`" not in plain
    assert plain.startswith("How to name a cell, and explain a number")
    examples = [line for line in plain.splitlines() if line.startswith("  $ attncli")]
    assert len(examples) == 3
    assert "\x1b" not in shown(tmp_path, "help", "cells", lines="500", NO_COLOR="1")


@pytest.mark.parametrize(
    ("pager", "lines", "paged"),
    [("sed s/^/:/", "10", True), ("sed s/^/:/", "500", False), ("", "10", False), ("cat", "10", False),
     ("no-such-pager", "10", False)],
)  # fmt: skip
def test_the_pager(tmp_path: Path, pager: str, lines: str, paged: bool) -> None:
    """PAGER is used where there are more lines than fit, is the shell's to run, and can be switched off or missing."""
    text = shown(tmp_path, "help", "fields", lines=lines, PAGER=pager, NO_COLOR="1")
    assert text.startswith(":") == paged
    assert text.count("The fields of a problem") == 1
    assert "--causal-align" in text


def test_the_pager_gets_the_settings_of_less(tmp_path: Path) -> None:
    """As git does: quit if it fits, colours as they are, and nothing cleared; unless the user has settings."""
    assert shown(tmp_path, "help", "fields", lines="10", PAGER="cat >&-; echo $LESS").endswith("FRX\n")
    assert shown(tmp_path, "help", "fields", lines="10", PAGER="cat >&-; echo $LESS", LESS="M").endswith("M\n")
