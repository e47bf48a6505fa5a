"""`attncli explain` and `run --by-hand`: arithmetic that a reader can follow with a calculator, and trust."""

from __future__ import annotations

import itertools
import math
import re
from functools import cache
from pathlib import Path
from typing import Any

import mpmath  # type: ignore[import-untyped]  # it has no types
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import json
from support.command import Runner

from attncli import AttnError, attention
from attncli.common.style import Style
from attncli.trace.depth import Depth
from attncli.trace.trace import Trace
from attncli.writers import FORMATS
from attncli.writers.arithmetic import Equation, by_hand, explanation

TWO = ["Q=1 2; 3 4", "K=1 0; 0 1"]
WEIGHTS = "name a cell, weights[q1,k1], or a row, weights[q1]"
PROBLEM: dict[str, Any] = {"Q": [[3, 4]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}


@pytest.fixture
def blog(tmp_path: Path) -> Path:
    """The blog post's example, without its claims."""
    path = tmp_path / "blog.json"
    path.write_text(json.dumps(PROBLEM))
    return path


def table(trace: Trace, **style: Any) -> str:
    """Return how a trace looks on a terminal."""
    text = FORMATS["table"].trace([trace], Style(**style))
    assert isinstance(text, str)
    return text


# ------------------------------------------------------------------------------------------------- what is shown


def test_a_weight_from_its_dot_product_to_the_quotient(run: Runner, blog: Path) -> None:
    """The whole arithmetic of one weight."""
    shown = run("explain", blog, "weights[q1,k2]")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out == (
        "Q[q1]          = 3, 4\n"
        "K[k2]          = 2, 3\n"
        "scores[q1,k2]  = Q[q1] · K[k2] = 3×2 + 4×3 = 6 + 12 = 18\n"
        "scaled[q1,k2]  = scores[q1,k2] / √d_k = 18/√2 = 12.7279\n"
        "scaled[q1]     = 7.7782, 12.7279\n"
        "max[q1]        = max scaled[q1] = max(7.7782, 12.7279) = 12.7279\n"
        "shifted[q1]    = scaled[q1] − max[q1] = 7.7782 - 12.7279, 12.7279 - 12.7279 = -4.9497, 0\n"
        "exp[q1]        = e^shifted[q1] = e^-4.9497, e^0 = 0.0071, 1\n"
        "Σexp[q1]       = Σ exp[q1] = 0.0071 + 1 = 1.0071\n"
        "weights[q1,k2] = exp[q1,k2] / Σexp[q1] = 1/1.0071 = 0.9930\n"
    )


def test_exact_forms_stand_beside_decimals(run: Runner, blog: Path) -> None:
    """Roots, fractions and powers of e, as one writes them on paper."""
    shown = run("explain", blog, "weights[q1,k2]", "--exact").out.splitlines()
    assert "scaled[q1]     = 11/√2, 9√2 = 7.7782, 12.7279" in shown
    assert shown[-1].endswith("= 1/(e^(-7/√2) + 1) = e^(7/√2)/(1 + e^(7/√2)) = 0.9930")
    under = run("run", blog, "--exact").out.splitlines()
    assert "  scaled[q1,k1] = 11/√2" in under
    assert "  weights[q1,k1] = 1/(1 + e^(7/√2))" in under
    assert "  weights[q1,k2] = e^(7/√2)/(1 + e^(7/√2))" in under
    assert "  output[q1,d1] = (7 + 9e^(7/√2))/(1 + e^(7/√2))" in under
    assert not any(line.startswith("  scores") for line in under), "18 is 18, and needs no other form"


def test_a_row_and_several_parts_at_once(run: Runner, blog: Path) -> None:
    """A row is explained cell by cell, or in one go where its cells share what they are made of."""
    shown = run("explain", blog, "scores[q1]", "weights[q1]")
    rows, weights = shown.out.split("\n\n")
    assert rows.splitlines()[-1] == "scores[q1]    = scores[q1,k1], scores[q1,k2] = 11, 18"
    assert weights.splitlines()[-1] == "weights[q1] = exp[q1] / Σexp[q1] = 0.0071/1.0071, 1/1.0071 = 0.0070, 0.9930"


def test_deep_goes_back_to_the_inputs(run: Runner, samples: Path) -> None:
    """All that is not worked out there is what the problem gives."""
    shown = run("explain", samples / "heads.json", "output[see,d1]", "--deep", "-f", "json")
    fields = json.loads((samples / "heads.json").read_text())
    names = json.loads(shown.out)
    bases = {name.partition("[")[0] for name in names}
    assert {"X", "W_q", "W_k", "W_v", "W_o"} <= bases
    assert names["X[see]"] == [fields["X"][1]]
    assert names["W_o[\u00b7,d1]"] == [[row[0] for row in fields["W_o"]]]
    assert {"head_output[head1,see,d1]", "head_output[head2,see,d2]", "weights[head2,see]"} <= names.keys()


def test_heads_that_were_joined_are_looked_for_where_they_are(run: Runner, samples: Path) -> None:
    """Who asks for a head of the output is told which step has heads."""
    refused = run("explain", samples / "heads.json", "output[head2,I,d1]")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        "attncli: output has no 'head2': its labels are I, see, you; d1, d2, d3, d4\n"
        "  hint: output has no head axis; explain head_output[head2,I,d1] instead\n"
    )


def test_columns_are_named_as_they_are_shown(run: Runner, samples: Path) -> None:
    """In column convention rows still come before columns: the key before its query."""
    shown = run("explain", samples / "creature.json", "weights[fluffy,blue]").out.splitlines()
    assert shown[-1].startswith("weights[fluffy,blue] = exp[fluffy,blue] / Σexp[blue] = ")
    whole = json.loads(run("run", samples / "creature.json", "-f", "json").out)
    assert shown[-1].endswith(f"{whole['weights'][1][2]:.4f}")


@pytest.mark.parametrize("suffix", ["txt", "json", "jsonl", "csv", "md", "html", "svg", "npz", "npy"])
def test_every_format(run: Runner, blog: Path, tmp_path: Path, suffix: str) -> None:
    """An explanation is a trace, and goes into any format."""
    done = run("explain", blog, "weights[q1,k2]", "-o", tmp_path / f"out.{suffix}")
    assert (done.code, done.out, done.err) == (0, "", "")
    data = (tmp_path / f"out.{suffix}").read_bytes()
    if suffix == "npy":
        assert np.load(tmp_path / "out.npy").tolist() == [[pytest.approx(0.9929646489148263)]]
    elif suffix == "npz":
        assert np.load(tmp_path / "out.npz")["scores[q1,k2]"].tolist() == [[18]]
    else:
        assert b"scores" in data


def test_tokens_name_cells_and_so_do_numbers(run: Runner, samples: Path) -> None:
    """What run shows is what explain takes; q2 and k1 do as well, whatever the tokens."""
    by_token = run("explain", samples / "causal.json", "weights[cat,the]")
    by_number = run("explain", samples / "causal.json", "weights[q2, K1]".replace("K", "k"))
    assert by_token.out == by_number.out != ""


def test_a_token_that_stands_twice_is_named_by_its_number(run: Runner) -> None:
    """Labels in an explanation tell two equal tokens apart, and a name that could mean both is refused."""
    problem = ["Q='1 2; 3 4; 5 6'", "K='1 0; 0 1; 1 1'", "tokens=the cat the"]
    problem = [text.replace("'", "") for text in problem]
    shown = run("explain", *problem, "weights[q3,k3]")
    assert shown.out.splitlines()[-1].startswith("weights[q3,k3] = exp[q3,k3] / Σexp[q3] = ")
    refused = run("explain", *problem, "weights[the,cat]")
    assert (refused.code, refused.out) == (2, "")
    assert (
        refused.err
        == "attncli: 'the' is ambiguous in weights: it labels q1 and q3\n  hint: use the number instead: q1\n"
    )


def test_by_hand_says_how_to_pick_a_cell_of_a_large_step(run: Runner) -> None:
    """What nobody would read is not written: there is a command for the one cell that is wanted."""
    numbers = ";".join(" ".join(str((row * 7 + col) % 5) for col in range(3)) for row in range(9))
    shown = run("run", f"Q={numbers}", f"K={numbers}", "--by-hand", "-s", "scores")
    assert "  81 cells, too many to show; for one of them: attncli explain PROBLEM 'scores[q1,k1]'\n" in shown.out
    assert "×" not in shown.out.split("scores")[1].split("\n")[2]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["blog.json"], "no cell given\n  hint: name one, for example 'output[q1,d1]'"),
        (["blog.json", "weights[q1,]"], "weights[q1,] has an empty label"),
        (["blog.json", "weights[q7,k1]"], "weights has no 'q7': its labels are q1; k1, k2"),
        (["blog.json", "weights[q1,q1]"], "weights has no 'q1': its labels are q1; k1, k2"),
        (["blog.json", "Q[q1,d1]"], "nothing to explain: Q is given"),
        (
            ["blog.json", "masked[q1]"],
            "no such step: 'masked'\n  hint: the steps are scores, scaled, weights, output",
        ),
        (["blog.json", "weigths[q1]"], "no such step: 'weigths'\n  hint: did you mean 'weights'?"),
        (["blog.json", "weights[q1]", "--exact", "-f", "json"], "--exact cannot be used with the format json"),
        (["nowhere.json", "weights[q1]"], "no such file: 'nowhere.json'"),
    ],
)
def test_what_cannot_be_explained(run: Runner, blog: Path, args: list[str], said: str) -> None:
    """One message, exit code 2, nothing on standard output."""
    done = run("explain", *args, cwd=blog.parent)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"attncli: {said}")


# ---------------------------------------------------------------------------------------- every equation is true


@cache
def value(text: str) -> float:
    """Work out what one side says, from its text alone."""
    text = text.replace("e^-∞", "0").replace("×", "*").replace("∞", "math.inf").replace("−", "-")
    text = re.sub(r"√(\d+)", r"math.sqrt(\1)", text)
    text = re.sub(r"e\^(-?\d+\.?\d*(?:e-?\d+)?|math\.sqrt\(\d+\))", r"math.exp(\1)", text)
    text = re.sub(r"e\^\(", "math.exp(", text)
    text = re.sub(r"(\d|\))(math\.)", r"\1*\2", text)
    text = re.sub(r"/(\d+\*math\.sqrt\(\d+\))", r"/(\1)", text)
    text = re.sub(r"\b(sin|cos|tanh)\(", r"math.\1(", text)
    return float(eval(text, {"math": mpmath.mp, "max": max}))  # what is evaluated is what attncli wrote


@cache
def value_of_tex(tex: str) -> float:
    r"""Work out what one side says in LaTeX: \frac, \sqrt, e^{…}, \times."""
    for said, meant in (
        (r"\left(", "("), (r"\right)", ")"), (r"\times", "*"), (r"10^", "10**"), (r"\infty", "math.inf"),
        (r"\max", "max"), (r"\sin", "math.sin"), (r"\cos", "math.cos"), (r"\tanh", "math.tanh"),
    ):  # fmt: skip
        tex = tex.replace(said, meant)
    while "\\" in tex or "{" in tex:
        before = tex
        tex = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", tex)
        tex = re.sub(r"\\sqrt\{([^{}]*)\}", r"(math.sqrt(\1))", tex)
        tex = re.sub(r"(?<![\d.])e\^\{([^{}]*)\}", r"(math.exp(\1))", tex)
        tex = re.sub(r"(\d)e\^\{([^{}]*)\}", r"\1(math.exp(\2))", tex)
        tex = re.sub(r"10\*\*\{([^{}]*)\}", r"10**(\1)", tex)
        assert tex != before, tex
    tex = re.sub(r"(\d|\))\s*\(", r"\1*(", tex)
    tex = re.sub(r"(max|sin|cos|tanh|sqrt|exp)\*\(", r"\1(", tex)
    return float(eval(tex, {"math": mpmath.mp, "max": max}))


def parts(text: str) -> list[str]:
    """Split a row of expressions at the commas that stand in no brackets."""
    found, depth = [""], 0
    for char in text.replace(", ", ","):
        depth += (char == "(") - (char == ")")
        if char == "," and not depth:
            found.append("")
        else:
            found[-1] += char
    return found


def check_line(line: Equation) -> int:
    """Every side of a line that consists of numbers says the same, in text and in LaTeX; return how many there were."""
    found: list[list[float]] = []
    for side in line.sides:
        if re.search(r"[A-Za-zΣ_…]", re.sub(r"e\^|max\(|sin\(|cos\(|tanh\(|\de-?\d", "", side.text)):
            continue  # words: a formula
        own = [value(part) for part in parts(side.text)]
        tex = [value_of_tex(part) for part in side.tex.split(r",\; ")] if "max" not in side.text else own
        np.testing.assert_allclose(tex, own, rtol=1e-9, atol=1e-9, err_msg=f"{side.text}   {side.tex}")
        found.append(own)
    for left, right in itertools.pairwise(found):
        np.testing.assert_allclose(left, right, rtol=1e-7, atol=1e-8, err_msg=f"{line.name}: {line.sides}")
    return len(found)


small = st.integers(-4, 4)
decimals = st.integers(-40, 40).map(lambda x: x / 8)


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    """Small problems of integers or short decimals, with what changes the way from the scores to the weights."""
    numbers = draw(st.sampled_from([small, decimals]))

    def matrix(rows: int, cols: int) -> list[list[float]]:
        return draw(st.lists(st.lists(numbers, min_size=cols, max_size=cols), min_size=rows, max_size=rows))

    n, m, d, d_v = (draw(st.integers(1, 3)) for _ in range(4))
    fields: dict[str, Any] = {"Q": matrix(n, d), "K": matrix(m, d), "V": matrix(m, d_v)}
    if draw(st.booleans()):
        fields = {"X": matrix(n, 2), "W_q": matrix(2, 4), "W_k": matrix(2, 4), "W_v": matrix(2, 2), "heads": 2}
        if draw(st.booleans()):
            fields |= {"W_o": matrix(2, 2), "b_o": matrix(1, 2)[0]}
    fields |= draw(
        st.sampled_from([{}, {"causal": True}, {"scale": "none"}, {"scale": "1/3"}, {"bias": [[0.5]]}, {"softcap": 2},
                         {"positions": "alibi"}, {"columns": False}])
    )  # fmt: skip
    return fields


@given(problems(), st.booleans())
@settings(max_examples=120)
def test_every_side_of_every_line_says_the_same(fields: dict[str, Any], exact: bool) -> None:
    """Numbers put in, products, exact forms, decimals: all that stands between equals signs is equal.

    At twelve decimals, so that what differs is wrong and not rounded; read back from the text by a calculator of the
    test's own.
    """
    trace = attention(**fields)
    style = Style(by_hand=True, exact=exact)
    seen = 0
    for step in trace.values():
        for line in by_hand(step, style, 12):
            seen += check_line(line)
        if not step.given:
            last = tuple(size - 1 for size in step.array.shape)
            for line in explanation(trace.zoom(step.name, last, Depth.DEEP), style, 12):
                seen += check_line(line)
    assert seen > len(trace)


@given(problems())
@settings(max_examples=60)
def test_exact_forms_under_a_step_are_its_numbers(fields: dict[str, Any]) -> None:
    """With --exact alone, the form of each cell comes to the cell."""
    for step in attention(**fields).values():
        for line in by_hand(step, Style(exact=True), 4):
            cell = next(cell for cell in np.ndindex(step.array.shape) if step.cell_name(cell) == line.name)
            (side,) = line.sides
            assert value(side.text) == pytest.approx(step.array[cell], rel=1e-9, abs=1e-9)
            assert value_of_tex(side.tex) == pytest.approx(step.array[cell], rel=1e-9, abs=1e-9)


def test_what_has_no_exact_form_is_shown_in_decimals() -> None:
    """A hyperbolic tangent is neither a fraction nor a root; neither is what was not written by hand."""
    capped = attention(**PROBLEM, softcap=2)
    assert capped["scaled"].exact is not None
    assert capped["weights"].exact is None
    assert "tanh" in table(capped.explain("weights[q1,k2]"), exact=True)
    assert attention([[math.pi]], [[1.0]], [[1.0]])["scores"].exact is None


# -------------------------------------------------------------------------------------------- how it is laid out


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_equations_are_broken_at_equals_signs_and_blanks_alone(width: int) -> None:
    """No line is wider than the terminal unless one number and its name are, and no number is cut."""
    trace = attention(**PROBLEM).explain("output[q1,d1]", deep=True)
    text = table(trace, width=width, exact=True)
    whole = table(trace, exact=True)
    assert "".join(text.split()) == "".join(f"{line}" for line in "".join(whole.split("\n")).split()), (
        "nothing is lost or added"
    )
    broken = [line for line in text.splitlines() if len(line) > width]
    assert all(" " not in line[line.index("= ") + 2 :] for line in broken)


def test_hostile_tokens_are_only_text(run: Runner) -> None:
    """Markup, HTML and escapes in a token do nothing but stand there."""
    problem = ["Q=1 2; 3 4", "K=1 0; 0 1", 'tokens=["[red]", "<b>&\\u001b[31m"]']
    for format in ("table", "html", "svg", "markdown", "csv"):
        shown = run("explain", *problem, "weights[q2,k1]", "-f", format)
        assert (shown.code, shown.err) == (0, ""), format
        assert "\x1b" not in shown.out
        assert "<b>" not in shown.out or format in {"table", "csv"}


def test_python_names_cells_as_the_command_does() -> None:
    """`trace.explain` takes what the command takes, and raises what it says."""
    trace = attention(**PROBLEM)
    part = trace.explain("weights[q1,k2]")
    assert list(part)[-1] == "weights[q1,k2]"
    assert str(part).splitlines()[-1].endswith("= 0.9930")
    with pytest.raises(AttnError, match="weights has no 'q9'"):
        trace.explain("weights[q9]")


# ----------------------------------------------------------------------------------------------- names and limits


def lines_of(text: str) -> dict[str, str]:
    """Return what stands behind each name."""
    return dict(re.split(r"\s+= ", line, maxsplit=1) for line in text.splitlines())


@pytest.mark.parametrize(
    ("tokens", "typed", "shown"),
    [
        (["The", "the"], "weights[The,the]", "weights[The,the]"),
        (["The", "the"], "weights[THE,q2]", None),
        (["a b", "c-d"], "weights[ab,CD]", "weights[a b,c-d]"),
        (["head1", "d1"], "weights[head1,d1]", "weights[q1,k2]"),
        (["a,b", "[PAD]"], "weights[q1,[PAD]]", "weights[q1,[PAD]]"),
        (["", " "], "weights[q1,k2]", "weights[q1,k2]"),
        (["·", "b"], "weights[·,b]", "weights[q1,b]"),
        (["k2", "q1"], "weights[k2,q1]", "weights[q1,k2]"),
    ],
)
def test_labels_name_one_thing(tokens: list[str], typed: str, shown: str | None) -> None:
    """What run shows can be typed, near enough; what an explanation prints means that very cell, and no other."""
    trace = attention([[1, 2], [3, 4]], [[1, 0], [0, 2]], [[1], [2]], tokens=tokens)
    if shown is None:
        with pytest.raises(AttnError, match="'THE' is ambiguous in weights: it labels q1 and q2"):
            trace.explain(typed)
        return
    part = trace.explain(typed)
    assert list(part)[-1] == shown
    again = trace.explain(shown)
    assert again[shown].array == part[shown].array
    for step in attention([[1, 2], [3, 4]], [[1, 0], [0, 2]], [[1], [2]], tokens=tokens).values():
        names = {step.cell_name(cell) for cell in np.ndindex(step.array.shape)}
        names |= {step.row_name(index) for index in np.ndindex(step.array.shape[:-1])}
        assert len(names) == step.array.size + step.array.shape[0]


def test_by_hand_has_a_line_for_every_cell_whatever_the_tokens(run: Runner) -> None:
    """Tokens with commas, of which two cells' names could be one, hide no cell."""
    shown = run(
        "run", "Q=1 2;3 4", "K=1 0;0 5", 'tokens=["a,b","a"]', 'key_tokens=["c","b,c"]', "-s", "scores", "--by-hand"
    )
    assert len(re.findall(r"^  scores\[", shown.out, flags=re.MULTILINE)) == 4


def test_alibi_is_a_slope_times_a_distance(run: Runner) -> None:
    """Beside a bias, each of the two is added by its own name."""
    shown = run("explain", "Q=1 2;3 4", "K=1 0;0 1", "positions=alibi", "bias=1 2;3 4", "biased[q1,k2]", "-p", "5")
    found = lines_of(shown.out)
    assert found["alibi[q1,k2]"] == "-2^(-8·1/1) × distance[q1,k2] = -0.00391×1 = -0.00391"
    assert found["bias[q1,k2]"] == "2"
    assert found["biased[q1,k2]"].startswith("so far[q1,k2] + bias[q1,k2] = ")


def test_shared_heads_are_named_by_their_own_number(run: Runner) -> None:
    """The key that query head 4 looks at is head 2's, if there are two: that is what can be looked up."""
    numbers = ";".join("1 2 3 4" for _ in range(2))
    shown = run("explain", f"Q={numbers}", "K=1 2;3 4", "heads=4", "kv_heads=2", "scores[head4,q1,k2]")
    assert list(lines_of(shown.out)) == ["Q[head4,q1]", "K[head2,k2]", "scores[head4,q1,k2]"]


def test_a_query_without_keys(run: Runner) -> None:
    """All zeros, and why."""
    shown = run("explain", "Q=1 2", "K=1 0;0 1", "mask=0 0", "weights[q1]")
    said = "(every score of this query is −∞: it attends to nothing)"
    assert shown.out.splitlines()[-1] == f"weights[q1] = zeros = 0, 0  {said}"


def test_zero_keys_come_from_nowhere(run: Runner) -> None:
    """A zero that stands for no key is a zero, and drags nothing in."""
    shown = run("explain", "X=1 2;3 4", "W_k=1 0;0 1", "add_zero_attn=true", "K_all[+1,d1]")
    assert shown.out == "K_all[+1,d1] = 0\n"


def test_full_leaves_nothing_out(run: Runner) -> None:
    """The middle of a long sum is left out, which is said; --full shows it."""
    row = " ".join(str(at % 7 - 3) for at in range(20))
    short = run("explain", f"Q={row}", f"K={row};{row}", "scores[q1,k1]").out.splitlines()[-1]
    assert " + … + " in short
    assert short.endswith("(--full shows all)")
    whole = run("explain", f"Q={row}", f"K={row};{row}", "scores[q1,k1]", "--full").out.splitlines()[-1]
    assert "…" not in whole
    products = whole.split(" = ")[2]
    assert len(re.findall("×", products)) == 20
    assert value(products) == float(whole.split(" = ")[-1])


def test_one_query_is_its_own_row(run: Runner, blog: Path) -> None:
    """Where there is one query, its step is a row, and need not be named by it."""
    assert run("explain", blog, "weights").out == run("explain", blog, "weights[q1]").out != ""


def test_in_columns_one_label_is_the_query(run: Runner, samples: Path) -> None:
    """A name that explain prints means the same to check: a query's column, where vectors are columns."""
    shown = run("explain", samples / "creature.json", "weights[creature]")
    printed = lines_of(shown.out)["weights[creature]"].split(" = ")[-1].replace(",", "")
    checked = run("check", samples / "creature.json", f"weights[creature]={printed}")
    assert (checked.code, "All right." in checked.out) == (0, True)


def test_a_deep_explanation_that_nobody_would_read_is_refused(run: Runner) -> None:
    """Rather than 100,000 lines: a message, and a way on."""
    numbers = ";".join(" ".join(str((row + col) % 5) for col in range(16)) for row in range(700))
    refused = run("explain", f"X={numbers}", f"W_k={';'.join(numbers.split(';')[:16])}", "output[q1,d1]", "--deep")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        "attncli: an explanation down to the inputs takes more than 10000 lines\n"
        "  hint: leave out --deep, then explain the cells it names\n"
    )


@pytest.mark.parametrize("option", ["--by-hand", "--exact"])
def test_arithmetic_is_of_float64(run: Runner, blog: Path, option: str) -> None:
    """What a machine rounds on the way cannot be followed by hand."""
    refused = run("run", blog, option, "--dtype", "float16")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        f"attncli: {option} and --dtype float16 cannot be given together\n  hint: the arithmetic is shown in float64\n"
    )
    with pytest.raises(AttnError, match="cannot explain steps rounded to float16"):
        attention(**PROBLEM, dtype="float16").explain("weights[q1,k1]")


def test_numbers_that_nobody_writes_out_are_not_exact() -> None:
    """Neither 1e200 nor a third to sixteen digits makes a fraction that says anything."""
    assert attention([[1e200]], [[1.0]], [[1.0]])["scores"].exact is None
    assert attention([[1 / 3]], [[1.0]], [[1.0]])["scores"].exact is None
    assert attention([[0.125]], [[1.0]], [[1.0]])["scores"].exact is not None
