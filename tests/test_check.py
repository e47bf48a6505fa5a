"""`attncli check` and `attncli mark`, through the real command: operands, verdicts, exit codes, what people read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import json
from support.command import Runner

PROBLEM = '{"Q": [[3, 4, 1, 0]], "K": [[1, 2, 1, 0], [2, 3, 0, 1]], "V": [[7, 8], [9, 10]]}'
"""scores 12, 18; scaled 6, 9; weights 0.0474, 0.9526; output 8.9051, 9.9051."""


@pytest.fixture
def problem(tmp_path: Path) -> str:
    """A problem file in the folder where commands run."""
    (tmp_path / "p.json").write_text(PROBLEM)
    return "p.json"


def report(run: Runner, *args: str, code: int) -> dict[str, Any]:
    done = run("check", *args, "-f", "json")
    assert done.code == code, done.err
    result: dict[str, Any] = json.loads(done.out)
    return result


def states(found: dict[str, Any]) -> dict[str, str]:
    return {name: step["state"] for name, step in found["steps"].items()}


def test_right_numbers_are_right(run: Runner, problem: str) -> None:
    """All right is exit 0, and says so."""
    done = run("check", problem, "weights=0.0474 0.9526", "output=8.9051 9.9051")
    assert (done.code, done.out) == (0, "✓ weights  right\n✓ output   right\n\nAll right.\n")
    assert done.err == "attncli: checking weights to 4 decimals, output to 4 decimals\n"


def test_a_mistake_is_named_and_explained(run: Runner, problem: str) -> None:
    """A forgotten scaling is named at the scaled scores, with this problem's numbers; what follows follows."""
    done = run("check", problem, "scaled=12.00 18.00", "weights=0.00 1.00", "--show-answers")
    assert done.code == 1
    assert done.out == (
        "✗ scaled   wrong: a known mistake\n"
        "           scaled[q1,k1]  yours 12.00  right 6\n"
        "           scaled[q1,k2]  yours 18.00  right 9\n"
        "→ weights  correct given your earlier error\n"
        "\n"
        "You did not scale the scores; divide by √4 = 2.  [no_scale]\n"
        "yours: scaled = scores\n"
        "right: scaled = scores / √d_k = scores / √4 = scores / 2\n"
        "Redo scaled; then weights will follow.\n"
        "attncli explain p.json 'scaled[q1,k1]'\n"
    )


@pytest.mark.parametrize(
    ("weights", "output", "named"),
    [
        ("0.0025 0.9975", "8.9951 9.9951", "no_scale"),  # softmax(12, 18)
        ("0.0012 0.4988", "4.4976 4.9976", "scale_after_softmax"),  # half of it
        ("0.0012 ?", "4.4976 4.9976", "scale_after_softmax"),
        ("0.0012 0.4988", "8.1 9.1", "scale_after_softmax"),  # and an output of nowhere
    ],
)
def test_later_claims_tell_mistakes_apart(run: Runner, problem: str, weights: str, output: str, named: str) -> None:
    """Of mistakes that give the first wrong step, what comes after it says which was made; that then follows."""
    found = report(run, problem, "scaled=12 18", f"weights={weights}", f"output={output}", code=1)
    assert found["mistakes"] == [named]
    last = "wrong" if output == "8.1 9.1" else "follows_from_error"
    assert states(found) == {"scaled": "known_mistake", "weights": "follows_from_error", "output": last}


def test_what_later_claims_leave_open_stays_open(run: Runner, problem: str) -> None:
    """Without later claims both mistakes are named; where the later ones fit neither, the one that they allow."""
    both = ["no_scale", "scale_after_softmax"]
    assert report(run, problem, "scaled=12 18", code=1)["mistakes"] == both
    assert report(run, problem, "scaled=12 18", "weights=? ?", code=1)["mistakes"] == both
    assert report(run, problem, "scaled=12 18", "weights=0.3 0.3", code=1)["mistakes"] == ["no_scale"]


@pytest.mark.parametrize(("hints", "has"), [("1", []), ("2", ["yours"]), ("3", ["yours", "[no_scale]"])])
def test_hints_say_no_more_than_asked(run: Runner, problem: str, hints: str, has: list[str]) -> None:
    """--hints 1 tells the step, 2 the cells, 3 the mistake; none of them the right numbers."""
    done = run("check", problem, "scaled=12.00 18.00", "--hints", hints)
    assert done.code == 1
    assert "scaled" in done.out
    assert [word for word in ("yours", "[no_scale]") if word in done.out] == has
    assert "right 6" not in done.out


def test_the_json_is_as_the_contract_says(run: Runner, problem: str) -> None:
    """Verdict, first wrong step, mistakes, and for each step its state and the wrong cells."""
    found = report(run, problem, "weights=0.0025 0.9975", code=1)
    assert {name: found[name] for name in ("verdict", "first_wrong", "mistakes", "close_to")} == {
        "verdict": "wrong",
        "first_wrong": "weights",
        "mistakes": ["no_scale"],
        "close_to": [],
    }
    (cell, _) = found["steps"]["weights"]["cells"]
    assert (cell["cell"], cell["claimed"]) == ("weights[q1,k1]", "0.0025")
    assert cell["right"] == pytest.approx(0.0474, abs=1e-4)
    assert found["code"] == "weights:no_scale"


def test_the_blog_sample(run: Runner, samples: Path) -> None:
    """The post's weights are wrong and no known mistake; its output follows from them."""
    found = report(run, str(samples / "blog.json"), code=1)
    assert found["mistakes"] == []
    assert states(found) == {"weights": "wrong", "output": "follows_from_error"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"weights": [[0.0474, 0.9526]], "output": [[8.9051, 9.9051]]}'),
        ("a.csv", "weights\n0.0474,0.9526\n\noutput\n8.9051,9.9051\n"),
        ("a.csv", "weights\n4.74%,95.26%\n\noutput\n8.9051,9.9051\n"),
        ("a.csv", "weights\n0,0474;0,9526\noutput\n8,9051;9,9051\n"),
        ("a.txt", "weights\nq1 0.0474 ?\noutput\n? 9.9051\n"),
    ],
)
def test_answers_come_in_any_form(run: Runner, problem: str, tmp_path: Path, name: str, text: str) -> None:
    """JSON, CSV blocks, percent, decimal commas, labels and missing answers are read."""
    (tmp_path / name).write_text(text)
    assert report(run, problem, name, code=0)["verdict"] == ("open" if "?" in text else "right")


def test_what_run_writes_check_reads(run: Runner, samples: Path, tmp_path: Path) -> None:
    """A problem with its answers, as `run -f json` and -f csv write it, is all right."""
    for sample in sorted(samples.glob("*.json")):
        for suffix in ("json", "csv", "npz"):
            worked = tmp_path / f"worked.{suffix}"
            assert run("run", sample, "-o", worked).code == 0
            done = run("check", worked)
            assert done.code == 0, (sample, suffix, done.out, done.err)


def test_rows_cells_and_heads_can_be_claimed_alone(run: Runner, samples: Path) -> None:
    """weights[head2] is one matrix, weights[head2,q1] one row, weights[head2,q1,k1] one cell; tokens name rows too."""
    heads = str(samples / "heads.json")
    worked = json.loads(run("run", heads, "-s", "weights", "-f", "json").out)
    whole = "; ".join(" ".join(f"{x:.4f}" for x in row) for row in worked[1])
    row = " ".join(f"{x:.4f}" for x in worked[0][1])
    assert report(run, heads, f"weights[head2]={whole}", code=0)["verdict"] == "right"
    assert report(run, heads, f"weights[head1,see]={row}", code=0)["verdict"] == "right"
    found = report(run, heads, "weights[head1,see,you]=0.1", code=1)
    assert [cell["cell"] for cell in found["steps"]["weights"]["cells"]] == ["weights[head1,see,you]"]


def test_tolerance_and_decimals(run: Runner, problem: str) -> None:
    """--tolerance is a plain one; --decimals asks for at least so many."""
    assert report(run, problem, "weights=0.04 0.96", "--tolerance", "0.01", code=0)
    assert report(run, problem, "weights=0.05 0.95", code=0)
    found = report(run, problem, "weights=0.05 0.95", "--decimals", "4", code=1)
    assert states(found) == {"weights": "too_few_decimals"}
    assert report(run, problem, "scaled=6 9.0", "--decimals", "4", code=0), "exact as written"


def test_several_problems_are_checked_one_by_one(run: Runner) -> None:
    """JSON Lines: a report for each line, exit 1 if one of them is wrong."""
    lines = PROBLEM[:-1] + ', "scores": [[12, 18]]}\n' + PROBLEM[:-1] + ', "scores": [[12, 19]]}\n'
    done = run("check", "-f", "jsonl", stdin=lines)
    assert [json.loads(line)["verdict"] for line in done.out.splitlines()] == ["right", "wrong"]
    assert done.code == 1


UNREADABLE = [
    (["weights=0.1 0.2 0.7"], "weights: is 1×3, should be 1×2"),
    (["weights=a b"], "weights: 'a b' is neither a file nor a matrix (row 1, column 1: 'a' is not a number)"),
    (["weights[q2]=0.1 0.9"], "weights has no 'q2': its labels are q1; k1, k2"),
    (["masked=1 2; 3 4"], "masked: is 2×2, should be 1×2"),
    (["concat=1 2"], "concat is not a step of this problem, and cannot be an answer\n  hint: its steps are "),
    (["wieghts[q1]=1 2"], "wieghts[q1]=1 2: unknown field 'wieghts'\n  hint: did you mean 'weights'?"),
    ([], "there is nothing to check: no step's numbers are given\n  hint: give some, as in weights='0.2 0.8'"),
    (["weights=0.1 0.9", "--tolerance", "-1"], "--tolerance must be ≥ 0, got -1"),
    (["nosuch.json"], "no such file: 'nosuch.json'"),
]


@pytest.mark.parametrize(("args", "says"), UNREADABLE, ids=[" ".join(args) for args, _ in UNREADABLE])
def test_unreadable_is_not_wrong(run: Runner, problem: str, args: list[str], says: str) -> None:
    """What cannot be read is exit 2 with a message, and no verdict."""
    done = run("check", problem, *args)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"attncli: {says}"), done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("scale", "weights", "said"),
    [
        ([], "0.0237 0.4763; 0.1345 0.3655", "You divided by √4 before the softmax and again after it, so"),
        (
            ["scale=1/3"],
            "0.0596 0.4404; 0.1696 0.3304",
            "You scaled before the softmax and again, by 1/√4, after it, so",
        ),
    ],
)
def test_double_scaling_is_reported(run: Runner, scale: list[str], weights: str, said: str) -> None:
    """Not that the scaling came too late, as who did it after the softmax alone is told."""
    done = run("check", "Q=3 4 1 0; 1 1 0 0", "K=1 2 1 0; 2 3 0 1", *scale, f"weights={weights}")
    assert f"\n{said} that the rows sum to 1/√4; once is right.  [scale_after_softmax]\n" in done.out


# --- mark --------------------------------------------------------------------------------------------------------

CLASS = {
    "ada": '{"weights": [[0.0474, 0.9526]], "output": [[8.9051, 9.9051]]}',
    "ben": '{"weights": [[0.0025, 0.9975]], "output": [[8.9951, 9.9951]]}',
    "eve": '{"weights": [[0.5, 0.4]]}',
    "zoe": '{"weights": [[0.5, "x"]]}',
}


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """A folder of submissions."""
    folder = tmp_path / "answers"
    folder.mkdir()
    for name, text in CLASS.items():
        (folder / f"{name}.json").write_text(text)
    return folder


def test_a_folder_is_marked(run: Runner, problem: str, answers: Path) -> None:
    """A row for each student, counts below; who cannot be read is listed with the reason, and not given zero."""
    done = run("mark", problem, "answers")
    assert done.code == 0
    assert done.out == (
        "name  marks  steps\n"
        "───────────────────────────────────────────────\n"
        "ada     2/2  ✓ ✓\n"
        "ben   1.5/2  ✗ →    weights: no_scale\n"
        "eve     0/2  ✗ –    weights: wrong; output open\n"
        "\n"
        "steps: weights output\n"
        "\n"
        "unreadable: zoe: answers/zoe.json: 'x' is not a number, for weights[q1,k2]; "
        "a cell without an answer is ? (in JSON: null)\n"
        "\n"
        "4 submissions, 1 all right, 1 unreadable\n"
        "first wrong step: weights 2\n"
        "mistake: no_scale 1\n"
    )
    assert done.err == ""


def test_json_lines_from_a_pipe_are_marked(run: Runner, problem: str) -> None:
    """One answers object a line, each with its student's name; what comes out is a line for each."""
    lines = "".join(f'{{"name": "{name}", {text[1:]}\n' for name, text in CLASS.items())
    done = run("mark", problem, "-", "-f", "jsonl", stdin=lines)
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [row["name"] for row in rows] == list(CLASS)
    assert rows[1]["mistakes"] == ["no_scale"]
    assert rows[1]["marks"] == 1.5
    assert "marks" not in rows[3]


def test_csv_and_scheme(run: Runner, problem: str, answers: Path, tmp_path: Path) -> None:
    """Marks are as a scheme says; CSV goes to a file whole."""
    (tmp_path / "scheme.json").write_text('{"known_mistake": 0.25, "follows_from_error": 2}')
    out = tmp_path / "marks.csv"
    assert run("mark", problem, answers, "--scheme", "scheme.json", "-f", "csv", "-o", out).code == 0
    lines = out.read_text().splitlines()
    assert lines[0] == "name,file,marks,max,percent,weights,output,first_wrong,mistakes,remarks"
    assert lines[2] == f"ben,{answers}/ben.json,2.25,2,112.5,known_mistake,follows_from_error,weights,no_scale,"


@pytest.mark.parametrize(("suffix", "name"), [(".csv", "csv"), (".jsonl", "jsonl"), (".txt", "table"), (".CSV", "csv")])
def test_the_suffix_says_the_format_of_marks(
    run: Runner, problem: str, answers: Path, tmp_path: Path, suffix: str, name: str
) -> None:
    """What goes into a file is what `-f` would give, which itself comes before the suffix."""
    out = tmp_path / f"marks{suffix}"
    assert run("mark", problem, answers, "-o", out).code == 0
    assert out.read_text() == run("mark", problem, answers, "-f", name).out
    assert run("mark", problem, answers, "-f", "jsonl", "-o", out).code == 0
    assert out.read_text() == run("mark", problem, answers, "-f", "jsonl").out


@pytest.mark.parametrize("file", ["marks.json", "marks", "marks.pdf"])
def test_a_suffix_that_marks_do_not_have_is_refused(
    run: Runner, problem: str, answers: Path, tmp_path: Path, file: str
) -> None:
    done = run("mark", problem, answers, "-o", file)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"attncli: cannot tell the format from '{file}'\n"
        "  hint: use --format, or a file name that ends in .txt, .jsonl, .ndjson, .csv, .tsv\n"
    )
    assert not (tmp_path / file).exists()


def test_files_of_one_name_are_told_apart(run: Runner, problem: str, tmp_path: Path) -> None:
    """By their suffix, else by their folder; a name that is alone is without both, and a student's own comes first."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "eve.json").write_text('{"scores": [[12, 18]]}')
    (tmp_path / "a.json").write_text('{"scores": [[12, 18]]}')
    (tmp_path / "a.csv").write_text("scores\n12,18\n")
    (tmp_path / "a.jsonl").write_text('{"scores": [[12, 18]]}\n{"name": "Zoe", "scores": [[12, 18]]}\n')
    (tmp_path / "b.json").write_text('{"scores": [[12, 18]]}')
    files = ["a.json", "a.csv", "a.jsonl", "b.json", "one/eve.json", "two/eve.json"]
    done = run("mark", problem, *files, "-f", "jsonl")
    names = [json.loads(line)["name"] for line in done.out.splitlines()]
    assert names == ["a.json", "a.csv", "a.jsonl:1", "Zoe", "b", "one/eve.json", "two/eve.json"]


@pytest.mark.parametrize(
    ("scheme", "says"),
    [
        ('{"goood": 1}', "scheme.json: unknown state 'goood'\n  hint: the states are correct, "),
        ('{"wrong": "x"}', "scheme.json: wrong: marks must be a number, got 'x'\n"),
    ],
)
def test_a_bad_scheme_is_refused(
    run: Runner, problem: str, answers: Path, tmp_path: Path, scheme: str, says: str
) -> None:
    """Only known states have marks, and marks are numbers."""
    (tmp_path / "scheme.json").write_text(scheme)
    done = run("mark", problem, answers, "--scheme", "scheme.json")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"attncli: {says}")


def test_claims_in_the_problem_are_not_the_students(run: Runner, samples: Path, tmp_path: Path) -> None:
    """`mark` looks at the answers alone, whatever the problem file claims."""
    (tmp_path / "a.json").write_text('{"scores": [[11, 18]]}')
    done = run("mark", samples / "blog.json", "a.json", "-f", "jsonl")
    assert json.loads(done.out)["code"] == "scores:correct"


def test_answers_come_before_claims_in_the_problem(run: Runner, samples: Path, tmp_path: Path) -> None:
    """A right student is not held to the numbers that stand in the problem file, by `check` and by `mark`."""
    (tmp_path / "a.json").write_text('{"weights": [[0.0070, 0.9930]], "output": [[8.9859, 9.9859]]}')
    assert report(run, str(samples / "blog.json"), "a.json", code=0)["verdict"] == "right"
    done = run("mark", samples / "blog.json", "a.json", "-f", "jsonl")
    assert json.loads(done.out)["code"] == "weights:correct output:correct"


def test_no_answer_at_all_is_nothing_to_check(run: Runner, problem: str, tmp_path: Path) -> None:
    """A step whose cells are all without an answer is not right, and not there."""
    assert run("check", problem, "weights=? ?").code == 2
    (tmp_path / "a.json").write_text('{"weights": null, "output": [[8.9051, 9.9051]]}')
    assert states(report(run, problem, "a.json", code=0)) == {"output": "correct"}


def test_one_bad_line_does_not_lose_the_class(run: Runner, problem: str) -> None:
    """In JSON Lines each line is read for itself; the bad one says where and why."""
    lines = '{"name": "A", "scores": [[12, 18]]}\n{bad\n\n{"name": "B", "scores": [[12, 19]]}\n'
    done = run("mark", problem, "-", "-f", "jsonl", stdin=lines)
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [row.get("code") for row in rows] == ["scores:correct", None, "scores:slip"]
    assert rows[1]["name"] == "standard input:2"
    assert rows[1]["unreadable"].startswith("standard input:2:2: not JSON")


BAD_LINES = {
    b"broken": "2:1: not JSON: expected a value, found 'broken'",
    b"=1+1": "2:1: not JSON: expected a value, found '=1+1'",
    b'"scores": [[12, 18]]}': "2:9: not JSON: expected a value, found ':'",
    b"[[12, 18]]": "2: holds one bare matrix, and does not say which step it is; ",
    b"3": "2: is neither an object nor an array",
    b"}": "2:1: not JSON: expected a value, found '}'",
    b'{"scores": [[12, 18]], "scores": 1}': "2: 'scores' is given twice",
    b'{"scores": [[12, "x"]]}': "2: 'x' is not a number, for scores[q1,k2]; ",
    b'{"scores": [[12, \xff]]}': "2:18: byte 0xFF is not UTF-8; ",
}


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("bad", BAD_LINES)
def test_a_line_that_is_not_an_object_is_one_submission(
    run: Runner, problem: str, tmp_path: Path, bad: bytes, *, piped: bool
) -> None:
    """It is unreadable, with its line, and costs no other line anything; with a byte order mark and CRLF too."""
    lines = (
        b'\xef\xbb\xbf{"name": "A", "scores": [[12, 18]]}\r\n' + bad + b'\r\n{"name": "B", "scores": [[12, 19]]}\r\n'
    )
    (tmp_path / "class.jsonl").write_bytes(lines)
    done = run("mark", problem, "-" if piped else "class.jsonl", "-f", "jsonl", stdin=lines if piped else b"")
    assert done.code == 0
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [row.get("code") for row in rows] == ["scores:correct", None, "scores:slip"]
    source, name = ("standard input",) * 2 if piped else ("class.jsonl", "class")
    assert rows[1]["name"] == f"{name}:2"
    assert rows[1]["unreadable"].startswith(f"{source}:{BAD_LINES[bad]}")


@pytest.mark.parametrize("first", ["{bad}", "{bad", '{"name": "A", "scores": [[12, 18]'])
def test_the_first_line_may_be_the_bad_one(run: Runner, problem: str, first: str) -> None:
    """JSON Lines are known by the lines below it as well."""
    lines = f'{first}\nbroken\n{{"name": "B", "scores": [[12, 18]]}}\n'
    rows = [json.loads(line) for line in run("mark", problem, "-", "-f", "jsonl", stdin=lines).out.splitlines()]
    assert [row["name"] for row in rows] == ["standard input:1", "standard input:2", "B"]
    assert rows[0]["unreadable"].startswith("standard input:1")


def test_an_object_over_several_lines_is_one_submission(run: Runner, problem: str) -> None:
    """Whole or broken."""
    for text, code in (
        ('{"name": "A",\n"scores":\n[[12, 18]]\n}\n', "scores:correct"),
        ('\n{\n  "name": "A",\n  "scores": [\n    [12, 18]\n', None),
    ):
        done = run("mark", problem, "-", "-f", "jsonl", stdin=text)
        (row,) = [json.loads(line) for line in done.out.splitlines()]
        assert row.get("code") == code
        assert row["name"] == ("A" if code else "standard input")


def test_what_is_no_file_is_no_student(run: Runner, problem: str) -> None:
    """A mistyped path is an error of the command line."""
    done = run("mark", problem, "nosuch")
    assert (done.code, done.out, done.err) == (2, "", "attncli: nosuch: no such file or folder\n")


def test_fractions_are_as_exact_as_they_are_written(run: Runner, samples: Path) -> None:
    """11/1.414 carries the decimals of its root, and 1/142 stands for 0.0070."""
    blog = json.loads((samples / "blog.json").read_text())
    three = [f"{name}={json.dumps(blog[name])}" for name in "QKV"]
    assert report(run, *three, "scaled=11/1.414 18/1.414", code=0)["verdict"] == "right"
    assert report(run, *three, "weights=1/142 141/142", code=0)["verdict"] == "right"
    assert report(run, *three, "weights=1/14 13/14", code=1)["verdict"] == "wrong"


def test_a_transposed_answer_has_a_hint(run: Runner, samples: Path) -> None:
    """A claim of the transposed shape is exit 2, and says what it may be."""
    done = run("check", samples / "cross.json", "weights=0.27 0.23; 0.27 0.38; 0.45 0.38")
    assert done.code == 2
    assert done.err == (
        "attncli: weights: is 3×2, should be 2×3\n  hint: is it transposed? with columns: true, vectors are columns\n"
    )


def test_another_convention_is_reported(run: Runner) -> None:
    """Where all steps are right but transposed, that is said, and not that every cell is wrong."""
    fields = ["Q=1 0; 0 2", "K=1 1; 0 2", "V=1 2; 3 5"]
    worked = json.loads(run("run", *fields, "-f", "json").out)
    claims = [
        f"{step}={'; '.join(' '.join(f'{x:.3f}' for x in column) for column in zip(*worked[step], strict=True))}"
        for step in ("scores", "weights", "output")
    ]
    done = run("check", *fields, *claims)
    assert done.code == 1
    assert done.out.startswith(
        "All steps agree with attention with vectors as columns; in this exercise vectors are rows.\n"
    )


def test_a_convention_is_not_named_beside_a_mistake(run: Runner) -> None:
    """Where all steps agree with s / Σs, that is a mistake with a name, which says as much."""
    fields = ["Q=1 2; 2 1", "K=1 1; 0 2", "V=1 2; 3 5"]
    worked = json.loads(run("run", *fields, "--normalize", "sum", "-f", "json").out)
    claims = [
        f"{step}={'; '.join(' '.join(f'{x:.3f}' for x in row) for row in worked[step])}"
        for step in ("weights", "output")
    ]
    found = report(run, *fields, *claims, code=1)
    assert (found["mistakes"], found["agrees_with"]) == (["sum_normalise"], None), "the mistake says it"


@pytest.mark.parametrize(
    ("args", "field"),
    [(["check", "p.json", "--mask", "1 0"], "mask"), (["run", "p.json", "--lengths", "1"], "lengths")],
)
def test_a_field_that_is_no_option_has_a_hint(run: Runner, problem: str, args: list[str], field: str) -> None:
    """Who types a field as an option where it is none is told how to type it."""
    done = run(*args)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"attncli: No such option: --{field}\n  hint: give this field as an operand: {field}=…\n"


def test_labelled_claims_belong_to_their_own_problem(run: Runner) -> None:
    """In JSON Lines, a claim for one row holds for the problem of its line alone."""
    lines = PROBLEM[:-1] + ', "scores[q1]": [12, 19]}\n' + PROBLEM[:-1] + ', "scores[q1]": [12, 18]}\n'
    done = run("check", "-f", "jsonl", stdin=lines)
    assert [json.loads(line)["verdict"] for line in done.out.splitlines()] == ["wrong", "right"]


SELF = {"X": [[1, 0], [0, 1]], "W_q": [[1, 2], [3, 4]], "W_k": [[1, 0], [0, 1]], "W_v": [[1, 0], [0, 1]]}
SELF_CSV = "X\n1,0\n0,1\n\nW_q\n1,2\n3,4\n\nW_k\n1,0\n0,1\n\nW_v\n1,0\n0,1\n\n"
"""Q is 1 2; 3 4."""


def test_a_blank_sheet_of_a_projected_exercise_is_blank(run: Runner) -> None:
    """What `new --self --answers` writes is read: nothing is answered, and nothing is a number that is none."""
    run("new", "--seed", "3", "--self", "-o", "p.json", "--answers", "a.csv")
    done = run("check", "p.json", "a.csv")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("attncli: there is nothing to check: no step's numbers are given\n")


@pytest.mark.parametrize("blank", ["?", "", "null"])
def test_projections_have_blanks_and_decimals_like_other_steps(run: Runner, tmp_path: Path, blank: str) -> None:
    """Q worked out from X is a claim: in a CSV of answers, beside X, and typed."""
    (tmp_path / "p.json").write_text(json.dumps(SELF))
    claim = f",a,b\nx1,{blank},2.00\nx2,3,4\n"
    (tmp_path / "a.csv").write_text(f"Q\n{claim}")
    (tmp_path / "row.csv").write_text(f"{blank},2.00\n")
    (tmp_path / "worked.csv").write_text(f"{SELF_CSV}Q\n{claim}")
    said = "attncli: checking Q to 2 decimals (1 cell without an answer)\n"
    for args in (["p.json", "a.csv"], ["worked.csv"], ["p.json", f"Q={blank or '?'} 2.00; 3 4"]):
        done = run("check", *args)
        assert (done.code, done.out, done.err) == (
            0,
            "✓ Q  3 of 4 cells right, 1 open\n\nRight so far; 1 cell without an answer.\n",
            said,
        )
    assert states(report(run, "p.json", "Q[q1]=row.csv", code=0)) == {"Q": "correct"}
    assert json.loads(run("mark", "p.json", "a.csv", "-f", "jsonl").out)["code"] == "Q:correct"


@pytest.mark.parametrize("cell", ["?", "x"])
def test_what_is_an_input_has_no_blanks(run: Runner, tmp_path: Path, cell: str) -> None:
    """Q, K and V of a problem in CSV are numbers, also where claims stand beside them, and with M instead of X."""
    (tmp_path / "p.csv").write_text(f"Q\n1,2\n3,{cell}\n\nK\n1,0\n0,1\n\nscores\n1,?\n?,4\n")
    (tmp_path / "m.csv").write_text(f"Q\n1,{cell}\n\nM\n1,0\n0,1\n\nK\n1,?\n?,1\n")
    for name, line in (("p.csv", 3), ("m.csv", 2)):
        done = run("check", name)
        assert (done.code, done.out, done.err) == (2, "", f"attncli: {name}:{line}:2: '{cell}' is not a number\n")


def test_labels_beside_a_claimed_projection_are_tokens(run: Runner, tmp_path: Path) -> None:
    """The labels of Q's rows name the tokens, though its numbers are somebody's."""
    (tmp_path / "worked.csv").write_text(f"{SELF_CSV}Q\n,a,b\nthe,1,2\ncat,3,5\n")
    assert "Q[cat,d2]  yours 5  right 4" in run("check", "worked.csv", "--show-answers").out


def test_whole_numbers_are_right_and_say_little(run: Runner, samples: Path) -> None:
    """0 and 1 for weights are right to 0 decimals: that is said, and how to ask for more."""
    shown = run("check", samples / "causal.json", "weights[down]=0 0 0 0")
    assert shown.code == 0
    assert "whole numbers prove little here; --decimals 2 asks for more" in shown.out
    assert run("check", samples / "causal.json", "weights[down]=0 0 0 0", "--decimals", "2").code == 1
    assert "say little" not in run("check", samples / "causal.json", "scores[the]=1 4 4 3").out
