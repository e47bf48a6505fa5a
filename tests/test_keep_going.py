"""`run --keep-going`: a bad line of JSON Lines is told in its place, and every other line is computed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support import json
from support.command import ATTNCLI, Runner, clean_environment

GOOD = '{"Q": [[1]], "K": [[1], [2]]}'
OTHER = '{"Q": [[2]], "K": [[1], [2]]}'
BROKEN = '{"Q": [[1'
RAGGED = '{"Q": [[1]], "K": [[1, 2], [3]]}'
UNFIT = '{"Q": [[1, 2]], "K": [[1], [2]]}'
NESTED = '{"Q": [[1]], "K": [[1], [2]]} {"Q": [[1]]}'


def lines(text: str) -> list[object]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("bad", [BROKEN, RAGGED, UNFIT, NESTED, '{"Z": 1}', "3", "\ufeff"])
def test_a_bad_line_is_an_error_in_its_place(run: Runner, bad: str) -> None:
    done = run("run", "-", "-s", "scores", "-f", "jsonl", "--keep-going", stdin=f"{GOOD}\n{bad}\n\n{OTHER}\n")
    assert done.code == 1
    first, failed, last = lines(done.out)
    assert (first, last) == ([[1, 2]], [[2, 4]])
    assert isinstance(failed, dict)
    assert list(failed) == ["line", "error"]
    assert failed["line"] == 2
    assert failed["error"].startswith("standard input:2")


def test_the_first_line_may_be_the_bad_one(run: Runner) -> None:
    done = run("run", "-s", "scores", "-f", "jsonl", "--keep-going", stdin=f"{BROKEN}\n{GOOD}\n")
    failed, good = lines(done.out)
    assert isinstance(failed, dict)
    assert (done.code, failed["line"], good) == (1, 1, [[1, 2]])


def test_all_lines_right_is_exit_0(run: Runner) -> None:
    done = run("run", "-s", "scores", "-f", "jsonl", "--keep-going", stdin=f"{GOOD}\n{OTHER}\n")
    assert (done.code, done.err) == (0, "")
    assert done.out == run("run", "-s", "scores", "-f", "jsonl", stdin=f"{GOOD}\n{OTHER}\n").out


def test_without_it_a_bad_line_leaves_nothing_written(run: Runner) -> None:
    done = run("run", "-s", "scores", "-f", "jsonl", stdin=f"{GOOD}\n{UNFIT}\n{OTHER}\n")
    assert (done.code, done.out) == (2, "")


def test_people_get_the_error_on_standard_error(run: Runner) -> None:
    done = run("run", "-s", "scores", "--keep-going", stdin=f"{GOOD}\n{RAGGED}\n{OTHER}\n")
    both = run("run", "-s", "scores", stdin=f"{GOOD}\n{OTHER}\n")
    assert (done.code, done.out) == (1, both.out)
    assert done.err == "attncli: line 2: standard input:2: K, row 2: has 1 number, should have 2 as in row 1\n"


def test_a_file_has_the_errors_too(run: Runner, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert run("run", "-s", "scores", "-o", out, "--keep-going", stdin=f"{GOOD}\n{BROKEN}\n").code == 1
    assert [isinstance(line, dict) for line in lines(out.read_text())] == [False, True]


@pytest.mark.parametrize("text", ['{\n  "Q": [[1]],\n  "K": [[1]]\n}\n', "Q\n1\n", ""])
def test_what_is_not_json_lines_is_refused(run: Runner, text: str) -> None:
    done = run("run", "-f", "jsonl", "--keep-going", stdin=text)
    assert (done.code, done.out) == (2, "")
    assert "standard input: is not JSON Lines, one problem on each line\n" in done.err


def test_options_and_operands_hold_for_every_line(run: Runner) -> None:
    done = run("run", "-", "K=3; 4", "-s", "scores", "-f", "jsonl", "--keep-going", stdin=f"{GOOD}\n{OTHER}\n")
    assert lines(done.out) == [[[3, 4]], [[6, 8]]]


def test_every_file_is_a_problem(run: Runner, tmp_path: Path) -> None:
    for name, text in (("a", GOOD), ("b", OTHER), ("c", GOOD)):
        (tmp_path / f"{name}.json").write_text(text)
    done = run("run", "a.json", "b.json", "c.json", "-s", "scores", "-f", "jsonl")
    assert lines(done.out) == [[[1, 2]], [[2, 4]], [[1, 2]]]


def test_a_line_out_for_a_line_in() -> None:
    """The first result can be read before the second problem is written."""
    command = [*ATTNCLI, "run", "-", "-s", "scores", "-f", "jsonl", "--keep-going"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment()) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{GOOD}\n{OTHER}\n".encode())  # by its second line it is known to be JSON Lines
        process.stdin.flush()
        assert process.stdout.readline() == b"[[1, 2]]\n"
        process.stdin.write(f"{BROKEN}\n".encode())
        process.stdin.close()
        assert process.stdout.readline() == b"[[2, 4]]\n"
        assert process.wait() == 1


def test_memory_does_not_grow_with_the_file(measured: Callable[[int], int]) -> None:
    few, many = measured(2), measured(40)
    assert many - few < 24 * 1024, f"{few} KiB for 4 MB, {many} KiB for 80 MB"


@pytest.fixture
def measured(tmp_path: Path) -> Callable[[int], int]:
    """Return the peak memory in KiB of a run over so many problems of two megabytes each, most of it unused."""

    def measure(count: int) -> int:
        row = "[" + ",".join(["0.25"] * 200_000) + "]"
        file = tmp_path / f"{count}.jsonl"
        with file.open("w") as text:
            for _ in range(count):
                text.write(f'{{"Q": [[1]], "K": [[1], [2]], "V": [{row}, {row}]}}\n')
        code = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        command = [*ATTNCLI, "run", str(file), "-s", "scores", "-f", "jsonl", "--keep-going"]
        done = subprocess.run([ATTNCLI[0], "-c", code, *command], capture_output=True, check=True)
        return int(done.stdout)

    return measure
