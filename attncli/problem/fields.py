"""The vocabulary: every field of a problem and every step of a derivation, by name.

There is one table of fields, which the command line, the readers, the writers and the Python API share. A new field is
an entry here, which for a scalar includes its option, and its use in a function of `attncli.derivation.rules`.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Self, get_args

from attncli.common.errors import AttnError, Where
from attncli.common.labels import fold
from attncli.common.text import quoted, suggestion

Kind = Literal[
    "matrix", "vector", "vectors", "gain", "mask", "bias", "target", "integers", "positions",
    "integer", "number", "flag", "scale", "choice", "labels", "text", "object",
]  # fmt: skip
"""The content of a field; `vectors` are one vector or one for each head, a `gain` is a vector or true."""

MATRICES: tuple[Kind, ...] = ("matrix", "vector", "vectors", "gain")
"""The kinds of fields that are inputs of a derivation, with labels."""

Heading = Literal[
    "", "Heads and projections", "Positions", "Scores and masks", "Norms and the block around", "Gradients"
]
"""A group of fields in the help; "" is the fields of the problem as a whole."""

Layout = Literal["in,out", "out,in"]
"""The rows and the columns of a stored projection: y = x W, or PyTorch's y = x Wᵀ."""

HEADINGS: tuple[Heading, ...] = get_args(Heading)


@dataclass(frozen=True)
class Field:
    """One field of a problem."""

    name: str
    kind: Kind
    choices: tuple[str, ...] = ()
    least: int = 1
    most: int | None = None
    help: str = ""
    """The help text of the option; empty if the field is given as an operand only."""
    metavar: str = ""
    """The placeholder for the option's value in the help; empty for a flag."""
    short: str = ""
    """The short name of the option, such as -p."""
    heading: Heading = ""
    """The group of the option in the help."""
    constant: bool = False
    """Whether real numbers have no gradient."""

    @property
    def option(self) -> str:
        """The long name of the option, such as --rope-base."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def array(self) -> bool:
        """Whether the field holds an array of numbers."""
        return self.kind in {*MATRICES, "mask", "bias", "target", "integers", "positions"}

    @property
    def differentiable(self) -> bool:
        """Whether the output has a gradient with respect to the field: a given matrix or vector of real numbers."""
        return self.kind in {*MATRICES, "bias", "scale"} and self.heading != "Gradients" and not self.constant


_MATRICES = (
    *("Q", "K", "V", "X", "hidden", "M", "W_q_a", "W_kv_a", "W_q", "W_k", "W_k_rope", "W_v", "W_o"),
    *("past_K", "past_V"),
)
_VECTORS = ("b_q", "b_k", "b_v", "b_o", "bias_k", "bias_v", "sinks")
_NORMS: tuple[tuple[str, Kind], ...] = (
    *(("pre_norm", "gain"), ("pre_norm_bias", "vector"), ("post_norm", "gain"), ("post_norm_bias", "vector")),
    *(("q_a_norm", "vector"), ("kv_a_norm", "vector")),
    *(("q_norm", "vectors"), ("q_norm_bias", "vectors"), ("k_norm", "vectors"), ("k_norm_bias", "vectors")),
)
_HEADS: Heading = "Heads and projections"
_BLOCK: Heading = "Norms and the block around"

FIELDS = {
    entry.name: entry
    for entry in (
        Field("title", "text", metavar="TEXT", help="Title above the tables."),
        Field("exercise", "integer", least=0, metavar="N", help="Seed of the exercise, which its answers repeat."),
        Field("tokens", "labels", metavar="TEXT", help="Labels of the queries: 'the cat sat'."),
        Field("key_tokens", "labels", metavar="TEXT", help="Labels of the keys."),
        Field("columns", "flag", help="Treat vectors as columns: q = W_q e."),
        *(Field(name, "matrix") for name in _MATRICES),
        *(Field(name, "vector") for name in _VECTORS),
        *(Field(name, kind) for name, kind in _NORMS),
        Field("add_zero_attn", "flag", help="Append a zero key and value (PyTorch).", heading="Scores and masks"),
        Field("heads", "integer", metavar="N", help="Split Q, K and V into N heads.", heading=_HEADS),
        Field(
            "kv_heads",
            "integer",
            metavar="N",
            help="Split K and V into N heads (GQA) [heads].",
            heading=_HEADS,
        ),
        Field("clip_qkv", "number", metavar="C", help="Clamp Q, K and V to ±C.", heading=_HEADS),
        Field("a_eps", "number", metavar="X", help="Epsilon of latent attention's norms [1e-6].", heading=_HEADS),
        Field("residual", "flag", help="Add X to the output: step updated.", heading=_BLOCK),
        Field("residual_scale", "number", metavar="X", help="Factor for the output in that sum [1].", heading=_BLOCK),
        Field(
            "norm",
            "choice",
            choices=("layer", "rms"),
            metavar="NAME",
            help="Norm of the block: layer or rms [layer].",
            heading=_BLOCK,
        ),
        Field("norm_eps", "number", metavar="X", help="Its epsilon [layer: 1e-5, rms: 1e-6].", heading=_BLOCK),
        Field(
            "post_norm_of",
            "choice",
            choices=("sum", "branch"),
            metavar="NAME",
            help="Apply post_norm to: sum or branch [sum].",
            heading=_BLOCK,
        ),
        Field(
            "qk_norm",
            "choice",
            choices=("rms", "layer", "l2"),
            metavar="NAME",
            help="Norm of Q and K: rms, layer or l2.",
            heading=_BLOCK,
        ),
        Field(
            "qk_norm_at",
            "choice",
            choices=("projected", "rotated"),
            metavar="NAME",
            help="projected, or rotated: after RoPE [projected].",
            heading=_BLOCK,
        ),
        Field("qk_eps", "number", metavar="X", help="Its epsilon [rms: 1e-6, layer: 1e-5, l2: 1e-12].", heading=_BLOCK),
        Field(
            "positions",
            "choice",
            choices=("sinusoidal", "rope", "alibi"),
            metavar="NAME",
            help="Add positions: sinusoidal, rope or alibi.",
            heading="Positions",
        ),
        Field(
            "rope_style",
            "choice",
            choices=("half", "interleaved"),
            metavar="NAME",
            help="half or interleaved [half].",
            heading="Positions",
        ),
        Field("rope_base", "number", metavar="X", help="Base of the RoPE angles [10000].", heading="Positions"),
        Field(
            "rope_dims",
            "integer",
            least=2,
            metavar="R",
            help="Rotate R dimensions of each head [all].",
            heading="Positions",
        ),
        Field("rope_freqs", "vector", constant=True),
        Field("rope_factor", "number", metavar="X", help="Multiply RoPE's cos and sin by X [1].", heading="Positions"),
        Field(
            "rope_scaling",
            "object",
            metavar="JSON",
            help="Scale RoPE as config.json's object says.",
            heading="Positions",
        ),
        Field("position_ids", "positions", least=0),
        Field("key_position_ids", "positions", least=0),
        Field("alibi_slopes", "vector"),
        Field("relative_bias", "matrix"),
        Field(
            "relative_max_distance",
            "integer",
            metavar="N",
            help="T5's buckets grow to distance N [128].",
            heading="Positions",
        ),
        Field(
            "relative_bidirectional",
            "flag",
            help="T5's buckets: half for later keys [yes].",
            heading="Positions",
        ),
        Field(
            "scale", "scale", metavar="X", help="Factor for QKᵀ: 0.5, 1/3 or none [1/√d_k].", heading="Scores and masks"
        ),
        Field("softcap", "number", metavar="C", help="Squash the scores: C tanh(s / C).", heading="Scores and masks"),
        Field("bias", "bias"),
        Field("causal", "flag", help="Hide keys after each query.", heading="Scores and masks"),
        Field(
            "causal_align",
            "choice",
            choices=("top-left", "bottom-right"),
            metavar="NAME",
            help="top-left or bottom-right [top-left].",
            heading="Scores and masks",
        ),
        Field(
            "window",
            "integers",
            least=-1,
            metavar="LEFT,RIGHT",
            help="Keys visible to each side; -1: no limit.",
            heading="Scores and masks",
        ),
        Field(
            "chunk",
            "integer",
            metavar="C",
            help="Hide keys outside the query's chunk of C.",
            heading="Scores and masks",
        ),
        Field("lengths", "integers", least=0),
        Field("mask", "mask"),
        Field(
            "normalize",
            "choice",
            choices=("softmax", "sum"),
            metavar="NAME",
            help="softmax or sum (s / Σs) [softmax].",
            heading="Scores and masks",
        ),
        Field("target", "target", heading="Gradients"),
        Field(
            "criterion",
            "choice",
            choices=("mse", "sse", "half_sse", "cross_entropy"),
            metavar="NAME",
            help="mse, sse, half_sse, cross_entropy [mse].",
            heading="Gradients",
        ),
        Field("d_output", "matrix", heading="Gradients"),
        Field("lr", "number", metavar="X", help="Learning rate: a step of training.", heading="Gradients"),
        Field(
            "precision",
            "integer",
            least=0,
            most=17,
            metavar="N",
            help="Decimals [4; machine formats: all].",
            short="-p",
        ),
        Field("decimals", "integer", least=0, most=15, metavar="N", help="Decimals required of answers [0]."),
    )
}
"""Every field, in the order in which problems are written."""

BACKWARD = tuple(name for name, entry in FIELDS.items() if entry.heading == "Gradients")
"""The fields that only the backward pass uses."""

OPTIONS = tuple(entry for heading in HEADINGS for entry in FIELDS.values() if entry.help and entry.heading == heading)
"""The fields that are options of every command that reads a problem, by heading."""

STEPS = {
    "normed": ("input", "dim"),
    "encoding": ("input", "dim"),
    "encoded": ("input", "dim"),
    "Q_latent": ("query", "dim"),
    "KV_latent": ("key", "dim"),
    "Q": ("query", "dim"),
    "K": ("key", "dim"),
    "V": ("key", "dim"),
    "Q_clipped": ("query", "dim"),
    "K_clipped": ("key", "dim"),
    "V_clipped": ("key", "dim"),
    "Q_normed": ("query", "dim"),
    "K_normed": ("key", "dim"),
    "Q_rotated": ("query", "dim"),
    "K_rotated": ("key", "dim"),
    "K_all": ("key", "dim"),
    "V_all": ("key", "dim"),
    "scores": ("query", "key"),
    "scaled": ("query", "key"),
    "softcapped": ("query", "key"),
    "biased": ("query", "key"),
    "masked": ("query", "key"),
    "weights": ("query", "key"),
    "head_output": ("query", "dim"),
    "concat": ("query", "dim"),
    "output": ("query", "dim"),
    "summed": ("query", "dim"),
    "output_normed": ("query", "dim"),
    "updated": ("query", "dim"),
}
"""The steps in order, with the kinds of their rows and columns."""

SOFTMAX_LINES = {"max": ("query", ""), "exp": ("query", "key"), "sumexp": ("query", "")}
"""Lines of a row's softmax that are not steps, and can be shown, explained and claimed like steps."""

LOSS, LOSSES, NEW_LOSS = "loss", "losses", "loss_new"


def gradient(name: str) -> str:
    """Return the name of the gradient of the loss with respect to a step or a field."""
    return f"d_{name}"


def updated(name: str) -> str:
    """Return the name of a field after one step of training."""
    return f"{name}_new"


class BackwardSteps(Mapping[str, tuple[str, str]]):
    """The steps of the backward pass, with the kinds of their rows and columns, from the tables of fields and steps."""

    def __iter__(self) -> Iterator[str]:
        fields = [name for name, field in FIELDS.items() if field.differentiable]
        yield from (LOSS, LOSSES)
        yield from map(gradient, (*reversed(STEPS), *(name for name in fields if name not in STEPS)))
        yield from map(updated, fields)
        yield NEW_LOSS

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, name: str) -> tuple[str, str]:
        if (of := name.removeprefix("d_")) != name and of in STEPS:
            return STEPS[of]
        if name not in {LOSS, LOSSES, NEW_LOSS}:
            of = of if of != name else name.removesuffix("_new")
            if of == name or of not in FIELDS or not FIELDS[of].differentiable:
                raise KeyError(name)
        return "", ""


GRADIENTS = BackwardSteps()

CLAIMS: Mapping[str, tuple[str, str]] = ChainMap(GRADIENTS, SOFTMAX_LINES, STEPS)  # type: ignore[arg-type]  # read only
"""Everything that claims can give numbers for."""

_ALIASES = {"query": "Q", "key": "K", "value": "V", "input": "X", fold("Σexp"): "sumexp"}

PLANES = tuple(name for name, axes in STEPS.items() if axes == ("query", "key"))
"""The steps that are n × m."""

_REFUSED = {
    fold("attn_mask"): "use mask, with true (or 1) for visible keys, or bias, which is added to the scores",
    fold("key_padding_mask"): "use mask, with true (or 1) for visible keys",
}


def resolve(name: str) -> str | None:
    """Return the field or step that `name` means, ignoring case, `_`, `-` and `.`; None if there is none."""
    if name in FIELDS or name in CLAIMS:
        return name
    wanted = fold(name)
    return _ALIASES.get(wanted) or next((known for known in (*FIELDS, *CLAIMS) if fold(known) == wanted), None)


def is_backward(part: str) -> bool:
    """Return whether a step, a part of one such as d_Q[q1], or a line of an explanation is of the backward pass."""
    return (resolve(part.partition("[")[0].strip()) or "") in GRADIENTS or "d_" in part


def named(name: str, where: Where | None = None) -> str:
    """Return the field or step that `name` means; AttnError with a suggestion if there is none."""
    found = resolve(name)
    if found is None and fold(name) in _REFUSED:
        msg = f"{quoted(name)} is not a field: PyTorch's functions disagree on what true means in it"
        raise AttnError(msg, where, _REFUSED[fold(name)])
    if found is None:
        known = [*FIELDS, *CLAIMS, *_ALIASES]
        msg = f"unknown field {quoted(name)}"
        raise AttnError(msg, where, suggestion(name, known) or f"the fields are {', '.join(FIELDS)}")
    return found


def kind_of(name: str) -> Kind:
    """Return the kind of a field or step."""
    if name in FIELDS:
        return FIELDS[name].kind
    return "bias" if name in PLANES and name != "weights" else "matrix"  # a score may be −∞


class Written(float):
    """A number that keeps its digits as they were written: 0.50 is not 0.5."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Parse the text of a JSON number."""
        number = super().__new__(cls, text)
        number.text = text
        return number


class Word(str):
    """Untyped text, as on the command line and in CSV: 2, true, 1/3, the cat sat."""

    __slots__ = ()


@dataclass(frozen=True, eq=False)
class Entry:
    """One field as it was read: its raw value, its place in the input, and the labels of its rows and columns."""

    value: object
    """A nested list, an array, a number, a string, a `Word`, True or False, or None for JSON's null."""
    where: Where
    row_labels: tuple[str, ...] = ()
    column_labels: tuple[str, ...] = ()
    dtype: str = ""
    """The number format in which a binary file holds the array, also if it was widened; empty for text."""
    is_default: bool = False
    """Whether it is the default of another implementation, which the problem need not use."""
    note: str = ""
    """A note for standard error, if the reading needs one."""
    layout: Layout | None = None
    """The layout of a stored projection, if it is not that of the problem; else None."""


Document = dict[str, Entry]
"""One document as it was read: entries by the names used in it; a bare matrix has the name ""."""
