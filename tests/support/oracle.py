"""Attention as plain loops over Python floats: slow, and obviously right.

`attend(problem)` takes the fields of a problem as numbers, strings and nested lists, and returns every
step that is worked out as nested lists. Nothing here knows NumPy or attncli; sums are `math.fsum`, exact but
for one rounding. It checks no input. Inside, scores always have an axis of heads; where the problem has none, it is of
size 1 and dropped in the end.

What the contract leaves open is taken thus:

- Sinusoidal positions are added to X only, not to M; X's rows stand at positions past + i, as RoPE's queries do.
- `encoding` is (n, d_model); `Q_rotated`, `K_rotated`, `K_all` and `V_all` have their heads split, (…, h, n, d).
- Keys in a cache were turned when they were put there: RoPE turns the new ones alone, at positions past + j.
- The offset of ALiBi and of a window is that of causal.
- `hidden` goes into the sum at the end as it is; X goes into it with its positions, as the block read it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

from support.rope import Frequencies, frequencies

Plane: TypeAlias = list[list[float]]
Problem: TypeAlias = dict[str, Any]

PROJECTIONS = {"Q": ("W_q", "b_q"), "K": ("W_k", "b_k"), "V": ("W_v", "b_v")}


@dataclass(frozen=True)
class Stack:
    """Planes of numbers under leading axes: (*lead, rows, cols), the last leading axis running fastest."""

    lead: tuple[int, ...]
    planes: list[Plane]

    def each(self, work: Callable[..., Plane], *others: Stack) -> Stack:
        """Work on every plane, with the planes of the same place of other stacks."""
        rest = [other.planes for other in others]
        return Stack(self.lead, [work(*planes) for planes in zip(self.planes, *rest, strict=True)])

    def cells(self, work: Callable[[float, tuple[int, ...]], float]) -> Stack:
        """Work on every number, told where it stands."""
        return Stack(self.lead, [
            [[work(x, (*at, i, j)) for j, x in enumerate(row)] for i, row in enumerate(plane)]
            for at, plane in zip(places(self.lead), self.planes, strict=True)
        ])  # fmt: skip


def places(lead: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    if not lead:
        yield ()
    else:
        yield from ((*at, i) for at in places(lead[:-1]) for i in range(lead[-1]))


def depth(values: Any) -> int:
    return 1 + depth(values[0]) if isinstance(values, list | tuple) else 0


def stack(values: Any) -> Stack:
    if depth(values) == 2:
        return Stack((), [[[float(x) for x in row] for row in values]])
    parts = [stack(part) for part in values]
    return Stack((len(parts), *parts[0].lead), [plane for part in parts for plane in part.planes])


def nested(x: Stack) -> Any:
    values: list[Any] = x.planes
    for size in reversed(x.lead):
        values = [values[start : start + size] for start in range(0, len(values), size)]
    return values[0]


def transpose(a: Plane) -> Plane:
    return [list(column) for column in zip(*a, strict=True)]


def turned(values: Any) -> Any:
    """Swap the last two axes, of whatever has as many."""
    return values if depth(values) < 2 else nested(stack(values).each(transpose))


def product(a: Plane, b: Plane) -> Plane:
    return [[math.fsum(x * y for x, y in zip(row, column, strict=True)) for column in transpose(b)] for row in a]


def entry(values: Any, index: tuple[int, ...]) -> Any:
    """Look up the entry that broadcasts to `index`: shapes are aligned at their last axes, sizes of 1 are repeated."""
    for i in index[len(index) - depth(values) :]:
        values = values[0 if len(values) == 1 else i]
    return values


# --- heads ---------------------------------------------------------------------------------------------------


def split(x: Stack, heads: int) -> Stack:
    """Cut the columns into blocks, one for each head."""
    d = len(x.planes[0][0]) // heads
    return Stack((*x.lead, heads), [[row[h * d : h * d + d] for row in a] for a in x.planes for h in range(heads)])


def joined(x: Stack) -> Stack:
    heads = x.lead[-1]
    groups = [x.planes[start : start + heads] for start in range(0, len(x.planes), heads)]
    rows = [[[n for part in parts for n in part] for parts in zip(*group, strict=True)] for group in groups]
    return Stack(x.lead[:-1], rows)


def serving(x: Stack, heads: int) -> Stack:
    """Let each key/value head serve neighbouring query heads: 0, 0, 1, 1."""
    times = heads // x.lead[-1]
    return Stack((*x.lead[:-1], heads), [plane for plane in x.planes for _ in range(times)])


def head_count(p: Problem) -> tuple[int | None, bool]:
    """Return how many query heads there are (None: no axis of heads), and whether they are put side by side."""
    if "heads" in p:
        return p["heads"], True
    for w in ("W_q", "W_k", "W_v"):
        if depth(p.get(w)) == 3:
            return len(p[w]), True
    if not {"X", "hidden"} & p.keys():
        for name in ("Q", "scores", "scaled", "softcapped", "biased", "masked", "weights", "K", "V"):
            if depth(p.get(name)) >= 3:
                return stack(p[name]).lead[-1], "W_o" in p
    return None, False


# --- positions -----------------------------------------------------------------------------------------------


def sinusoids(rows: int, width: int, start: int) -> Plane:
    """Vaswani et al. 2017, section 3.5: sin(pos / 10000^(2i/d)) in column 2i, the cosine in column 2i + 1."""
    waves = (math.sin, math.cos)
    return [
        [waves[column % 2]((start + i) / 10000 ** (2 * (column // 2) / width)) for column in range(width)]
        for i in range(rows)
    ]


def rotated(x: Stack, positions: list[list[int]], style: str, found: Frequencies) -> Stack:
    """Turn the pairs of each row by position · frequency; pairs are (i, i + r/2), or neighbours.

    `positions` has a list for each of x's batch entries; dimensions after those of the pairs stay as they are.
    """
    freqs, factor = found
    half, heads = len(freqs), x.lead[-1]
    planes = [[list(row) for row in plane] for plane in x.planes]
    for at, plane in enumerate(planes):
        for position, row in zip(positions[at // heads], plane, strict=True):
            for pair, theta in enumerate(freqs):
                left, right = (pair, pair + half) if style == "half" else (2 * pair, 2 * pair + 1)
                a, b = row[left], row[right]
                cos, sin = factor * math.cos(position * theta), factor * math.sin(position * theta)
                row[left] = a * cos - b * sin
                row[right] = a * sin + b * cos
    return Stack(x.lead, planes)


def slopes(heads: int) -> list[float]:
    """Press et al. 2022: 2^(−8k/h) for powers of two; else those of the power below, and every other of the next."""
    power = 2 ** int(math.log2(heads))
    if power == heads:
        return [2.0 ** (-8 * k / heads) for k in range(1, heads + 1)]
    return slopes(power) + slopes(2 * power)[::2][: heads - power]


def bucket(distance: int, buckets: int, most: int, *, both: bool) -> int:
    """T5's code: the bucket of a key so many places after its query."""
    first = 0
    if both:
        buckets //= 2
        first = buckets if distance > 0 else 0
        distance = abs(distance)
    else:
        distance = max(-distance, 0)
    single = buckets // 2
    if distance < single:
        return first + distance
    grown = math.log(distance / single) / math.log(most / single) * (buckets - single)
    return first + min(single + int(grown), buckets - 1)


# --- the derivation ------------------------------------------------------------------------------------------


def attend(problem: Problem) -> dict[str, Any]:
    """Return every step that is worked out, by name, in order."""
    turn = turned if problem.get("columns") else lambda values: values
    steps = Derivation({name: turn(value) for name, value in problem.items()}).steps
    return {name: turn(nested(step)) for name, step in steps.items()}


class Derivation:
    def __init__(self, p: Problem) -> None:
        self.p = p
        self.steps: dict[str, Stack] = {}
        self.heads, joins = head_count(p)
        self.past = len(stack(p["past_K"]).planes[0]) if "past_K" in p else 0
        q, k, v = self.inputs()
        weights = self.weighed(q, k)
        if weights is None or v is None:
            return
        ends = "W_o" in p or "b_o" in p
        last = weights.each(product, serving(v, self.heads or 1))
        self.put("head_output" if joins or ends else "output", last)
        last = joined(last) if joins or not self.heads else last
        if joins:
            self.steps["concat" if ends else "output"] = last
        if ends:
            w_o: Any = p.get("W_o")
            if depth(w_o) == 3:  # the heads' matrices under one another
                w_o = [row for head in w_o for row in head]
            self.steps["output"] = last = projected(last, w_o, p.get("b_o"))
        if p.get("residual", "hidden" in p):
            self.update(last)

    def update(self, output: Stack) -> None:
        """Add the output to what went into the block, with a norm of the sum or of the output."""
        p, post = self.p, self.p.get("post_norm", False)
        of_branch = post is not False and p.get("post_norm_of") == "branch"
        if of_branch:
            self.steps["output_normed"] = output = self.block_norm("post_norm", output)
        factor = p.get("residual_scale", 1)
        total = self.stream.each(
            lambda a, b: [[x + factor * y for x, y in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)],
            output,
        )
        if post is not False and not of_branch:
            self.steps["summed"] = total
            total = self.block_norm("post_norm", total)
        self.steps["updated"] = total

    def block_norm(self, name: str, x: Stack) -> Stack:
        p = self.p
        kind = p.get("norm", "layer")
        eps = p.get("norm_eps", {"layer": 1e-5, "rms": 1e-6}[kind])
        weight, bias = (None if isinstance(one, bool) else one for one in (p[name], p.get(f"{name}_bias")))
        return x.each(lambda plane: [norm(row, kind, eps, weight, bias) for row in plane])

    def put(self, name: str, x: Stack) -> Stack:
        self.steps[name] = x if self.heads else Stack(x.lead[:-1], x.planes)
        return x

    def inputs(self) -> list[Stack | None]:
        """Return Q, K and V with their heads split, turned, and behind what the cache holds."""
        p = self.p
        x = stack(p["X"]) if "X" in p else stack(p["hidden"]) if "hidden" in p else None
        hidden = x if "hidden" in p else None
        if p.get("pre_norm", False) is not False and x:
            self.steps["normed"] = x = self.block_norm("pre_norm", x)
        if x and p.get("positions") == "sinusoidal":
            encoding = sinusoids(len(x.planes[0]), len(x.planes[0][0]), self.past)
            self.steps["encoding"] = Stack((), [encoding])
            self.steps["encoded"] = x = x.cells(lambda value, at: value + encoding[at[-2]][at[-1]])
        if stream := hidden or x:
            self.stream = stream
        memory = stack(p["M"]) if "M" in p else x
        queries = self.latent("Q_latent", x, "W_q_a", "q_a_norm")
        keys = self.latent("KV_latent", memory, "W_kv_a", "kv_a_norm")
        found = {name: self.split(name, queries if name == "Q" else keys) for name in ("Q", "K", "V")}
        if "W_k_rope" in p and memory:
            found["K"] = self.with_shared(found["K"], memory)
        if c := p.get("clip_qkv"):
            for name, x in found.items():
                if x:
                    found[name] = self.put(f"{name}_clipped", x.cells(lambda value, _: max(-c, min(c, value))))
        if p.get("qk_norm_at", "projected") == "projected":
            self.norm_heads(found)
        if p.get("positions") == "rope":
            self.rotate(found)
        if p.get("qk_norm_at") == "rotated":
            self.norm_heads(found)
        for name in ("K", "V"):
            if f"past_{name}" in p and (x := found[name]):
                cache = stack(p[f"past_{name}"])
                cache = cache if len(cache.lead) == len(x.lead) else split(cache, x.lead[-1])
                found[name] = self.put(f"{name}_all", cache.each(lambda old, new: old + new, x))
        return list(found.values())

    def rotate(self, found: dict[str, Stack | None]) -> None:
        """Turn Q and K by their positions; of keys that the heads share, only the last dimensions."""
        p = self.p
        places_of = {name: self.positions(name, x) for name, x in found.items() if x and name != "V"}
        every = [place for rows in places_of.values() for row in rows for place in row]
        cached = p.get("key_position_ids", [0])
        length = 1 + max(*every, *(chain.from_iterable(cached) if depth(cached) == 2 else cached))
        for name, rows in places_of.items():
            x = found[name]
            assert x
            width = len(x.planes[0][0])
            skip = width - len(p["W_k_rope"][0]) if "W_k_rope" in p else 0
            last = x.each(lambda plane, skip=skip: [row[skip:] for row in plane])
            turned = rotated(last, rows, p.get("rope_style", "half"), frequencies(p, width - skip, length))
            found[name] = self.put(f"{name}_rotated", x.each(
                lambda plane, ends, skip=skip: [row[:skip] + end for row, end in zip(plane, ends, strict=True)], turned
            ))  # fmt: skip

    def positions(self, name: str, x: Stack) -> list[list[int]]:
        """Return where the rows of Q or K stand, a list for each batch entry."""
        batch, rows, start = math.prod(x.lead[:-1]), len(x.planes[0]), self.past
        ids = self.p.get("position_ids") if name == "Q" or self.keys_from_x else None
        if name == "K" and "key_position_ids" in self.p:
            ids = self.p["key_position_ids"]
            ids = [row[start:] for row in ids] if depth(ids) == 2 else ids[start:]
        if ids is None:
            ids = [start + i for i in range(rows)]
        every = ids if depth(ids) == 2 else [ids]
        return every * batch if len(every) == 1 else every

    @property
    def keys_from_x(self) -> bool:
        return bool({"X", "hidden"} & self.p.keys()) and "M" not in self.p

    def norm_heads(self, found: dict[str, Stack | None]) -> None:
        """Norm Q and K, head by head, or all heads of a row together if that is how long the weight is."""
        p = self.p
        if "qk_norm" not in p:
            return
        kind = p["qk_norm"]
        eps = p.get("qk_eps", {"layer": 1e-5, "rms": 1e-6, "l2": 1e-12}[kind])
        for name in ("Q", "K"):
            x = found[name]
            if not x:
                continue
            d, heads = len(x.planes[0][0]), x.lead[-1]
            vectors: list[Any] = [p.get(f"{name.lower()}_norm{end}") for end in ("", "_bias")]
            whole = any(depth(vector) == 1 and len(vector) == heads * d for vector in vectors if vector)
            rows = joined(x) if whole else x
            planes = [
                [norm(row, kind, eps, *(v[at % heads] if depth(v) == 2 else v for v in vectors)) for row in plane]
                for at, plane in enumerate(rows.planes)
            ]
            normed = Stack(rows.lead, planes)
            found[name] = self.put(f"{name}_normed", split(normed, heads) if whole else normed)

    def latent(self, name: str, x: Stack | None, w: str, norm_by: str) -> Stack | None:
        """Return what queries, or keys and values, are made from: x itself, or its latent."""
        p = self.p
        if x is None or w not in p:
            return x
        weight, eps = p.get(norm_by), p.get("a_eps", 1e-6)
        low = projected(x, p[w], None)
        self.steps[name] = low.each(lambda plane: [norm(row, "rms", eps, weight) for row in plane])
        return self.steps[name]

    def with_shared(self, own: Stack | None, memory: Stack) -> Stack:
        """Return keys, of which every head has the same last columns: the memory's projection by W_k_rope."""
        assert own
        shared = projected(memory, self.p["W_k_rope"], None).planes
        heads = own.lead[-1]
        k = Stack(own.lead, [
            [mine + all_heads for mine, all_heads in zip(plane, shared[at // heads], strict=True)]
            for at, plane in enumerate(own.planes)
        ])  # fmt: skip
        self.steps["K"] = k if depth(self.p.get("W_k")) == 3 else joined(k)
        return k

    def split(self, name: str, source: Stack | None) -> Stack | None:
        """Return Q, K or V, projected or as it was given, with its heads split."""
        p, (w, b) = self.p, PROJECTIONS[name]
        if source:
            self.steps[name] = x = projected(source, p.get(w), p.get(b))
        elif name in p:
            x = stack(p[name])
        else:
            return None
        if depth(p.get(w)) == 3 if source else x.lead and "heads" not in p:
            return x
        return split(x, (self.heads if name == "Q" else p.get("kv_heads", self.heads)) or 1)

    def weighed(self, q: Stack | None, k: Stack | None) -> Stack | None:
        """Return the weights, having gone through the steps before them from the first that can be had."""
        last = self.put("scores", q.each(product, serving(k.each(transpose), q.lead[-1]))) if q and k else None
        known = q or k
        default = 1 / math.sqrt(len(known.planes[0][0])) if known else "none"
        scale = self.p.get("scale", default)
        top, _, bottom = str(1 if depth(scale) else scale).partition("/")
        factor = None if top == "none" else float(top) / float(bottom or 1)
        cap = self.p.get("softcap")
        rules = {"window", "chunk", "lengths", "mask"} & self.p.keys() or self.p.get("causal")
        works: dict[str, Callable[[float, tuple[int, ...]], float] | None] = {
            "scores": None,
            "scaled": (lambda s, at: s * (self.field("scale", 1, at) if depth(scale) else factor))
            if factor is not None
            else None,
            "softcapped": (lambda s, _: cap * math.tanh(s / cap)) if cap else None,
            "biased": self.biased
            if {"bias", "relative_bias"} & self.p.keys() or self.p.get("positions") == "alibi"
            else None,
            "masked": (lambda s, at: s if self.seen(at) else -math.inf) if rules else None,
        }
        for name, work in works.items():
            if last is None:
                last = self.given(name)
            elif work:
                self.shape = (*last.lead, len(last.planes[0]), len(last.planes[0][0]))
                last = self.put(name, last.cells(work))
        if last is None:
            return self.given("weights")
        sinks, normalize = self.p.get("sinks"), self.p.get("normalize", "softmax")
        rows = [
            [shares(row, normalize, sinks[at[-1]] if sinks else None) for row in plane]
            for at, plane in zip(places(last.lead), last.planes, strict=True)
        ]
        return self.put("weights", Stack(last.lead, rows))

    def given(self, name: str) -> Stack | None:
        if name not in self.p:
            return None
        x = stack(self.p[name])
        return x if self.heads else Stack((*x.lead, 1), x.planes)

    def field(self, name: str, default: float, at: tuple[int, ...]) -> Any:
        return entry(self.p.get(name, default), at if self.heads else (*at[:-3], *at[-2:]))

    def biased(self, s: float, at: tuple[int, ...]) -> float:
        if self.p.get("positions") == "alibi":
            query, key = self.stand(at)
            s -= self.p.get("alibi_slopes", slopes(self.shape[-3]))[at[-3]] * abs(query - key)
        if "relative_bias" in self.p:
            query, key = self.stand(at)
            table, both = self.p["relative_bias"], self.p.get("relative_bidirectional", True)
            most = self.p.get("relative_max_distance", 128)
            s += table[bucket(key - query, len(table), most, both=both)][at[-3]]
        return s + float(self.field("bias", 0.0, at))

    def seen(self, at: tuple[int, ...]) -> bool:
        i, j = at[-2] + self.offset(at), at[-1]
        left, right = self.p.get("window", (-1, -1))
        return (
            (not self.p.get("causal") or j <= i)
            and (left == -1 or i - left <= j)
            and (right == -1 or j <= i + right)
            and self.share_a_chunk(at)
            and j < self.real_keys(at)
            and bool(self.field("mask", True, at))
        )

    def share_a_chunk(self, at: tuple[int, ...]) -> bool:
        query, key = self.stand(at)
        size: int | None = self.p.get("chunk")
        return size is None or query // size == key // size

    def stand(self, at: tuple[int, ...]) -> tuple[int, int]:
        """Return the positions of a score's query and key."""
        batch, (i, j) = list(places(self.shape[:-3])).index(at[:-3]), at[-2:]

        def own(ids: Any, index: int) -> int:
            rows = ids if depth(ids) == 2 else [ids]
            return int(rows[batch if len(rows) > 1 else 0][index])

        given, keys = self.p.get("position_ids"), self.p.get("key_position_ids")
        query = own(given, i) if given else i + self.offset(at)
        if keys:
            return query, own(keys, j)
        from_x = given and self.keys_from_x and j >= self.past
        return query, own(given, j - self.past) if from_x else j

    def real_keys(self, at: tuple[int, ...]) -> int:
        batch = list(places(self.shape[:-3])).index(at[:-3])
        return int(self.p["lengths"][batch]) if "lengths" in self.p else self.shape[-1]

    def offset(self, at: tuple[int, ...]) -> int:
        """Return how far the queries are ahead of the keys: query i is at the place of key i + offset."""
        return self.real_keys(at) - self.shape[-2] if self.p.get("causal_align") == "bottom-right" else self.past


def projected(x: Stack, w: Any, b: list[float] | None) -> Stack:
    """Return x w + b; a w of three axes has a matrix for each head, and b the heads' numbers in a row."""
    if depth(w) == 3:
        x = Stack((*x.lead, len(w)), [product(plane, one) for plane in x.planes for one in w])
    elif w is not None:
        x = x.each(lambda plane: product(plane, w))
    width = len(x.planes[0][0])
    return x.cells(lambda value, at: value + b[(at[-3] * width if depth(w) == 3 else 0) + at[-1]]) if b else x


def norm(row: list[float], kind: str, eps: float, weight: Any = None, bias: Any = None) -> list[float]:
    """LayerNorm, RMSNorm, or division by the length (not below eps), of one row."""
    d = len(row)
    mean = math.fsum(row) / d if kind == "layer" else 0.0
    around = [x - mean for x in row]
    square = math.fsum(x * x for x in around)
    size = max(math.sqrt(square), eps) if kind == "l2" else math.sqrt(square / d + eps)
    return [x / size * (weight[i] if weight else 1) + (bias[i] if bias else 0) for i, x in enumerate(around)]


def shares(row: list[float], normalize: str, sink: float | None) -> list[float]:
    """Return a row's weights; 0 where there is no key to attend to."""
    if all(s == -math.inf for s in row):
        return [0.0] * len(row)
    if normalize == "sum":
        real = [0.0 if s == -math.inf else s for s in row]
        return [s / math.fsum(real) for s in real]
    logits = row if sink is None else [*row, sink]
    powers = [math.exp(s - max(logits)) for s in logits]
    return [power / math.fsum(powers) for power in powers[: len(row)]]
