"""The process among others: pipes that close, disks that fill, signals, locales, and what it loads (SPEC §4 and §7)."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from attncli.readers.source import LIMIT

if TYPE_CHECKING:
    from support.command import Run, Starter

PROBLEM = '{"Q": [[3, 4]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}'
BIG = "1 2\n" * 20_000

Shell = Callable[..., "Run"]


@pytest.fixture
def shell(process: Starter, command: list[str]) -> Shell:
    """Runs a line of bash in which `$attncli` is the command."""

    def start(line: str, stdin: bytes | str = b"", **env: str) -> Run:
        return process("-c", line, stdin=stdin, env=env | {"attncli": " ".join(command)}, command=["bash"])

    return start


# --- pipes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["json", "csv", "table"])
def test_head_ends_it_quietly(shell: Shell, tmp_path: Path, name: str) -> None:
    """Where the reader of the pipe goes away: 141, and not a word."""
    (tmp_path / "q.csv").write_text(BIG)
    done = shell(f"$attncli run Q=q.csv K='1 2' -s Q --full -f {name} | head -1; echo ${{PIPESTATUS[0]}}")
    assert done.out.endswith("\n141\n")
    assert done.err == ""


def test_help_into_a_pipe_that_closed(shell: Shell) -> None:
    """Help into a pipe that nobody reads ends as quietly."""
    done = shell("(sleep 0.5; $attncli run --help; echo $? >&2) | true")
    assert done.err == "141\n"


def unread(pipe: IO[bytes]) -> int:
    """Return how many bytes stand in a pipe."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs inherit that it is ignored


def test_interrupted_while_waiting(command: list[str], clean_env: dict[str, str]) -> None:
    """Ctrl-C while attncli waits for standard input ends it with 130, without a message."""
    with subprocess.Popen(
        [*command, "run"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_env,
        preexec_fn=_heed_interrupts,  # noqa: PLW1509 (there are no threads here)
    ) as waiting:
        assert waiting.stdin is not None
        waiting.stdin.write(b"{")
        waiting.stdin.flush()
        while unread(waiting.stdin) and waiting.poll() is None:  # once this is read, it waits for the rest
            time.sleep(0.005)
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=30)
    assert (waiting.returncode, out, err) == (130, b"", b"")


# --- full disks ----------------------------------------------------------------------------------------------------


def test_full_disk_on_standard_output(shell: Shell) -> None:
    """A result that cannot be written is an error with a message."""
    done = shell("$attncli run >/dev/full", PROBLEM)
    assert (done.code, done.err) == (
        2,
        "attncli: standard output: the result cannot be written: No space left on device\n",
    )


@pytest.mark.parametrize("args", ["--help", "--version", "run --help"])
def test_full_disk_under_help(shell: Shell, args: str) -> None:
    """Neither is help lost without a word."""
    done = shell(f"$attncli {args} >/dev/full")
    assert done.code == 2
    assert done.err.startswith("attncli: standard output")
    assert done.err.endswith(": No space left on device\n")
    assert done.err.count("\n") == 1


def test_full_disk_under_out(process: Starter) -> None:
    """Nor a file, by --out."""
    done = process("run", "-o", "/dev/full", "-f", "json", stdin=PROBLEM)
    assert (done.code, done.out, done.err) == (
        2,
        "",
        "attncli: /dev/full: cannot be written: No space left on device\n",
    )


def _small_files() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def test_out_that_fills_the_disk_half_way(command: list[str], clean_env: dict[str, str], tmp_path: Path) -> None:
    """A file that cannot be written to its end is not there at all, and the old one still is."""
    (tmp_path / "q.csv").write_text(BIG)
    (tmp_path / "old.csv").write_text("as it was")
    done = subprocess.run(
        [*command, "run", "Q=q.csv", "K=1 2", "-o", "old.csv"],
        cwd=tmp_path, env=clean_env, capture_output=True, text=True, preexec_fn=_small_files, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "attncli: old.csv: cannot be written: File too large\n"
    assert (tmp_path / "old.csv").read_text() == "as it was"
    assert sorted(os.listdir(tmp_path)) == ["old.csv", "q.csv"]


def test_standard_output_that_fills_the_disk_half_way(
    command: list[str], clean_env: dict[str, str], tmp_path: Path
) -> None:
    """A short write is not taken for a whole one."""
    (tmp_path / "q.csv").write_text(BIG)
    with open(tmp_path / "out", "wb") as out:
        done = subprocess.run(
            [*command, "run", "Q=q.csv", "K=1 2", "-s", "Q", "-f", "csv"],
            cwd=tmp_path, env=clean_env, stdout=out, stderr=subprocess.PIPE, text=True, preexec_fn=_small_files,
            timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "attncli: standard output: the result cannot be written: File too large\n"


# --- closed descriptors --------------------------------------------------------------------------------------------


def test_closed_standard_output(shell: Shell) -> None:
    """A result with nowhere to go is an error."""
    done = shell("$attncli run >&-", PROBLEM)
    assert (done.code, done.err) == (2, "attncli: standard output: is closed: the result cannot be written\n")


def test_closed_standard_output_and_a_file(shell: Shell, tmp_path: Path) -> None:
    """With --out nobody needs standard output, and what is written is whole."""
    done = shell("$attncli run -o x.csv -s scores >&-", PROBLEM)
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "x.csv").read_text() == "11,18\n"


@pytest.mark.parametrize("args", ["", "-", "Q=- K=1"])
def test_closed_standard_input(shell: Shell, args: str) -> None:
    """Standard input that is closed is an error where it is read."""
    done = shell(f"$attncli run {args} <&-")
    assert (done.code, done.out, done.err) == (2, "", "attncli: standard input: is closed\n")


def test_closed_standard_input_that_nobody_reads(shell: Shell, tmp_path: Path) -> None:
    """And else it is not; a file that then gets descriptor 0 is read as that file."""
    (tmp_path / "q.csv").write_text("3 4\n")
    done = shell("$attncli run Q=q.csv K='1 2' -s scores -f csv <&-")
    assert (done.code, done.out, done.err) == (0, "11\n", "")


def test_closed_standard_error(shell: Shell, samples: Path) -> None:
    """Notes that cannot be written change nothing about the result, nor messages about the exit code."""
    whole = shell(f"$attncli run {samples}/blog.json").raw
    for closed in ("2>&-", "2>/dev/full"):
        done = shell(f"$attncli run {samples}/blog.json {closed}")
        assert (done.code, done.raw) == (0, whole)
        assert shell(f"$attncli run {closed}", "{").code == 2


# --- locales -------------------------------------------------------------------------------------------------------

C_LOCALE = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
NARROW = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "C": C_LOCALE,
}


@pytest.mark.parametrize("name", ["table", "markdown", "html", "svg", "json", "jsonl", "csv"])
@pytest.mark.parametrize("locale", NARROW)
def test_narrow_encodings(process: Starter, tmp_path: Path, locale: str, name: str) -> None:
    """Where √ and ᵀ cannot be shown, ASCII stands in their place, in every format."""
    (tmp_path / "p.json").write_text(PROBLEM[:-1] + ', "title": "猫 √ é", "tokens": ["é"], "key_tokens": ["猫", "b"]}')
    done = process("run", "p.json", "-f", name, env=NARROW[locale])
    assert (done.code, done.err) == (0, "")
    assert done.raw.isascii() or locale == "latin-1"
    if name == "table":
        assert "scores = Q K^T   1x2" in done.out
        assert "sqrt(d_k)" in done.out


@pytest.mark.parametrize("name", ["json", "jsonl", "csv"])
@pytest.mark.parametrize("field", ["tokens", "title"])
@pytest.mark.parametrize("locale", ["latin-1", "C"])
def test_narrow_encodings_are_read_back(process: Starter, locale: str, name: str, field: str) -> None:
    """What a machine format writes in a narrow encoding is the same problem when it is read."""
    problem = PROBLEM[:-1] + f', "{field}": ' + ('"猫 √ é"}' if field == "title" else '["猫é"]}')
    done = process("run", "-f", name, stdin=problem, env=NARROW[locale])
    assert process("run", "-f", name, stdin=done.raw).raw == process("run", "-f", name, stdin=problem).raw


@pytest.mark.parametrize("locale", [{"LANG": "C", "LC_ALL": ""}, {"LC_ALL": "POSIX"}, {"LC_ALL": "xx_XX.nonsense"}])
def test_plain_locales(process: Starter, locale: dict[str, str]) -> None:
    """LANG=C and locales that do not exist crash nothing."""
    done = process("run", stdin=PROBLEM, env=locale)
    assert (done.code, done.err) == (0, "")
    assert "8.9859" in done.out


@pytest.mark.parametrize("locale", NARROW)
def test_narrow_encodings_of_messages(process: Starter, locale: str) -> None:
    """A message can be written in any encoding."""
    done = process("run", stdin='{"Qü猫": 1}', env=NARROW[locale])
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("attncli: standard input: unknown field 'Q")
    assert "Traceback" not in done.err


@pytest.mark.parametrize("args", [("--help",), ("run", "--help")])
@pytest.mark.parametrize("locale", NARROW)
def test_narrow_encodings_of_help(process: Starter, locale: str, args: tuple[str, ...]) -> None:
    """So can help."""
    done = process(*args, env=NARROW[locale])
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Usage: ")


def test_labels_typed_in_the_c_locale(process: Starter) -> None:
    """Arguments that the locale cannot decode are text like any other."""
    done = process("run", "Q=1", "K=1", "--tokens", "猫", "--title", "é", env=C_LOCALE)
    assert (done.code, done.err) == (0, "")
    assert done.raw.isascii()


# --- size ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["</dev/zero", "< <(yes)", "< <(yes 1)", "< <(yes '[')"])
def test_endless_input(shell: Shell, source: str) -> None:
    """An input that never ends is refused at a limit."""
    done = shell(f"$attncli run {source}")
    assert (done.code, done.out) == (2, "")
    assert done.err == (f"attncli: standard input: is larger than {LIMIT // 2**20} MiB, the limit for one source\n")


def test_endless_file(process: Starter) -> None:
    """So is a device."""
    done = process("run", "Q=/dev/zero", "K=1")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"attncli: /dev/zero: is larger than {LIMIT // 2**20} MiB, the limit for one source\n"


def test_larger_than_memory(process: Starter, tmp_path: Path) -> None:
    """Scores that would not fit into memory are refused with their size, and soon."""
    (tmp_path / "q.csv").write_text("1\n" * 1_000_000)
    start = time.monotonic()
    done = process("run", "Q=q.csv", "K=q.csv")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("attncli: the scores would be 1000000×1000000, 7.28 TiB, and with the steps from them ")
    assert done.err.endswith("\n  hint: --step output works the output out in blocks, without them\n")
    assert time.monotonic() - start < 20


def test_own_memory_limit(shell: Shell, tmp_path: Path) -> None:
    """The process's own limit counts: no traceback of NumPy's, and no kill."""
    (tmp_path / "q.csv").write_text("1\n" * 10_000)
    done = shell("ulimit -v 2000000; $attncli run Q=q.csv K=q.csv -s scores")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("attncli: the scores would be 10000×10000, 763 MiB, ")


# --- what it loads and leaves --------------------------------------------------------------------------------------


def test_warnings_as_errors(process: Starter, samples: Path) -> None:
    """Nothing warns: with warnings as errors the results are the same."""
    for name in ("table", "json", "csv", "html"):
        strict = process("run", samples / "heads.json", "-f", name, env={"PYTHONWARNINGS": "error"})
        assert (strict.code, strict.err) == (0, "")
        assert strict.raw == process("run", samples / "heads.json", "-f", name).raw


def test_overflow_does_not_warn(process: Starter) -> None:
    """Neither do numbers at the end of the range."""
    problem = '{"Q": [[1e-300, 1e150]], "K": [[1e-300, 1e150], [0, -1e150]], "V": [[1e308], [5e-324]]}'
    done = process("run", stdin=problem, env={"PYTHONWARNINGS": "error"})
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["run", "--help"]])
def test_help_and_version_load_little(clean_env: dict[str, str], args: list[str]) -> None:
    """--help and --version load neither NumPy nor Rich."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "attncli", *args],
        env=clean_env, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "typer" in loaded
    assert not loaded & {"numpy", "rich"}


@pytest.mark.parametrize("module", ["attncli", "attncli.cli.app", "attncli.cli.run", "attncli.__main__"])
def test_importing_loads_little(clean_env: dict[str, str], module: str) -> None:
    """Importing loads neither NumPy nor Rich."""
    code = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_env, capture_output=True, text=True, check=True, timeout=60
    )
    assert "attncli" in done.stdout.split()
    assert not set(done.stdout.split()) & {"numpy", "rich"}


def test_json_loads_no_rich(clean_env: dict[str, str]) -> None:
    """Machine formats do not pay for Rich."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "attncli", "run", "-f", "json"],
        input=PROBLEM, env=clean_env, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "numpy" in done.stderr
    assert "| rich" not in done.stderr.replace("|   ", "|")


def test_a_check_loads_no_html(clean_env: dict[str, str]) -> None:
    """What escapes pages is loaded for pages alone."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "attncli", "check", "-", "weights=1", "-f", "json"],
        input='{"Q": [[1]], "K": [[1]], "V": [[1]]}', env=clean_env, capture_output=True, text=True, check=True,
        timeout=60,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "attncli.checking.verdict" in loaded
    assert not loaded & {"html", "html.entities", "rich"}


def test_nothing_is_left(process: Starter, tmp_path: Path) -> None:
    """Neither in the current folder nor in the one for temporary files does anything stay."""
    here, temporary = tmp_path / "here", tmp_path / "tmp"
    here.mkdir()
    temporary.mkdir()
    env = {"TMPDIR": str(temporary), "HOME": str(here)}
    assert process("run", stdin=PROBLEM, cwd=here, env=env).code == 0
    assert process("run", stdin="{", cwd=here, env=env).code == 2
    assert process("run", "-o", "x.json", stdin=PROBLEM, cwd=here, env=env).code == 0
    assert (os.listdir(here), os.listdir(temporary)) == (["x.json"], [])


def test_a_crash_of_ours(shell: Shell, tmp_path: Path) -> None:
    """What is no fault of the input's ends with 70 and asks for a report: here, an installation in ruins."""
    (tmp_path / "numpy.py").write_text("raise RuntimeError('in ruins')\n")
    done = shell("$attncli run", PROBLEM, PYTHONPATH=str(tmp_path))
    assert (done.code, done.out) == (70, "")
    assert done.err.startswith("attncli: this is a bug of attncli; please report it\nTraceback")
    assert "in ruins" in done.err
