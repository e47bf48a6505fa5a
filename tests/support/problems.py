"""Random problems: a hypothesis strategy over every field that attncli has.

What a problem is made of are features, each with the fields that it needs. Those whose fields are not in
`attncli.problem.fields.FIELDS` are left out, and join as soon as they are.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from hypothesis import strategies as st

from attncli.problem.fields import FIELDS

Problem: TypeAlias = dict[str, Any]
Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]

LAYOUTS = ("flat", "split", "batch_split", "joined", "batch_joined", "X", "X_joined", "X_batch", "X_heads")
"""How heads and batches lie: none; (h, n, d); (b, h, n, d); (n, h·d); (b, n, h·d); the same from X; W of 3 axes."""

FEATURES: dict[str, tuple[str, ...]] = {
    "plain": (),
    "scale": ("scale",),
    "causal": ("causal",),
    "causal_align": ("causal", "causal_align"),
    "window": ("window",),
    "window_align": ("window", "causal_align"),
    "mask": ("mask",),
    "bias": ("bias",),
    "lengths": ("lengths",),
    "lengths_align": ("lengths", "causal", "causal_align"),
    "softcap": ("softcap",),
    "sinks": ("sinks",),
    "past": ("past_K", "past_V"),
    "sinusoidal": ("positions",),
    "rope": ("positions",),
    "rope_style": ("positions", "rope_style"),
    "rope_base": ("positions", "rope_base"),
    "rope_dims": ("positions", "rope_dims"),
    "rope_freqs": ("positions", "rope_freqs"),
    "rope_factor": ("positions", "rope_factor"),
    "rope_scaling": ("positions", "rope_scaling"),
    "rope_ids": ("positions", "position_ids"),
    "rope_key_ids": ("positions", "key_position_ids"),
    "alibi": ("positions",),
    "alibi_slopes": ("positions", "alibi_slopes"),
    "alibi_ids": ("positions", "position_ids", "key_position_ids"),
    "relative": ("relative_bias",),
    "relative_max": ("relative_bias", "relative_max_distance"),
    "relative_one_way": ("relative_bias", "relative_bidirectional"),
    "relative_ids": ("relative_bias", "position_ids"),
    "chunk": ("chunk",),
    "chunk_ids": ("chunk", "key_position_ids"),
    "scale_array": ("scale",),
    "sum": ("normalize",),
    "fewer_kv": (),
    "kv_heads": ("kv_heads",),
    "M": ("M",),
    "biases": ("b_q", "b_k", "b_v"),
    "W_o": ("W_o",),
    "b_o": ("b_o",),
    "clip_qkv": ("clip_qkv",),
    "qk_norm": ("qk_norm",),
    "qk_norm_whole": ("qk_norm", "q_norm", "k_norm", "q_norm_bias", "k_norm_bias"),
    "qk_norm_heads": ("qk_norm", "q_norm", "k_norm", "q_norm_bias", "k_norm_bias"),
    "qk_eps": ("qk_norm", "qk_eps"),
    "qk_norm_at": ("qk_norm", "qk_norm_at", "positions"),
    "latent": ("W_q_a", "q_a_norm", "W_kv_a", "kv_a_norm", "a_eps"),
    "W_k_rope": ("W_kv_a", "W_k_rope"),
    "residual": ("residual",),
    "hidden": ("hidden",),
    "residual_scale": ("hidden", "residual_scale"),
    "pre_norm": ("hidden", "pre_norm", "pre_norm_bias"),
    "norm": ("hidden", "pre_norm", "norm", "norm_eps"),
    "post_norm": ("residual", "post_norm", "post_norm_bias"),
    "post_norm_of": ("hidden", "post_norm", "post_norm_of"),
    "columns": ("columns",),
}
"""Each feature, and the fields without which there is none."""

_FROM_X = ("X", "X_joined", "X_batch", "X_heads")
_NORMS = {"latent", "W_k_rope", "pre_norm", "norm", "qk_norm", "qk_norm_whole", "qk_norm_heads", "qk_eps", "qk_norm_at"}
_BLOCK = {"residual", "hidden", "residual_scale", "pre_norm", "norm", "post_norm", "post_norm_of"}
"""Features with a residual connection, which needs an output as wide as X."""
_HIDDEN = _BLOCK - {"residual", "post_norm"}

ROPE = (*(feature for feature in FEATURES if feature.startswith("rope")), "qk_norm_at")
"""Features that rotate Q and K."""

ALIBI, RELATIVE = (
    tuple(feature for feature in FEATURES if feature.startswith(start)) for start in ("alibi", "relative")
)

ONLY_WITH = {
    "lengths": ("batch_split", "batch_joined", "X_batch"),
    "lengths_align": ("batch_split", "batch_joined", "X_batch"),
    "sinusoidal": _FROM_X,
    "fewer_kv": ("split", "batch_split"),
    "kv_heads": ("joined", "batch_joined", "X_joined", "X_heads"),
    "M": _FROM_X,
    "biases": _FROM_X,
    **dict.fromkeys((*_BLOCK, "latent", "W_k_rope"), _FROM_X),
    "b_o": ("flat", "joined", "batch_joined", "X", "X_joined", "X_batch", "X_heads"),
}
"""Features that need a layout: a batch to have lengths of, an X to project."""

APART = (
    {"sum", "sinks"},
    *({"sum", feature} for feature in (*ALIBI, *RELATIVE)),
    {"past", "lengths"},
    {"past", "lengths_align"},
    {"past", "M"},
    *({other, feature} for other in (*ALIBI, "sinusoidal") for feature in ROPE),
    *({feature, "sinusoidal"} for feature in ALIBI),
    {"scale", "scale_array"},
    {"biases", "W_k_rope"},
    {"W_k_rope", "rope_dims"},
    {"W_k_rope", "rope_freqs"},
    {"W_k_rope", "rope_scaling"},
    *({"sum", name} for name in sorted(_NORMS)),
    {"fewer_kv", "kv_heads"},
)
"""Features of which the contract says nothing together, or that exclude each other."""


def known(feature: str) -> bool:
    """Tell whether attncli has the fields of a feature."""
    return all(name in FIELDS for name in FEATURES[feature])


KNOWN = [feature for feature in FEATURES if known(feature)]


class Numbers:
    """Random numbers of one kind, by a seed: what is shrunk is the shape of a problem, not its digits."""

    def __init__(self, kind: str, seed: int) -> None:
        self._kind, self._random = kind, random.Random(seed)

    def one(self) -> float:
        r = self._random
        if self._kind == "integers":
            return r.randint(-3, 3)
        if self._kind == "positive":
            return round(r.uniform(0.1, 2), 3)
        return r.gauss(0, 12) if self._kind == "large" else r.gauss(0, 1)

    def array(self, *shape: int) -> Any:
        return [self.array(*shape[1:]) for _ in range(shape[0])] if shape else self.one()

    def choose(self, values: Iterable[Any], *shape: int) -> Any:
        """An array whose entries are chosen from these values."""
        if not shape:
            return self._random.choice(list(values))
        return [self.choose(values, *shape[1:]) for _ in range(shape[0])]


@st.composite
def problems(draw: Draw, need: tuple[str, ...] = (), may: tuple[str, ...] = ()) -> Problem:
    """Draw a problem that has the features of `need`, and some of those of `may`."""
    features = set(need) | {feature for feature in may if feature not in need and draw(st.booleans())}
    for apart in APART:
        both = sorted(features & apart, key=lambda feature: feature not in need)
        features -= set(both[1:])
    possible = [name for name in LAYOUTS if all(name in ONLY_WITH.get(feature, LAYOUTS) for feature in need)]
    layout = draw(st.sampled_from(possible))
    features = {feature for feature in features if layout in ONLY_WITH.get(feature, LAYOUTS)}
    kind = "positive" if "sum" in features else draw(st.sampled_from(["normal", "integers", "large"]))
    numbers = Numbers(kind, draw(st.integers(0, 2**32)))
    size = _Sizes(draw, layout, features)
    p = _inputs(numbers, size, layout, features)
    _modifiers(draw, numbers, p, size, features)
    _norms_of_heads(draw, numbers, p, size, features)
    _ending(numbers, p, size, features)
    _block(draw, numbers, p, size, features)
    return _as_columns(p) if "columns" in features else p


class _Sizes:
    """The sizes of a problem: queries, keys, widths, heads and what stands before them."""

    def __init__(self, draw: Draw, layout: str, features: set[str]) -> None:
        self.n, self.m = draw(st.integers(1, 4)), draw(st.integers(1, 5))
        if layout.startswith("X") and "M" not in features:
            self.m = self.n
        least = 3 if "W_k_rope" in features else 1
        self.d = draw(st.sampled_from([d for d in ([2, 4, 6] if features & set(ROPE) else [1, 2, 3, 4]) if d >= least]))
        self.layout = layout
        self.d_v, self.d_model = draw(st.integers(1, 3)), draw(st.integers(1, 4))
        self.batch: tuple[int, ...] = (draw(st.integers(1, 3)),) if "batch" in layout else ()
        fewer = {"fewer_kv", "kv_heads"} & features
        self.kv = draw(st.integers(1, 3))
        self.heads = self.kv * (draw(st.integers(1, 3)) if fewer else 1)
        self.past = draw(st.integers(1, 3)) if "past" in features else 0
        if layout in {"flat", "X", "X_batch"}:
            self.heads = self.kv = 0

    @property
    def scores(self) -> tuple[int, ...]:
        return (*self.batch, *([self.heads] if self.heads else []), self.n, self.past + self.m)


def _inputs(numbers: Numbers, size: _Sizes, layout: str, features: set[str]) -> Problem:
    h, kv, p = max(size.heads, 1), max(size.kv, 1), {}
    if layout.startswith("X"):
        p["X"] = numbers.array(*size.batch, size.n, size.d_model)
        if "M" in features:
            p["M"] = numbers.array(*size.batch, size.m, size.d_model)
        for name, count, width in (("q", h, size.d), ("k", kv, size.d), ("v", kv, size.d_v)):
            if layout == "X_heads":
                p[f"W_{name}"] = numbers.array(count, size.d_model, width)
            else:
                p[f"W_{name}"] = numbers.array(size.d_model, count * width)
            if "biases" in features:
                p[f"b_{name}"] = numbers.array(count * width)
    else:
        for name, count, rows, width in (("Q", h, size.n, size.d), ("K", kv, size.m, size.d), ("V", kv, size.m, 0)):
            d = width or size.d_v
            split = "split" in layout
            p[name] = numbers.array(*size.batch, *([count] if split else []), rows, d if split else count * d)
    _latents(numbers, p, size, features)
    if layout.endswith("joined"):
        p["heads"] = size.heads
    if "kv_heads" in features:
        p["kv_heads"] = size.kv
    if size.past:
        own = [size.kv] if size.heads else []
        p["past_K"] = numbers.array(*size.batch, *own, size.past, size.d)
        p["past_V"] = numbers.array(*size.batch, *own, size.past, size.d_v)
    return p


def _latents(numbers: Numbers, p: Problem, size: _Sizes, features: set[str]) -> None:
    """Make W_q, W_k and W_v act on latents: of queries of width 3, of keys and values of width 2."""
    by_head = size.layout == "X_heads"
    if "latent" in features:
        p["W_q_a"], p["q_a_norm"] = numbers.array(size.d_model, 3), numbers.array(3)
        p["W_q"] = numbers.array(*([len(p["W_q"])] if by_head else []), 3, max(size.heads, 1) ** (not by_head) * size.d)
        p["a_eps"] = 0.25
    if features & {"latent", "W_k_rope"}:
        p["W_kv_a"] = numbers.array(size.d_model, 2)
        if "latent" in features:
            p["kv_a_norm"] = numbers.array(2)
        shared = 2 * ("W_k_rope" in features)
        if shared:
            p["W_k_rope"] = numbers.array(size.d_model, shared)
        for name, width in (("W_k", size.d - shared), ("W_v", size.d_v)):
            count = max(size.kv, 1)
            p[name] = numbers.array(count, 2, width) if by_head else numbers.array(2, count * width)


def _modifiers(draw: Draw, numbers: Numbers, p: Problem, size: _Sizes, features: set[str]) -> None:
    if "scale" in features:
        p["scale"] = draw(st.sampled_from([0.5, 2, "1/3", "none", "0.25", -1.5 if "sum" not in features else 1.5]))
    if "scale_array" in features:
        p["scale"] = numbers.choose([0.5, 1, 0.25], *_broadcasting(draw, size.scores))
    if {"causal", "causal_align", "lengths_align"} & features:
        p["causal"] = True
    if {"causal_align", "window_align", "lengths_align"} & features:
        p["causal_align"] = draw(st.sampled_from(["top-left", "bottom-right"]))
    if {"window", "window_align"} & features:
        p["window"] = draw(st.sampled_from([[0, 0], [1, 0], [2, 1], [-1, 0], [0, -1], [1, 1]]))
    if {"lengths", "lengths_align"} & features:
        p["lengths"] = [draw(st.integers(1, size.m)) for _ in range(size.batch[0])]
    if "mask" in features:
        p["mask"] = numbers.choose([True, True, False], *_broadcasting(draw, size.scores))
    if "bias" in features:
        values = [0.5, 1, 0.25] if "sum" in features else [-1.5, 0, 0.25, 3, "-inf"]
        p["bias"] = numbers.choose(values, *_broadcasting(draw, size.scores))
    if "softcap" in features:
        p["softcap"] = draw(st.sampled_from([0.5, 2, 30]))
    if "sinks" in features:
        p["sinks"] = numbers.array(max(size.heads, 1))
    if features & set(ROPE):
        _rope(draw, p, size, features)
    if "sinusoidal" in features:
        p["positions"] = "sinusoidal"
    if features & set(ALIBI):
        p["positions"] = "alibi"
    if "alibi_slopes" in features:
        p["alibi_slopes"] = [draw(st.sampled_from([0.5, 1, 0.125, -0.25])) for _ in range(size.heads or 1)]
    if features & set(RELATIVE):
        _relative(draw, numbers, p, size, features)
    if {"chunk", "chunk_ids"} & features:
        p["chunk"] = draw(st.integers(1, 4))
    if {"rope_ids", "alibi_ids", "relative_ids"} & features:
        p["position_ids"] = _positions(draw, size, size.n)
    if {"rope_key_ids", "alibi_ids", "chunk_ids"} & features:
        p["key_position_ids"] = _positions(draw, size, size.past + size.m)
    if "sum" in features:
        p["normalize"] = "sum"


def _rope(draw: Draw, p: Problem, size: _Sizes, features: set[str]) -> None:
    p["positions"], turning = "rope", size.d
    if "rope_style" in features:
        p["rope_style"] = draw(st.sampled_from(["half", "interleaved"]))
    if "rope_base" in features:
        p["rope_base"] = draw(st.sampled_from([10, 500000]))
    if "rope_dims" in features:
        p["rope_dims"] = turning = draw(st.sampled_from(range(2, size.d + 1, 2)))
    if "rope_freqs" in features:
        p["rope_freqs"] = [draw(st.sampled_from([1, 0.5, 0.01, 2.5])) for _ in range(turning // 2)]
    if "rope_factor" in features:
        p["rope_factor"] = draw(st.sampled_from([0.5, 1, 1.25]))
    if "rope_scaling" in features:
        p["rope_scaling"] = draw(scalings(turning))


def _relative(draw: Draw, numbers: Numbers, p: Problem, size: _Sizes, features: set[str]) -> None:
    p["relative_bias"] = numbers.array(draw(st.sampled_from([4, 8, 12])), size.heads or 1)
    if "relative_max" in features:
        p["relative_max_distance"] = draw(st.integers(7, 60))
    if "relative_one_way" in features:
        p["relative_bidirectional"] = draw(st.booleans())


def _positions(draw: Draw, size: _Sizes, count: int) -> Any:
    """Draw positions, one list for all batch entries or one for each."""
    rows = draw(st.sampled_from([None, 1, *size.batch]))
    one = st.lists(st.integers(0, 40), min_size=count, max_size=count)
    return draw(one) if rows is None else [draw(one) for _ in range(rows)]


def scalings(dims: int) -> st.SearchStrategy[Problem]:
    """Draw the objects that config.json may hold for RoPE, for so many dimensions that turn."""
    factor, trained = st.sampled_from([1, 2, 8, 0.5]), st.integers(2, 64)
    number = st.sampled_from([0.5, 1, 2.5])
    each = st.lists(st.sampled_from([1, 1.5, 4]), min_size=dims // 2, max_size=dims // 2)

    def kind(name: str, required: Problem, optional: Problem | None = None) -> st.SearchStrategy[Problem]:
        key = st.sampled_from(["rope_type", "type"]).map(lambda key: {key: name})
        rest = st.fixed_dictionaries(required, optional={"rope_theta": st.sampled_from([10, 1e6]), **(optional or {})})
        return st.tuples(key, rest).map(lambda parts: parts[0] | parts[1])

    length: Problem = {"original_max_position_embeddings": trained}
    yarn: Problem = {"attention_factor": number, "mscale": number, "mscale_all_dim": number, "truncate": st.booleans(),
                     "beta_fast": st.sampled_from([2, 32]), "beta_slow": st.sampled_from([1, 0.5])}  # fmt: skip
    bands: Problem = {"low_freq_factor": st.sampled_from([0.5, 1]), "high_freq_factor": st.sampled_from([2, 4])}
    long: Problem = {"short_factor": each, "long_factor": each}
    return st.one_of(
        kind("default", {}),
        kind("linear", {"factor": factor}),
        *([kind("dynamic", {"factor": st.sampled_from([1, 2, 8]), **length})] if dims > 2 else []),
        kind("llama3", {"factor": factor, **length, **bands}),
        kind("yarn", {"factor": factor, **length}, yarn),
        kind("longrope", {**long, **length, "factor": factor}, {"attention_factor": number}),
        kind("longrope", {**long, **length, "max_position_embeddings": st.integers(2, 256)}),
    )


def _broadcasting(draw: Draw, shape: tuple[int, ...]) -> list[int]:
    """Draw a shape of at least two axes that broadcasts to this one."""
    axes = draw(st.integers(2, len(shape)))
    return [draw(st.sampled_from([length, length, 1])) for length in shape[len(shape) - axes :]]


def _ending(numbers: Numbers, p: Problem, size: _Sizes, features: set[str]) -> None:
    width = max(size.heads, 1) * size.d_v
    if features & {"W_o", *_BLOCK}:
        p["W_o"] = numbers.array(width, size.d_model)
    if "b_o" in features:
        p["b_o"] = numbers.array(size.d_model if "W_o" in p else width)


def _norms_of_heads(draw: Draw, numbers: Numbers, p: Problem, size: _Sizes, features: set[str]) -> None:
    if "clip_qkv" in features:
        p["clip_qkv"] = draw(st.sampled_from([0.5, 1.25, 100]))
    if not {"qk_norm", "qk_norm_whole", "qk_norm_heads", "qk_eps", "qk_norm_at"} & features:
        return
    p["qk_norm"] = draw(st.sampled_from(["rms", "layer", "l2"]))
    if "qk_eps" in features:
        p["qk_eps"] = draw(st.sampled_from([1e-5, 0.25]))
    if "qk_norm_at" in features:
        p["qk_norm_at"] = draw(st.sampled_from(["projected", "rotated"]))
    for name, heads in (("q", size.heads or 1), ("k", size.kv or 1)):
        shape = [heads * size.d if "qk_norm_whole" in features else size.d]
        if "qk_norm_heads" in features and size.d > 1:  # a matrix of one row or column would be one vector
            shape = [heads, size.d]
        for end in ("", "_bias"):
            if draw(st.booleans()):
                p[f"{name}_norm{end}"] = numbers.array(*shape)


def _block(draw: Draw, numbers: Numbers, p: Problem, size: _Sizes, features: set[str]) -> None:
    if _HIDDEN & features:
        p["hidden"] = p.pop("X")
    if {"residual", "post_norm"} & features:
        p["residual"] = True
    if "residual_scale" in features:
        p["residual_scale"] = draw(st.sampled_from([0.22, 2]))
    pre, post = {"pre_norm", "norm"} & features, {"post_norm", "post_norm_of"} & features
    for name in ["pre_norm"] * bool(pre) + ["post_norm"] * bool(post):
        p[name] = numbers.array(size.d_model) if draw(st.booleans()) else True
        if draw(st.booleans()):
            p[f"{name}_bias"] = numbers.array(size.d_model)
    if "norm" in features:
        p["norm"] = draw(st.sampled_from(["layer", "rms"]))
        p["norm_eps"] = draw(st.sampled_from([1e-5, 0.25]))
    if "post_norm_of" in features:
        p["post_norm_of"] = draw(st.sampled_from(["sum", "branch"]))


def _as_columns(p: Problem) -> Problem:
    from support.oracle import turned

    return {name: turned(value) for name, value in p.items()} | {"columns": True}
