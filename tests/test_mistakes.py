"""The catalogue of mistakes as a table: its formulas, in reports and keys, and mistakes from outside."""

from __future__ import annotations

import inspect
import itertools
import random
import re
import sys
from pathlib import Path

import pytest
from students.exercises import KINDS
from students.mistakes import IDS, exercise, exercise_for
from support import json
from support.command import Runner, Starter

import attncli
from attncli.checking.mistakes import Instead, Mistake, matrix_ops, mistakes, ops
from attncli.checking.replay import with_identities
from attncli.trace.trace import Trace

FIELDS = ("Q=3 4 1 0", "K=1 2 1 0; 2 3 0 1", "V=7 8; 9 10")

OUTSIDE = """
from collections.abc import Iterator
from attncli.__main__ import main
from attncli.checking.mistakes import Factor, Instead, Mistake, Setting, register

@register
def from_outside(s: Setting) -> Iterator[Mistake]:
    yield Mistake("scale_ten", "scaled", "You divided by 10.", {"scaled": Factor(10.0, ("10",))})
    yield Mistake("guessed", "weights", "You guessed.", {"weights": Instead(Factor(20.0, ("20",)), ("scores",))})

raise SystemExit(main())
"""


Catalogue = list[tuple[Trace, Mistake]]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """Return every mistake that some exercises allow, each with its exercise."""
    draw = random.Random("catalogue")
    problems = [exercise(draw) for _ in range(20)]
    problems += [exercise_for(id, draw) for id in IDS]
    problems.append({"Q": [[1, 2]], "K": [[1, 1], [0, 2]], "V": [[1], [2]], "normalize": "sum"})
    problems += [kind(draw) for kind in KINDS.values() for _ in range(3)]
    problems += [
        {"Q": [[1, 2, 0, 1]], "K": [[1, 0]], "V": [[2, 1]], "heads": 2, "kv_heads": 1},
        {"Q": [[1, 2]], "K": [[1, 1], [0, 2]], "V": [[1], [2]], "positions": "alibi"},
        {"Q": [[1, 2]], "K": [[1, 1]], "V": [[1]], "past_K": [[0, 1]], "past_V": [[2]]},
    ]
    found = []
    for problem in problems:
        trace = attncli.attention(**problem)
        truth = with_identities(trace, frozenset({"scaled"} - set(trace)))
        found += [(truth, mistake) for mistake in mistakes(truth)]
    return found


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("scaled=1.20 1.80", "10.  [scale_ten]\nyours: scaled = scores / 10\nright: scaled = scores / √d_k"),
        ("weights=0.60 0.90", "guessed.  [guessed]\nyours: weights = scores / 20\nright: weights = softmax(scaled)\n"),
    ],
)
def test_a_mistake_from_outside_is_named(process: Starter, claim: str, said: str) -> None:
    """One that is registered by somebody else's code is told by `check`, with its formula."""
    done = process("check", *FIELDS, claim, command=[sys.executable, "-c", OUTSIDE])
    assert done.code == 1
    assert said in done.out


def test_every_wrong_op_is_somebodys(catalogue: Catalogue) -> None:
    """No op stands in the catalogue that no mistake is made of; `Corrected` is what a key shows them in."""
    used: set[type] = set()
    for _, mistake in catalogue:
        for made in mistake.change.values():
            op = made.op if isinstance(made, Instead) else made
            used |= {type(part) for part in (op, *vars(op).values())} if hasattr(op, "__dict__") else {type(op)}
    own = {
        kind
        for module in (ops, matrix_ops)
        for kind in vars(module).values()
        if inspect.isclass(kind) and kind.__module__ == module.__name__ and not inspect.isabstract(kind)
    }
    assert own - used == {ops.Corrected}


def test_every_mistake_says_its_own_formula(catalogue: Catalogue) -> None:
    """What was done does not read like what should be done."""
    for truth, mistake in catalogue:
        pairs = mistake.lines(truth)
        assert pairs
        assert any(wrong.text() != right.text() for wrong, right in pairs), mistake.id


def test_formulas_are_whole(catalogue: Catalogue) -> None:
    """No template is left in them; in LaTeX, braces are balanced and no sign is left that LaTeX lacks."""
    pairs = [pair for truth, mistake in catalogue for pair in mistake.lines(truth)]
    for line in itertools.chain.from_iterable(pairs):
        assert line.text().startswith(f"{line.name} = ")
        assert not re.search(r"[{}]", line.text()), line.text()
        tex = line.tex(lambda name: name)
        assert tex.count("{") == tex.count("}")
        assert "{{" not in tex
        assert not re.search(r"[√·×−∞ᵀΣ]", tex), tex
        assert "$" not in tex


def test_a_report_shows_the_wrong_formula_and_the_right_one(run: Runner) -> None:
    """In text, and for machines; in Markdown and LaTeX as mathematics."""
    args = ("check", *FIELDS, "scaled=3.00 4.50")
    text = run(*args).out
    wrong, right = "scaled = scores / d_k = scores / 4", "scaled = scores / √d_k = scores / √4 = scores / 2"
    assert f"[scale_dk]\nyours: {wrong}\nright: {right}\n" in text
    found = json.loads(run(*args, "-f", "json").out)
    assert found["formulas"] == {"scale_dk": {"scaled": {"yours": wrong, "right": right}}}
    formula = r"$\text{scaled} = \frac{\text{scores}}{d_k} = \frac{\text{scores}}{4}$"
    for format in ("markdown", "latex"):
        assert f"yours: {formula}" in run(*args, "-f", format).out
    assert f"yours: {wrong}" in run(*args, "-f", "html").out
    assert "yours" not in run(*args, "--hints", "1").out


def test_a_key_shows_the_wrong_formula_beside_the_right_one(run: Runner, tmp_path: Path) -> None:
    for file in ("key.json", "key.md", "key.tex"):
        assert run("new", "--seed", "7", "--key", file).code == 0
    key = json.loads((tmp_path / "key.json").read_text(encoding="utf-8"))
    (entry,) = [entry for entry in key["mistakes"] if entry["id"] == "weights_T_times_v"]
    assert entry["formulas"] == {"output": {"wrong": "output = weightsᵀ V", "right": "output = weights V"}}
    markdown = (tmp_path / "key.md").read_text(encoding="utf-8")
    assert r"$\text{output} = \text{weights}^\top V$ (3×2; right\: output = weights V)" in markdown
    latex = (tmp_path / "key.tex").read_text(encoding="utf-8")
    assert r"\text{weights}^\top" in latex
    assert r"{\small right: output = weights V\par}" in latex


def test_json_has_no_infinities(run: Runner) -> None:
    """A hidden score that is right is "-inf", which any reader of JSON takes."""
    fields = ("Q=1 2; 2 1", "K=1 1; 0 2", "V=1 2; 3 5", "causal=true", "masked=1 2; 3 4")

    for format in ("json", "jsonl"):
        found = json.loads(run("check", *fields, "-f", format).out)
        cells = {cell["cell"]: cell for cell in found["steps"]["masked"]["cells"]}
        assert cells["masked[q1,k2]"]["right"] == cells["masked[q1,k2]"]["follows"] == "-inf"


def test_a_convention_is_not_what_rounding_excuses(run: Runner) -> None:
    """Where scores nearly cancel, s / Σs can be moved anywhere by their rounding: that agrees with nothing."""
    fields = ("Q=0 -2; 0 2", "K=-3 2; -1 -3", "V=2 1; -1 1")
    done = run("check", *fields, "scaled=-3 4; 3 -4", "output=0.7 -0.3; -2.2 -2.6", "-f", "json")
    assert json.loads(done.out)["agrees_with"] is None
    honest = run("check", *fields, "scaled=-2.8284 4.2426; 2.8284 -4.2426", "output=-7 1; -7 1", "-f", "json")
    assert json.loads(honest.out)["mistakes"] == ["sum_normalise"]


def test_one_hot_weights_are_not_alike(run: Runner) -> None:
    """A softmax that underflows gives one key everything: it is saturated, and keys are not weighed alike."""
    done = run("lint", "Q=1000 0; 0 1000", "K=100 0; 0 100", "V=1 2; 3 5")
    assert "alike" not in done.out
    assert "the softmax is saturated" in done.out
    hidden = run("lint", "Q=0 0; 0 0; 0 0", "K=1 2; 3 4; 5 6", "V=1 2; 3 5; 4 4", "causal=true")
    assert "each query gives equal weight to all its keys" in hidden.out
