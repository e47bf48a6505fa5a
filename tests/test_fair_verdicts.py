"""Verdicts on a small worked example: coarse weights, numbers copied from tables, and reasons that must be true."""

from __future__ import annotations

import pytest
from support import json
from support.command import Runner

PROBLEM = ("X=1 0; 0 2; 1 1", "W_q=1 2; 0 1", "W_k=2 0; 1 1", "W_v=1 1; 0 3")
TRAINED = (*PROBLEM, "target=1 2; 1 5; 0 3", "lr=0.1")
# weights: 0.0381 0.6443 0.3177; 0.0454 0.7679 0.1867; 0.0114 0.7952 0.1933


@pytest.mark.parametrize(
    "claim",
    [
        "0 0 0; 0 0 0; 0 0 0",
        "1 1 1; 1 1 1; 1 1 1",
        "1 0 0; 1 0 0; 0 0 1",
        "0 1 0; 0 1 0; 0 0 1",
        "0 1 1; 0 1 0; 0 1 0",
        ".0 .6 .3; .0 .8 .1; .0 .8 .2",
        ".1 .7 .2; .0 .8 .2; .0 .8 .2",
        ".0 .6 .3; .1 .8 .1; .0 .8 .2",
    ],
)
def test_coarse_weights_must_be_the_rounded_ones(run: Runner, claim: str) -> None:
    """With a unit of 1 or 0.1, the number next to the rounded one is another weight."""
    done = run("check", *PROBLEM, f"weights={claim}")
    assert (done.code, done.out.startswith("✗ weights")) == (1, True)


@pytest.mark.parametrize(
    ("claim", "state"),
    [
        ("0 1 0; 0 1 0; 0 1 0", "correct"),
        ("4% 64% 32%; 5% 77% 19%; 1% 80% 19%", "correct"),
        (".0 .6 .3; .0 .8 .2; .0 .8 .2", "correct"),
        (".0 .6 .4; .0 .8 .2; .0 .8 .2", "rounding_carried"),  # adjusted: .0 .6 .3 sums to .9
        (".0 .6 .3; .0 .7 .1; .0 .7 .1", "rounding_carried"),  # cut off throughout
        (".04 .65 .32; .05 .77 .19; .01 .80 .19", "last_digit"),
    ],
)
def test_weights_of_honest_habits_are_right(run: Runner, claim: str, state: str) -> None:
    done = run("check", *PROBLEM, f"weights={claim}", "-f", "json")
    assert (done.code, json.loads(done.out)["steps"]["weights"]["state"]) == (0, state)


@pytest.mark.parametrize(
    ("claim", "rounded"),
    [
        ("d_W_q=-0.4841 0.7912; -0.2751 0.4373", "d_Q to 4"),
        ("d_W_q=-0.482 0.792; -0.276 0.438", "d_Q to 3"),  # by way of d_scaled, d_scores and d_Q, each rounded
        ("d_W_q=-0.49 0.79; -0.28 0.46", "d_Q to 2"),
        ("d_scaled=-.1736 .6119 -.4388; -.0355 .1070 -.0715; -.0436 .2899 -.2458", "d_weights to 4"),
    ],
)
def test_gradients_from_numbers_in_tables_are_right(run: Runner, claim: str, rounded: str) -> None:
    """Computed from the tables of `grad` with so many decimals, one and more steps back."""
    done = run("check", *TRAINED, claim)
    assert done.code == 0
    assert f"you rounded {rounded} decimals on the way; carried through correctly\n" in done.out


def test_a_wrong_step_is_not_called_carried_through(run: Runner) -> None:
    done = run("check", *TRAINED, "d_scaled=-.1736 .6119 -.4388; -.0355 .1070 -.0715; -.0436 .2899 -.2858")
    assert done.code == 1
    assert "carried through" not in done.out


def test_a_mistake_on_numbers_from_tables_is_named(run: Runner) -> None:
    """weights ∘ d_weights, both with 4 decimals."""
    claim = "d_scaled=0.0321 4.0904 1.2764; -0.0056 0.6138 0.0517; 0.0105 4.0654 0.6720"
    assert json.loads(run("check", *TRAINED, claim, "-f", "json").out)["mistakes"] == ["rowsum_forgotten"]


@pytest.mark.parametrize(
    "claim", ["K=2 1; 0 2; 2 1", "K=2 0; 2 2; 3 5", "V=1 1; 0 6; 0 1", "weights=0 0 0; 0 0 0; 0 0 0"]
)
def test_whole_numbers_are_not_ten_times_too_large_by_chance(run: Runner, claim: str) -> None:
    """1 is not a tenth of 4, and no number is ten times 0."""
    assert "ten times" not in run("check", *PROBLEM, claim, "-f", "json").out


@pytest.mark.parametrize(
    ("claim", "remark"),
    [
        ("V=10 10; 0 60; 10 40", "each wrong number is ten times too large"),
        ("V=-1 -1; 0 -6; -1 -4", "each wrong number is of the wrong sign"),
        ("scaled=14.1 42.4 35.4; 0.0 28.3 14.1; 14.1 56.6 42.4", "each wrong number is ten times too large"),
        ("scaled=0.14 0.42 0.35; 0.00 0.28 0.14; 0.14 0.57 0.42", "each wrong number is ten times too small"),
        ("K=0 2; 2 2; 3 1", "K[k1,d1] and K[k1,d2] are exchanged"),
        ("weights=.04 .64 .32; .05 .77 .19; .01 .80 .29", "weights[q3] sums to 1.1; each row should sum to 1"),
    ],
)
def test_what_all_wrong_numbers_have_in_common_is_said(run: Runner, claim: str, remark: str) -> None:
    assert remark in run("check", *PROBLEM, claim).out


def test_the_range_of_v_is_its_own(run: Runner) -> None:
    """Without the tolerance with which it is compared."""
    done = run("check", *PROBLEM, "output=0.36 5.17; .23 5.40; .20 7.56")
    assert "between the least and the greatest of V, 0 and 6\n" in done.out


def test_a_single_wrong_cell_is_counted(run: Runner) -> None:
    assert "✗ K  wrong in one cell\n" in run("check", *PROBLEM, "K=2 0; 2 2; 3 5").out


def test_mistakes_that_give_the_same_numbers_are_announced(run: Runner) -> None:
    done = run("check", *TRAINED, "W_v_new=0.99 1.06; -.07 3.34")
    assert done.out.index("Each of these mistakes gives your numbers:") < done.out.index("[loss_sign]")


@pytest.mark.parametrize(
    ("claim", "said", "next_move"),
    [
        ("K=2 1; 0 2; 2 2", "You multiplied by W_kᵀ; compute X W_k.  [w_transposed]", "'K[k1,d2]'"),
        ("W_v_new=0.99 1.06; -.07 3.34", "descend: W_v_new = W_v − lr d_W_v = W_v − 0.1 d_W_v.  [update_sign]", ""),
    ],
)
def test_a_mistake_is_told_of_the_claimed_step_alone(run: Runner, claim: str, said: str, next_move: str) -> None:
    """Made alike in Q, K and V it would give the same numbers, but nothing was claimed of the others."""
    out = run("check", *TRAINED, claim).out
    assert said in out
    assert "So for" not in out
    assert next_move in out


def test_a_mistake_that_is_made_each_time_is_told_of_all(run: Runner) -> None:
    out = run("check", *PROBLEM, "Q=1 0; 4 2; 3 1", "K=2 1; 0 2; 2 2", "V=1 0; 2 6; 3 6").out
    assert "So for Q, K, V.  [w_transposed]" in out


@pytest.mark.parametrize(
    ("loss", "id"), [("17.82", "loss_sum"), ("8.91", "loss_half_sum"), ("4.22", "loss_root"), ("2.97", None)]
)
def test_a_loss_of_another_criterion_is_named(run: Runner, loss: str, id: str | None) -> None:
    """The mean of the squares, 2.9699, is right; their sum is 17.8191, of which the root is 4.2213."""
    found = json.loads(run("check", *TRAINED, f"loss={loss}", "-f", "json").out)
    assert found["mistakes"] == ([id] if id else [])
    assert (found["verdict"] == "right") == (id is None)


@pytest.mark.parametrize(("output", "code"), [("1.5 3.5", 0), ("1.5 3.9", 1)])
def test_a_problem_may_begin_at_the_weights(run: Runner, output: str, code: int) -> None:
    """Nothing makes them: they are an input, as they are for `run`."""
    done = run("check", "V=1 1; 2 6; 1 4", "weights=.5 .5 0", f"output={output}")
    assert (done.code, done.err) == (code, "attncli: checking output to 1 decimal\n")
    if code:
        assert "attncli explain 'V=1 1; 2 6; 1 4' 'weights=.5 .5 0' 'output[q1,d2]'" in done.out


def test_weights_beside_scores_are_claims(run: Runner) -> None:
    done = run("check", "V=1 1; 2 6; 1 4", "scores=1 2 3", "weights=.09 .24 .67")
    assert (done.code, done.err) == (0, "attncli: checking weights to 2 decimals\n")


def test_the_loss_without_a_target_is_told(run: Runner) -> None:
    """As `grad` tells it, and only where a gradient is claimed."""
    note = "attncli: note: the loss is the sum of output: neither target nor d_output is given\n"
    claim = "d_V[k1]=0.09 0.09"
    assert run("check", *PROBLEM, claim).err.endswith(note)
    assert run("check", *PROBLEM, claim, "--quiet").err == ""
    assert "note" not in run("check", *PROBLEM, "K=2 0; 2 2; 3 1").err
    assert "note" not in run("check", *TRAINED, claim).err


def test_a_row_alone_is_not_the_whole_step(run: Runner) -> None:
    assert (
        run("check", *PROBLEM, "weights[q3]=.01 .80 .19").out == "✓ weights  right in the 3 cells given\n\nAll right.\n"
    )
    assert run("check", *PROBLEM, "weights=.04 .64 .32; .05 .77 .19; .01 .80 .19").out.startswith("✓ weights  right\n")


def test_a_mistake_that_comes_close_is_told_in_a_sentence(run: Runner) -> None:
    """2 (output − target) of the mean that was forgotten, one digit of it wrong by one."""
    claim = "d_output=-1.28 6.35; -1.54 0.80; 0.41 5.11"
    out = run("check", *TRAINED, claim).out
    assert "Its numbers are close to those of a known mistake:\n" in out
    assert "; d_output = 2 (output − target) / 6.  [loss_mean_forgotten]" in out


def test_why_shows_the_nearest_routes_alone(run: Runner) -> None:
    """A number that is far off everything is as far off every route."""
    claim = "output=0.36 5.17; .23 5.40; .20 6.56"
    _, judged = run("check", *PROBLEM, claim, "--why", "output[q3,d2]").out.split("units of the last decimal:\n")
    first, *nearest, left, _ = judged.splitlines()
    assert first == "✗ exact arithmetic: output[q3,d2] off by 100, allowed 1"
    assert len(nearest) == 4
    assert all("output[q3,d2] off by 9" in line for line in nearest)
    assert left.startswith("and ")
    assert left.endswith(" other routes")
