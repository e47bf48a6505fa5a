"""`attncli practice --drill`: which step of a wrong derivation is wrong, and by which mistake."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path
from typing import Any

import pytest
from students.mistakes import VARIANTS, distance, planes_rows, truth, unrounded
from support import json
from support.command import Run, Runner

from attncli.exercises.outcomes import CORE

NUMBER = r"(?:-?[\d.]+(?:e-\d+)?|-∞)"


def lines(*said: str) -> str:
    return "".join(f"{line}\n" for line in said)


def derivations(text: str) -> list[dict[str, list[list[float]]]]:
    """Return the matrices of each derivation in plain lines."""
    found: list[dict[str, list[list[float]]]] = []
    rows: list[list[float]] = []
    for line in text.splitlines():
        if match := re.match(r"(\w+)(?: = .*?)?,(?: head \d of \d,)? [\d×]+: columns ", line):
            if match[1] in {"Q", "X"} and (not found or len(found[-1]) > 1):
                found.append({})
            rows = found[-1].setdefault(match[1], [])
        elif found and (
            match := re.fullmatch(r"[^:]+: ((?:-?[\d.]+(?:e-\d+)?|-∞)(?:, (?:-?[\d.]+(?:e-\d+)?|-∞))*)", line)
        ):
            rows.append([-math.inf if x == "-∞" else float(x) for x in match[1].split(", ")])
    return found


def choices(text: str) -> list[str]:
    return re.findall(r"^\d\. (\w+): ", text, re.MULTILINE)


def drill(run: Runner, ids: str, *answers: str, options: tuple[str, ...] = ("--seed", "7")) -> Run:
    return run("practice", *options, "--drill", ids, "--plain", stdin=lines(*answers))


@pytest.mark.parametrize("id", CORE)
def test_a_derivation_has_the_numbers_of_a_mistake(run: Runner, id: str) -> None:
    """They are those of independent loops, up to the last step; naming step and mistake ends it with exit code 0."""
    done = drill(run, id, "scores", "scaled", "masked", "weights", "head_output", "output", id)
    assert (done.code, done.err) == (0, ""), done.out
    (numbers,) = derivations(done.out)
    (step,) = re.findall(r"^Yes, (\w+) does not follow from the steps before it\.$", done.out, re.MULTILINE)
    assert done.out.endswith("All found.\n")
    options = ["--causal"] if "masked" in numbers else ["--heads", "2"] if "head_output" in numbers else []
    problem = json.loads(run("new", "--seed", "7", *options).out)
    right, wrong = truth(problem), [unrounded(problem, id, variant) for variant in range(VARIANTS.get(id, 1))]
    outputs = [list(planes_rows(one["output"])) for one in wrong if one is not None]
    assert min(distance(numbers["output"], output) for output in outputs) <= 5.1e-5
    for name in itertools.takewhile(lambda name: name != step, right):
        assert distance(numbers[name], list(planes_rows(right[name]))) <= 5.1e-5
    assert distance(numbers[step], list(planes_rows(right[step]))) > 5.1e-5


def test_several_mistakes_in_an_order_that_the_seed_gives(run: Runner) -> None:
    """Each has its round, whatever the order in which they are listed; a wrong answer is told, and asked again."""
    ids = ["no_scale", "mask_zero", "softmax_twice"]
    step_of = {"no_scale": "scaled", "mask_zero": "masked", "softmax_twice": "weights"}
    orders = set()
    for seed in ("7", "8", "11"):
        done = drill(run, ",".join(ids), *([*step_of.values(), *ids] * len(ids)), options=("--seed", seed))
        assert done.code == 0, done.out
        found = re.findall(r"^Yes, (\w+) does not follow", done.out, re.MULTILINE)
        assert sorted(found) == sorted(step_of.values())
        orders.add(tuple(found))
    assert len(orders) > 1


def test_choices_hold_the_right_one_once(run: Runner) -> None:
    """At most eight, of which exactly one gives these numbers; a number is as good as a name."""
    done = drill(run, "scale_dk", "scaled")
    listed = choices(done.out)
    assert 4 <= len(listed) == len(set(listed)) <= 8
    assert listed.count("scale_dk") == 1
    numbered = drill(run, "scale_dk", "scaled", *map(str, range(1, len(listed) + 1)))
    assert numbered.code == 0
    refused = re.findall(r"^No: (\w+) gives other numbers\.$", numbered.out, re.MULTILINE)
    assert refused == listed[: listed.index("scale_dk")]


def test_words(run: Runner, tmp_path: Path) -> None:
    """Hints are two steps, the arithmetic of a cell, then the formula; show tells everything; answers are logged."""
    other = next(id for id in choices(drill(run, "no_scale", "scaled").out) if id != "no_scale")
    answers = ["hint", "hint", "output", "scaled", "hint", other, "no_scale"]
    done = drill(run, "no_scale", *answers, options=("--seed", "7", "--log", "log"))
    assert done.code == 0
    assert "scaled[q3,k3] = scores[q3,k3] / √d_k = -6/√4 = -6/2 = -3\nThe derivation shows -6.\n" in done.out
    assert "No: the numbers of output follow from those before it." in done.out
    assert "shown: scaled = scores\n" in done.out
    assert "no_scale: found after 3 hints\n" in done.out
    log = [json.loads(line) for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()]
    assert [(line["step"], line["attempt"], line["state"], line["mistakes"]) for line in log] == [
        ("output", 1, "wrong", []),
        ("scaled", 2, "correct", []),
        ("scaled", 3, "wrong", [other]),
        ("scaled", 4, "correct", ["no_scale"]),
    ]
    shown = drill(run, "no_scale", "show")
    assert shown.code == 1
    assert "You did not scale the scores; divide by √4 = 2.  [no_scale]\n" in shown.out
    assert shown.out.endswith("no_scale: shown\n0 of 1 mistake found.\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("scald", "'scald' is not a step of this derivation\n  hint: did you mean 'scaled'?"),
        ("Q", "'Q' is not a step of this derivation\n  hint: its steps are scores, scaled, weights, output"),
        ("\x1b[m", "'\\x1b[m' is not a step of this derivation\n  hint: its steps are scores, scaled, weights, output"),
    ],
)  # fmt: skip
def test_what_is_not_an_answer(run: Runner, line: str, said: str) -> None:
    done = drill(run, "no_scale", line, "scaled", "no-scale", "9", "no_scale")
    assert done.code == 0
    assert f"{said}\nwrong step>\n" in done.out
    assert "'no-scale' is not one of the mistakes listed\n  hint: did you mean 'no_scale'?\n" in done.out
    assert "'9' is not one of the mistakes listed\n  hint: type a number from 1 to 6\n" in done.out


PROBLEM: dict[str, Any] = {"Q": [[3, 4]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--drill", "no_scal"], "'no_scal' is not a known mistake\n  hint: did you mean 'no_scale'?"),
        (["--drill", ""], "'' is not a known mistake\n  hint: attncli mistakes lists all of them"),
        (
            ["p.json", "--drill", "mask_zero"],
            "'mask_zero' does not apply to this problem\n  hint: for the formulas alone: attncli mistakes mask_zero",
        ),
        (
            ["p.json", "--drill", "scale_seqlen"],
            "'scale_seqlen' does not show in this problem\n  hint: leave out the problem to draw one in which it shows",
        ),
    ],
)
def test_mistakes_that_cannot_be_drilled(run: Runner, tmp_path: Path, args: list[str], said: str) -> None:
    (tmp_path / "p.json").write_text(json.dumps(PROBLEM), encoding="utf-8")
    done = run("practice", *args)
    assert (done.code, done.out, done.err) == (2, "", f"attncli: {said}\n")


@pytest.mark.parametrize("id", ["rope_sign", "wq_wk_swapped", "gqa_tile", "split_reshape", "w_transposed"])
def test_rarer_mistakes_get_an_exercise_that_shows_them(run: Runner, id: str) -> None:
    assert drill(run, id).code == 1
