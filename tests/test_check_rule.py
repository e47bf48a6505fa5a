"""What the rule of `check` accepts and refuses, and what it says of it, through the command."""

from __future__ import annotations

from typing import Any

import pytest
from support import json
from support.command import Runner

FIELDS = ("Q=1 0 2; 2 1 0", "K=1 1 0; 0 2 1; 2 0 1", "V=1 2; 3 5; 4 1")
"""Scores 1 2 4; 3 2 4: scaled by √3, 0.5774 1.1547 2.3094; 1.7321 1.1547 2.3094."""


def report(run: Runner, *args: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("check", *FIELDS, *args, "-f", "json").out)
    return found


@pytest.mark.parametrize(
    ("claim", "state", "remark"),
    [
        ("scaled=0.577 1.155 2.309; 1.732 1.155 2.309", "correct", ""),
        ("scaled=0.58 1.2 2.3; 1.7 1.2 2.3", "correct", ""),  # two figures
        ("scaled=0.577 1.154 2.309; 1.732 1.154 2.309", "last_digit", ""),
        ("scaled=0.5780 1.1561 2.3121; 1.7341 1.1561 2.3121", "wrong", ""),  # √3 is 1.73: too coarse for 4 decimals
        ("scaled=0.578 1.156 2.312; 1.734 1.156 2.312", "rounding_carried", "you rounded √3 to 1.73"),
        ("weights=11 20 69; 30 17 53", "wrong", "percentages"),
    ],
)
def test_a_step_alone(run: Runner, claim: str, state: str, remark: str) -> None:
    step = report(run, claim)["steps"][claim.partition("=")[0]]
    found = "wrong" if step["state"] in {"wrong", "slip", "known_mistake"} else step["state"]
    assert found == state, step
    assert remark in " ".join(step.get("remarks", ())), step
    assert step["reason"] is None or step["state"] == "slip"


def test_why_shows_the_routes_to_a_row(run: Runner) -> None:
    """Each with how far off it is; of a step without answers, it is an error that says which have some."""
    claim = "scaled=0.578 1.156 2.312; 1.734 1.156 2.312"
    shown = run("check", *FIELDS, claim, "--why", "scaled[q1,k3]").out
    assert "✗ exact arithmetic: scaled[q1,k3] off by 2.6" in shown
    assert "✓ you rounded √3 to 1.73: scaled[q1,k3] off by" in shown
    done = run("check", *FIELDS, claim, "--why", "weights[q1]")
    assert (done.code, done.out) == (2, "")
    assert "no answer was given for 'weights'\n  hint: answers were given for scaled" in done.err


def test_a_slip_is_explained(run: Runner) -> None:
    """Of the three products in output[q1,d2], the second is missing."""
    right = json.loads(run("run", *FIELDS, "-f", "json").out)
    rows = [[f"{x:.4f}" for x in row] for row in right["weights"]]
    weights = "weights=" + "; ".join(map(" ".join, rows))
    output = [[f"{x:.4f}" for x in row] for row in right["output"]]
    output[0][1] = f"{right['output'][0][1] - 5 * right['weights'][0][1]:.4f}"
    found = report(run, weights, "output=" + "; ".join(map(" ".join, output)))
    assert found["steps"]["output"]["state"] == "slip"
    assert found["steps"]["output"]["reason"] == f"you left out {rows[0][1]}×5"
