"""Numbers as people type them: decimals, fractions and roots, against Python's own fractions and square roots."""

from __future__ import annotations

import math
from fractions import Fraction
from json import dumps
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import json

from attncli import attention, readers
from attncli.common import numbers
from attncli.common.errors import AttnError

if TYPE_CHECKING:
    from pathlib import Path

    from support.command import Runner

SIGNS = st.sampled_from(["", "+", "-", "−"])
DECIMALS = st.from_regex(r"(?:[0-9]{1,6}\.?[0-9]{0,4}|\.[0-9]{1,6})(?:[eE][+-]?[0-9])?", fullmatch=True).filter(
    str.isascii
)
ROOTS = st.sampled_from(["√{}", "√({})", "sqrt({})"])
NOT_NUMBERS = [
    *["", " ", "+", "-", ".", "√", "2√", "√-2", "√√2", "√(2", "√2)", "sqrt2", "sqrt()", "sqrt 2", "√ 2", "e5", "1e"],
    *["0x10", "1_000", "1,5", "١", "１", "½", "nan", "inf", "-inf", "1/", "/2", "1//2", "1/2/3", "1/0", "1/√0", "0/0"],
    *["50%", "--1", "1-", "1+1", "2*3", "(1)", "1/2√2", "√2√2", "π", "1 2"],
]  # fmt: skip


def sign(text: str) -> int:
    return -1 if text in {"-", "−"} else 1


@given(mark=SIGNS, digits=DECIMALS)
def test_decimals(mark: str, digits: str) -> None:
    """A decimal is what Python reads, to the last bit."""
    assert numbers.value(mark + digits) == sign(mark) * float(digits)


@given(over=st.integers(-(2**53), 2**53), under=st.integers(1, 2**53))
def test_fractions_of_integers(over: int, under: int) -> None:
    """A fraction of integers that float64 holds is rounded once."""
    assert numbers.value(f"{over}/{under}") == float(Fraction(over, under))


@given(over=DECIMALS, under=DECIMALS, marks=st.tuples(SIGNS, SIGNS), blank=st.sampled_from(["", " "]))
def test_fractions_of_decimals(over: str, under: str, marks: tuple[str, str], blank: str) -> None:
    """A fraction of decimals is right to a few units of the last place; one over 0 is not a number."""
    value = numbers.value(f"{marks[0]}{over}{blank}/{blank}{marks[1]}{under}")
    if not Fraction(under):
        assert value is None
        return
    expected = sign(marks[0]) * sign(marks[1]) * Fraction(over) / Fraction(under)
    assert value == pytest.approx(float(expected), rel=1e-15, abs=0)


@given(mark=SIGNS, factor=DECIMALS | st.just(""), root=DECIMALS, notation=ROOTS)
def test_roots(mark: str, factor: str, root: str, notation: str) -> None:
    """A root has a factor in front of it, or none."""
    expected = sign(mark) * float(factor or 1) * math.sqrt(float(root))
    assert numbers.value(mark + factor + notation.format(root)) == pytest.approx(expected, rel=1e-15, abs=0)


@given(over=st.integers(1, 999), top=st.integers(1, 999), under=st.integers(1, 999), notation=ROOTS)
def test_quotients_with_roots(over: int, top: int, under: int, notation: str) -> None:
    """A root stands above or below the line: its square is a fraction."""
    above = numbers.value(f"{over}{notation.format(top)}/{under}")
    below = numbers.value(f"{over}/{notation.format(under)}")
    assert above is not None
    assert below is not None
    assert above**2 == pytest.approx(float(Fraction(over**2 * top, under**2)), rel=1e-14)
    assert below**2 == pytest.approx(float(Fraction(over**2, under)), rel=1e-14)


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_what_is_not_a_number(text: str) -> None:
    """Nothing else is a number."""
    assert numbers.value(text) is None


@given(text=st.text("0123456789.+-−√/() sqrteE%,", max_size=8))
def test_no_text_breaks_the_grammar(text: str) -> None:
    """Any text is a finite number, out of range, or none; and its canonical form is the same number."""
    value = numbers.value(text)
    assert value is None or not math.isnan(value)
    if value is not None and numbers.terms(text):
        assert numbers.value(numbers.canonical(text)) == value
    numbers.advice(text)
    numbers.claimed(text)


@pytest.mark.parametrize("text", ["1e400", "-1e400", "√1e400", "1/1e400", "1e400/1e400"])
def test_what_float64_cannot_hold(text: str) -> None:
    """A number beyond float64, in either part, is out of range and nothing else."""
    assert numbers.value(text) == math.inf or numbers.value(text) == -math.inf


@pytest.mark.parametrize(
    ("text", "expected"), [("50%", 0.5), ("12.5 %", 0.125), ("−50%", -0.5), ("−∞", -math.inf), ("√2", 2**0.5)]
)
def test_claims(text: str, expected: float) -> None:
    """A claim may be a percentage or −∞ besides."""
    assert numbers.claimed(text) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("text", ["", "?", "-", "null", " "])
def test_claims_without_an_answer(text: str) -> None:
    """No answer is NaN."""
    value = numbers.claimed(text)
    assert value is not None
    assert math.isnan(value)


@given(over=st.integers(1, 99), factor=st.integers(2, 99), root=st.integers(1, 99))
def test_the_hint_at_two_readings_of_a_fraction(over: int, factor: int, root: int) -> None:
    """1/2√2 is refused with both of its readings, each a number."""
    text = f"{over}/{factor}√{root}"
    assert numbers.value(text) is None
    hint = numbers.advice(text)
    assert hint is not None
    first, second = hint.removeprefix("write ").split(", or ")
    assert numbers.value(first) == pytest.approx(over / factor * math.sqrt(root))
    assert numbers.value(second) == pytest.approx(over / (factor * math.sqrt(root)), rel=1e-5)


# --- everywhere --------------------------------------------------------------------------------------------------

TYPED = "1/2 √2; −2√2 7/√2"
MEANT = [[0.5, 2**0.5], [-2 * 2**0.5, 7 / 2**0.5]]


@pytest.mark.parametrize(
    "content",
    [
        "1/2,√2\n−2√2,7/√2\n",
        "1/2;√2\n-2sqrt(2);7/√2\n",
        "0,5;√2\n-2√2;7,0/√2\n",
        "1/2\t√2\n-2√2\t7/√2\n",
        "1/2 √2\n-2√2 7/√2\n",
        "a,b\n1/2,√2\n−2√2,7/√2\n",
        "x,1/2,√2\ny,−2√2,7/√2\n",
        "Q\n1/2,√2\n−2√2,7/√2\n",
        '"1/2","√2"\n"−2√2","7/√2"\n',
        "√2/√8,√2\n−√8,7/√2\n",
    ],
)
def test_numbers_in_text_files(tmp_path: Path, content: str) -> None:
    """Each dialect of a text file has them, with headers and labels or without."""
    (tmp_path / "q.csv").write_text(content, encoding="utf-8")
    assert np.asarray(readers.entry(str(tmp_path / "q.csv"), "Q").value) == pytest.approx(np.array(MEANT))


def test_numbers_in_literals() -> None:
    """So has a literal."""
    assert np.asarray(readers.entry(TYPED, "Q").value) == pytest.approx(np.array(MEANT))


@pytest.mark.parametrize("cell", ["1/2", "√2", "2√2", "1", "−1", "sqrt(2)"])
def test_strings_in_json_are_not_numbers(run: Runner, cell: str) -> None:
    """A string in a JSON matrix is an error, with the number that it could have been."""
    done = run("run", stdin=dumps({"Q": [[cell, 2]], "K": [[1, 2]]}))
    assert (done.code, done.out) == (2, "")
    message, hint = done.err.splitlines()
    assert message == f"attncli: standard input: Q, row 1, column 1: the quotes make '{cell}' text, should be a number"
    assert json.loads(hint.removeprefix("  hint: write ")) == pytest.approx(numbers.value(cell), rel=1e-15)


@pytest.mark.parametrize(
    ("text", "factor"), [("1/√2", 2**-0.5), ("√2/2", 2**-0.5), ("2√2", 8**0.5), ("1 / 3", 1 / 3), ("0.5", 0.5)]
)
def test_scale(run: Runner, text: str, factor: float) -> None:
    """--scale takes them, in every format and with exact numbers; so does a softcap."""
    problem = ("Q=1 2", "K=3 4", "V=1")
    assert json.loads(run("run", *problem, "--scale", text, "-s", "scaled", "-f", "json").out) == [
        [pytest.approx(11 * factor, rel=1e-15)]
    ]
    for options in (
        ("--exact",),
        ("--by-hand",),
        ("-f", "latex"),
        ("-f", "latex", "--exact", "--by-hand"),
        ("-f", "html"),
    ):
        done = run("run", *problem, "--scale", text, *options)
        assert (done.code, done.err) == (0, ""), options
        assert "√" not in done.out or "latex" not in options
    softcap = json.loads(
        run("run", *problem, "--scale", "none", "--softcap", text, "-s", "softcapped", "-f", "json").out
    )
    assert softcap == [[pytest.approx(factor * math.tanh(11 / factor))]]


@pytest.mark.parametrize(
    ("claim", "states"),
    [
        ("11/√2 9√2", {"correct"}),
        ("7.78 18/sqrt(2)", {"correct"}),
        ("11/1.41 18/1.41", {"correct"}),
        ("−11/√2 9√2", {"wrong", "slip", "known_mistake"}),
        ("10/√2 9√2", {"wrong", "slip", "known_mistake"}),
        ("0.00/2 9√2", {"wrong", "slip", "known_mistake"}),
    ],
)
def test_claims_with_roots(run: Runner, claim: str, states: set[str]) -> None:
    """A claim with a root is as exact as its decimals, or as its whole numbers."""
    done = run("check", "Q=3 4", "K=1 2; 2 3", f"scaled={claim}", "-f", "json")
    assert json.loads(done.out)["steps"]["scaled"]["state"] in states


def test_decimals_with_a_minus_sign(run: Runner) -> None:
    """The digits after U+2212 count like those after a hyphen."""
    for minus in "-−":
        done = run("check", "Q=1", "K=1; -1", f"scores=1.00 {minus}1.00")
        assert (done.code, done.err) == (0, "attncli: checking scores to 2 decimals\n")


@pytest.mark.parametrize("text", ["-inf", "−∞", "-Infinity", "-∞"])
@pytest.mark.parametrize("step", ["scores", "scaled", "softcapped", "biased", "masked"])
def test_minus_infinity_before_the_weights(run: Runner, tmp_path: Path, step: str, text: str) -> None:
    """A step from scores to masked may hold −∞, as an input in any notation; the key gets no weight."""
    (tmp_path / "p.csv").write_text(f"{step}\n1,{text}\nV\n1\n2\n", encoding="utf-8")
    (tmp_path / "p.json").write_text(dumps({step: [[1, text]], "V": [[1], [2]]}), encoding="utf-8")
    for operands in (("p.csv",), ("p.json",), (f"{step}=1 {text}", "V=1;2")):
        done = run("run", *operands, "-s", "weights", "-f", "json")
        assert (done.code, json.loads(done.out)) == (0, [[1, 0]]), done.err


def test_minus_infinity_stays_through_scale_and_bias() -> None:
    """What is done to a score of −∞ leaves it −∞, and its weight 0."""
    trace = attention(scores=[[1, "-inf"]], V=[[1], [2]], scale=0.5, bias=[[1, 1]])
    assert trace["scaled"].value.tolist() == [[0.5, -math.inf]]
    assert trace["biased"].value.tolist() == [[1.5, -math.inf]]
    assert trace["weights"].value.tolist() == [[1, 0]]


def test_minus_infinity_as_a_claim(run: Runner, tmp_path: Path) -> None:
    """A claim of −∞ is right where the score is hidden, and wrong where it is not."""
    (tmp_path / "p.json").write_text('{"Q": [[1], [1]], "K": [[1], [2]], "causal": true}')
    assert run("check", "p.json", "masked=1 −∞; 1 2").code == 0
    assert run("check", "p.json", "masked=1 −∞; 1 -inf").code == 1


@pytest.mark.parametrize("field", ["Q", "K", "V", "weights"])
def test_minus_infinity_elsewhere(field: str) -> None:
    """No other field may hold it."""
    given: dict[str, Any] = {"Q": [[1, 2]], "K": [[1, 2]], "V": [[1, 2]]} | {field: [[1, "-inf"]]}
    if field == "weights":
        del given["Q"], given["K"]
    with pytest.raises(AttnError, match=f"{field}, row 1, column 2: '-inf' is not a number"):
        attention(**given)
