"""The process: closed pipes, full disks, signals, locales, and the modules it imports."""

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
    """Run a line of bash in which `$attncli` is the command."""

    def start(line: str, stdin: bytes | str = b"", **env: str) -> Run:
        return process("-c", line, stdin=stdin, env=env | {"attncli": " ".join(command)}, command=["bash"])

    return start


# --- pipes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["json", "csv", "table"])
def test_closed_pipe(shell: Shell, tmp_path: Path, name: str) -> None:
    """If the reader of the pipe exits: 141, and no message."""
    (tmp_path / "q.csv").write_text(BIG)
    done = shell(f"$attncli run Q=q.csv K='1 2' -s Q --full -f {name} | head -1; echo ${{PIPESTATUS[0]}}")
    assert done.out.endswith("\n141\n")
    assert done.err == ""


def test_help_into_a_closed_pipe(shell: Shell) -> None:
    """Help exits as quietly."""
    done = shell("(sleep 0.5; $attncli run --help; echo $? >&2) | true")
    assert done.err == "141\n"


def unread(pipe: IO[bytes]) -> int:
    """Return the number of unread bytes in a pipe."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs inherit that it is ignored


def test_interrupted_while_waiting(command: list[str], clean_env: dict[str, str]) -> None:
    """Ctrl-C while waiting for standard input exits with 130, without a message."""
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
    """A failure to write the result is an error with a message."""
    done = shell("$attncli run >/dev/full", PROBLEM)
    assert (done.code, done.err) == (
        2,
        "attncli: standard output: cannot write the result: No space left on device\n",
    )


@pytest.mark.parametrize("args", ["--help", "--version", "run --help"])
def test_full_disk_with_help(shell: Shell, args: str) -> None:
    """A failure to write the help is an error too."""
    done = shell(f"$attncli {args} >/dev/full")
    assert done.code == 2
    assert done.err.startswith("attncli: standard output: cannot")
    assert done.err.endswith(": No space left on device\n")
    assert done.err.count("\n") == 1


def test_full_disk_with_out(process: Starter) -> None:
    """So is a failure to write a file with --out."""
    done = process("run", "-o", "/dev/full", "-f", "json", stdin=PROBLEM)
    assert (done.code, done.out, done.err) == (
        2,
        "",
        "attncli: /dev/full: cannot be written: No space left on device\n",
    )


def _small_files() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def test_disk_full_while_writing_a_file(command: list[str], clean_env: dict[str, str], tmp_path: Path) -> None:
    """A file that cannot be written completely is not created, and an old one is kept."""
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


def test_disk_full_while_writing_output(command: list[str], clean_env: dict[str, str], tmp_path: Path) -> None:
    """An incomplete write is an error."""
    (tmp_path / "q.csv").write_text(BIG)
    with open(tmp_path / "out", "wb") as out:
        done = subprocess.run(
            [*command, "run", "Q=q.csv", "K=1 2", "-s", "Q", "-f", "csv"],
            cwd=tmp_path, env=clean_env, stdout=out, stderr=subprocess.PIPE, text=True, preexec_fn=_small_files,
            timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "attncli: standard output: cannot write the result: File too large\n"


# --- closed descriptors --------------------------------------------------------------------------------------------


def test_closed_standard_output(shell: Shell) -> None:
    """A result that cannot be written is an error."""
    done = shell("$attncli run >&-", PROBLEM)
    assert (done.code, done.err) == (2, "attncli: standard output: cannot write the result: it is closed\n")


def test_closed_standard_output_and_a_file(shell: Shell, tmp_path: Path) -> None:
    """With --out a closed standard output does not matter, and the file is complete."""
    done = shell("$attncli run -o x.csv -s scores >&-", PROBLEM)
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "x.csv").read_text() == "11,18\n"


@pytest.mark.parametrize("args", ["", "-", "Q=- K=1"])
def test_closed_standard_input(shell: Shell, args: str) -> None:
    """A closed standard input is an error if it is read."""
    done = shell(f"$attncli run {args} <&-")
    assert (done.code, done.out, done.err) == (2, "", "attncli: standard input: is closed\n")


def test_unused_closed_standard_input(shell: Shell, tmp_path: Path) -> None:
    """Otherwise it does not matter, even if a file then gets descriptor 0."""
    (tmp_path / "q.csv").write_text("3 4\n")
    done = shell("$attncli run Q=q.csv K='1 2' -s scores -f csv <&-")
    assert (done.code, done.out, done.err) == (0, "11\n", "")


def test_closed_standard_error(shell: Shell, samples: Path) -> None:
    """Notes and messages that cannot be written change neither the result nor the exit code."""
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
    """If the encoding lacks √ and ᵀ, every format uses ASCII."""
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
    """Machine formats in a narrow encoding are read back as the same problem."""
    problem = PROBLEM[:-1] + f', "{field}": ' + ('"猫 √ é"}' if field == "title" else '["猫é"]}')
    done = process("run", "-f", name, stdin=problem, env=NARROW[locale])
    assert process("run", "-f", name, stdin=done.raw).raw == process("run", "-f", name, stdin=problem).raw


@pytest.mark.parametrize("locale", [{"LANG": "C", "LC_ALL": ""}, {"LC_ALL": "POSIX"}, {"LC_ALL": "xx_XX.nonsense"}])
def test_plain_locales(process: Starter, locale: dict[str, str]) -> None:
    """LANG=C and unknown locales work."""
    done = process("run", stdin=PROBLEM, env=locale)
    assert (done.code, done.err) == (0, "")
    assert "8.9859" in done.out


@pytest.mark.parametrize("locale", NARROW)
def test_narrow_encodings_of_messages(process: Starter, locale: str) -> None:
    """Messages can be written in any encoding."""
    done = process("run", stdin='{"Qü猫": 1}', env=NARROW[locale])
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("attncli: standard input: unknown field 'Q")
    assert "Traceback" not in done.err


@pytest.mark.parametrize("args", [("--help",), ("run", "--help")])
@pytest.mark.parametrize("locale", NARROW)
def test_narrow_encodings_of_help(process: Starter, locale: str, args: tuple[str, ...]) -> None:
    """Help can be written in any encoding."""
    done = process(*args, env=NARROW[locale])
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Usage: ")


def test_labels_typed_in_the_c_locale(process: Starter) -> None:
    """Arguments that the locale cannot decode are ordinary text."""
    done = process("run", "Q=1", "K=1", "--tokens", "猫", "--title", "é", env=C_LOCALE)
    assert (done.code, done.err) == (0, "")
    assert done.raw.isascii()


# --- size ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["</dev/zero", "< <(yes)", "< <(yes 1)", "< <(yes '[')"])
def test_endless_input(shell: Shell, source: str) -> None:
    """Endless input is an error at a size limit."""
    done = shell(f"$attncli run {source}")
    assert (done.code, done.out) == (2, "")
    assert done.err == (f"attncli: standard input: is larger than {LIMIT // 2**20} MiB, the limit for one source\n")


def test_endless_file(process: Starter) -> None:
    """So is an endless device."""
    done = process("run", "Q=/dev/zero", "K=1")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"attncli: /dev/zero: is larger than {LIMIT // 2**20} MiB, the limit for one source\n"


def test_larger_than_memory(process: Starter, tmp_path: Path) -> None:
    """Scores that do not fit into memory are refused early, with their size."""
    (tmp_path / "q.csv").write_text("1\n" * 1_000_000)
    start = time.monotonic()
    done = process("run", "Q=q.csv", "K=q.csv")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("attncli: the scores would be 1000000×1000000, 7.28 TiB, or ")
    assert done.err.endswith("\n  hint: --step output computes the output in blocks, without them\n")
    assert time.monotonic() - start < 20


def test_own_memory_limit(shell: Shell, tmp_path: Path) -> None:
    """The limit of the process counts: no traceback from NumPy, and no kill."""
    (tmp_path / "q.csv").write_text("1\n" * 10_000)
    done = shell("ulimit -v 2000000; $attncli run Q=q.csv K=q.csv -s scores")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("attncli: the scores would be 10000×10000, 763 MiB, ")


# --- imports and leftovers -----------------------------------------------------------------------------------------


def test_warnings_as_errors(process: Starter, samples: Path) -> None:
    """With warnings as errors the results are the same."""
    for name in ("table", "json", "csv", "html"):
        strict = process("run", samples / "heads.json", "-f", name, env={"PYTHONWARNINGS": "error"})
        assert (strict.code, strict.err) == (0, "")
        assert strict.raw == process("run", samples / "heads.json", "-f", name).raw


def test_overflow_does_not_warn(process: Starter) -> None:
    """Numbers at the end of the range do not warn either."""
    problem = '{"Q": [[1e-300, 1e150]], "K": [[1e-300, 1e150], [0, -1e150]], "V": [[1e308], [5e-324]]}'
    done = process("run", stdin=problem, env={"PYTHONWARNINGS": "error"})
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["run", "--help"]])
def test_help_and_version_import_little(clean_env: dict[str, str], args: list[str]) -> None:
    """--help and --version import neither NumPy nor Rich."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "attncli", *args],
        env=clean_env, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "typer" in loaded
    assert not loaded & {"numpy", "rich"}


@pytest.mark.parametrize("module", ["attncli", "attncli.cli.app", "attncli.cli.run", "attncli.__main__"])
def test_imports_are_lazy(clean_env: dict[str, str], module: str) -> None:
    """Importing attncli imports neither NumPy nor Rich."""
    code = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_env, capture_output=True, text=True, check=True, timeout=60
    )
    assert "attncli" in done.stdout.split()
    assert not set(done.stdout.split()) & {"numpy", "rich"}


def test_json_imports_no_rich(clean_env: dict[str, str]) -> None:
    """Machine formats do not import Rich."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "attncli", "run", "-f", "json"],
        input=PROBLEM, env=clean_env, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "numpy" in done.stderr
    assert "| rich" not in done.stderr.replace("|   ", "|")


def test_check_imports_no_html(clean_env: dict[str, str]) -> None:
    """Only HTML and SVG import the html module."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "attncli", "check", "-", "weights=1", "-f", "json"],
        input='{"Q": [[1]], "K": [[1]], "V": [[1]]}', env=clean_env, capture_output=True, text=True, check=True,
        timeout=60,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "attncli.checking.verdict" in loaded
    assert not loaded & {"html", "html.entities", "rich"}


def test_no_temporary_files_remain(process: Starter, tmp_path: Path) -> None:
    """No files remain in the current folder or the folder for temporary files."""
    here, temporary = tmp_path / "here", tmp_path / "tmp"
    here.mkdir()
    temporary.mkdir()
    env = {"TMPDIR": str(temporary), "HOME": str(here)}
    assert process("run", stdin=PROBLEM, cwd=here, env=env).code == 0
    assert process("run", stdin="{", cwd=here, env=env).code == 2
    assert process("run", "-o", "x.json", stdin=PROBLEM, cwd=here, env=env).code == 0
    assert (os.listdir(here), os.listdir(temporary)) == (["x.json"], [])


def test_internal_errors(shell: Shell, tmp_path: Path) -> None:
    """A bug exits with 70 and asks for a report; here, a damaged installation."""
    (tmp_path / "numpy.py").write_text("raise RuntimeError('in ruins')\n")
    done = shell("$attncli run", PROBLEM, PYTHONPATH=str(tmp_path))
    assert (done.code, done.out) == (70, "")
    assert done.err.startswith("attncli: this is a bug in attncli; please report it\nTraceback")
    assert "in ruins" in done.err
