"""`attncli mistakes`: nothing is missing from the list, and the formulas and numbers are those that `check` knows."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import pytest
from students.mistakes import IDS, exercise
from support import json
from support.command import Runner, Starter
from support.examples import READABLE
from test_mistakes import OUTSIDE

import attncli
from attncli.checking.mistakes import families, mistakes
from attncli.checking.mistakes.setting import Setting
from attncli.checking.samples import catalogue, traces, with_scaled

FIELDS = ("Q=3 4 1 0", "K=1 2 1 0; 2 3 0 1", "V=7 8; 9 10")


def listed(run: Runner, *args: str | Path) -> list[str]:
    """Return the ids of a list, in order."""
    done = run("mistakes", *args)
    assert done.code == 0
    return re.findall(r"^(\w+)  ", done.out.partition("\n")[2], re.MULTILINE)


def test_no_mistake_is_missing(run: Runner) -> None:
    """Whatever a problem of any kind allows is in the list, and so is everything that simulated students do."""
    ids = listed(run)
    assert len(ids) == len(set(ids))
    assert set(IDS) <= set(ids)
    draw = random.Random("list")
    problems = [*READABLE.values(), *(exercise(draw) for _ in range(40))]
    for problem in problems:
        truth = with_scaled(attncli.attention(**problem))
        assert {mistake.id for mistake in mistakes(truth)} <= set(ids)


def test_every_family_is_in_the_list() -> None:
    """A family of which no sample problem allows a mistake would be missing: add one to the samples."""
    settings = [Setting(with_scaled(truth)) for truth in traces()]
    for family in families:
        assert any(list(family(setting)) for setting in settings), family.__module__


def test_a_mistake_from_outside_is_in_the_list(process: Starter) -> None:
    """One that somebody else's code registers stands beside the others."""
    done = process("mistakes", command=[sys.executable, "-c", OUTSIDE])
    assert re.search(r"^scale_ten +scaled +You divided by 10\.$", done.out, re.MULTILINE)


@pytest.mark.parametrize("id", sorted({mistake.id for _, mistake in catalogue()}))
def test_every_mistake_can_be_shown(run: Runner, id: str) -> None:
    """Its sentence, and the wrong formula beside another that is right."""
    done = run("mistakes", id)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{id} (")
    wrong, right = (re.findall(rf"^  {word}: (.*)", done.out, re.MULTILINE) for word in ("wrong", "right"))
    assert wrong
    assert len(wrong) == len(right)
    assert any(pair[0] != pair[1] for pair in zip(wrong, right, strict=True))
    assert all(a.split(" = ")[0] == b.split(" = ")[0] for a, b in zip(wrong, right, strict=True))


@pytest.mark.parametrize("id", ["no_scale", "scale_dk", "softmax_base2", "sum_normalise"])
def test_the_numbers_are_those_of_the_mistake(run: Runner, id: str) -> None:
    """Typed in as claims, they make `check` name that mistake."""
    done = run("mistakes", id, *FIELDS, "-p", "6")
    step = done.out.partition("\n\n")[2].partition(" = ")[0]
    row = re.findall(r"^ q1 │ ([^│\n]*)", done.out, re.MULTILINE)[0]
    found = json.loads(run("check", *FIELDS, f"{step}={row}", "-f", "json").out)
    assert id in found["mistakes"]


def test_a_problem_has_its_own_list(run: Runner, samples: Path) -> None:
    """Those that it allows, in its own numbers."""
    ids = listed(run, samples / "causal.json")
    assert "mask_forgotten" in ids
    assert "merge_reshape" not in ids
    assert "√4 = 2" in run("mistakes", *FIELDS).out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("scale_d",), "'scale_d' is neither a known mistake nor a file\n  hint: did you mean 'scale_dv'?\n"),
        (
            ("merge_reshape", *FIELDS),
            "'merge_reshape' does not apply to this problem\n  hint: for the formulas alone: ",
        ),
        (("scale_dk", "no.json"), "'no.json'"),
        (("--causal",), "standard input: is empty\n"),
    ],
)
def test_bad_input(run: Runner, args: tuple[str, ...], said: str) -> None:
    done = run("mistakes", *args)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_a_file_may_be_called_like_a_mistake(run: Runner, tmp_path: Path) -> None:
    """What exists is a file."""
    (tmp_path / "no_scale").write_text('{"Q": [[1, 2]], "K": [[1, 1], [0, 2]]}')
    assert "scale_dk" in listed(run, "no_scale")
