"""The derivation: from a problem to the trace of its steps.

Every step is made from the one before it if that is there, else it is an input if the problem gives it, else the
derivation does not have it. So a problem may start at `scores`, or end at `weights` for want of V; and a value that
is given for a step that can be made is somebody's claim, which is left aside here.
"""

from __future__ import annotations

from attncli.coerce import scale_factor, shape_text
from attncli.errors import AttnError, Where
from attncli.fields import FIELDS, STEPS
from attncli.memory import available
from attncli.ops import FLAT, Concat, HeadLayout, Mix, Project, Scale, Scores, Softmax, SumNormalize
from attncli.problem import Problem
from attncli.trace import Axis, Op, Step, Trace

_LABELLING = {"title", "tokens", "key_tokens", "columns", "precision"}


def derive(problem: Problem) -> Trace:
    """Work a problem out, step by step.

    Raises AttnError where fields do not fit each other, where something is missing, where a result overflows, and
    where the problem is too large for the memory there is.
    """
    return _Derivation(problem).trace()


class _Derivation:
    """One problem being worked out; each method adds the steps it is named for and returns the last one's name."""

    def __init__(self, problem: Problem) -> None:
        self.p = problem
        self.t = Trace(problem.values, columns=problem.columns)
        self.used: set[str] = set()
        self.heads: int | None = None
        """How many query heads there are; None without a head axis."""
        self.joined = False
        """Whether the heads are put side by side at the end."""

    def trace(self) -> Trace:
        self._put_down()
        q, k, v = self._inputs()
        last = self._weights(self._modified(self._scores(q, k)))
        end = self._output(last, v)
        if all(step.given for step in self.t.values()):
            self._nothing_to_do()
        self._tell(end)
        return self.t

    # --- what is given ---------------------------------------------------------------------------------------

    def _put_down(self) -> None:
        """Put the given matrices on the trace, first of all, in the order of the fields."""
        for name, field in FIELDS.items():
            array = self.p.array(name)
            if array is None or not field.array or name in {"mask", "bias"}:
                continue
            if field.kind == "vector":
                array = array.reshape(1, -1)
            self.t.given(name, array, self._axes_of(name, array.shape))

    def _axes_of(self, name: str, shape: tuple[int, ...]) -> tuple[Axis, ...]:
        """Return labelled axes for a matrix that is given."""
        lead = [Axis("batch", size) for size in shape[:-2]]
        if name in STEPS:
            rows, cols = STEPS[name]
            if lead and not (self.p.integer("heads") and name in {"Q", "K", "V", "concat"}):
                lead[-1] = Axis("head", shape[-3])
        else:
            rows, cols = {"X": "input", "M": "memory"}.get(name, "" if name.startswith("b_") else "dim"), "dim"
            if lead and name.startswith("W_"):
                lead[-1] = Axis("head", shape[-3])
        return (*lead, self._axis(rows, shape[-2]), self._axis(cols, shape[-1]))

    def _axis(self, name: str, size: int) -> Axis:
        if name == "":
            return Axis("", size, ("b",))
        tokens: tuple[str, ...] = ()
        source = ""
        if name in {"query", "input"}:
            source = "tokens"
        elif name in {"key", "memory"}:
            source = "key_tokens"
            if not self.p.labels("key_tokens") and "M" not in self.p.values and self._queries() == size:
                source = "tokens"
        if source:
            tokens = self.p.labels(source)
            if tokens and len(tokens) != size:
                msg = f"{len(tokens)} labels for {_count(size, 'key' if source == 'key_tokens' else 'query')}"
                raise AttnError(msg, self.p.where(source))
        return Axis(name, size, tokens)

    def _queries(self) -> int | None:
        """Return the number of queries, as far as it is known before the scores."""
        for name in ("X", "Q"):
            array = self.p.array(name)
            if array is not None:
                return int(array.shape[-2])
        return len(self.p.labels("tokens")) or None

    def _given_step(self, name: str) -> str | None:
        """Put a step down as an input, if the problem gives it."""
        if not self.p.has_step(name):
            return None
        if name in self.t:
            return name
        array = self.p.step(name)
        return self.t.given(name, array, self._axes_of(name, array.shape))

    def _use(self, name: str) -> bool:
        """Tell whether a field is given, and note that it has its place in the derivation."""
        if name not in self.p.values:
            return False
        self.used.add(name)
        return True

    # --- Q, K, V ---------------------------------------------------------------------------------------------

    def _inputs(self) -> tuple[str | None, str | None, str | None]:
        x = "X" if "X" in self.p.values else None
        memory = "M" if "M" in self.p.values else x
        self._count_heads(x, memory)
        q = self._project("Q", x, "W_q", "b_q", "query")
        k = self._project("K", memory, "W_k", "b_k", "key")
        v = self._project("V", memory, "W_v", "b_v", "key")
        return q, k, v

    def _count_heads(self, x: str | None, memory: str | None) -> None:
        """Find out how many heads there are, from `heads`, a W of three axes, or Q as it was given."""
        self.heads = self.p.integer("heads")
        self.used.add("heads")
        for name in ("W_q", "W_k", "W_v"):
            w = self.p.array(name)
            if w is None or w.ndim == 2:
                continue
            if w.ndim > 3:
                msg = f"{name} is {self._shape(name)}: a projection is a matrix, or one matrix for each head"
                raise AttnError(msg, self._source_of(name))
            if self.heads not in {None, w.shape[0]}:
                msg = f"{name} is {self._shape(name)}, which makes {w.shape[0]} heads; there are {self.heads}"
                raise AttnError(msg, self._source_of(name))
            self.heads = int(w.shape[0])
        self.joined = self.heads is not None
        if self.heads is None:
            self.heads = self._heads_that_came_split(bool(x), bool(memory))
        if "W_o" in self.p.values and self.heads:
            self.joined = True

    def _heads_that_came_split(self, projects_q: bool, projects_kv: bool) -> int | None:
        """Return the size of the head axis of what is given; what is projected has none of its own."""
        if projects_q:
            return None
        planes = [name for name, axes in STEPS.items() if axes == ("query", "key")]
        for name in ("Q", *planes, *(() if projects_kv else ("K", "V"))):
            if self.p.has_step(name) and (shape := self.p.step(name).shape)[2:]:
                return int(shape[-3])
        return None

    def _project(self, name: str, source: str | None, w: str, b: str, rows: str) -> str | None:
        """Record Q, K or V as X W + b, or take it as it was given."""
        if source is None:
            for field in (w, b):
                if field in self.p.values:
                    needs = "X" if name == "Q" else "X (or M)"
                    msg = f"{field} is given, and {needs} is not: there is nothing to project"
                    raise AttnError(msg, self._source_of(field), f"name the embeddings X; {name} is taken as it is")
            return self._given_step(name)
        self.used.add(source)
        weight, bias = self._use(w), self._use(b)
        operands = [source] + [w] * weight + [b] * bias
        heads = None
        width = self.t[source].array.shape[-1]
        if weight:
            matrix = self.t[w].array
            heads = int(matrix.shape[0]) if matrix.ndim == 3 else None
            if matrix.shape[-2] != width:
                msg = (
                    f"{self._has(source, -1)}, {self._has(w, -2)}: {self._product(source, w)} needs as many; "
                    f"{source} is {self._shape(source)}, {w} is {self._shape(w)}"
                )
                transposed = matrix.shape[-1] == width
                hint = f"is {w} transposed? PyTorch stores it so" if transposed else None
                raise AttnError(msg, self._source_of(w), hint)
            width = matrix.shape[-1] * (heads or 1)
        if bias and self.t[b].array.shape[-1] != width:
            msg = f"has {_count(self.t[b].array.shape[-1], 'number')}, {name} has {width} dimensions"
            raise AttnError(msg, self.p.where(b))
        return self.t.record(name, Project(weight, bias, rows, heads), *operands)

    def _layout(self, name: str) -> HeadLayout:
        """Say how Q, K or V lies in heads, having checked that it can."""
        if self.heads is None:
            return FLAT
        step = self.t[name]
        serve = None if name == "Q" else self.heads
        has_axis = any(axis.name == "head" for axis in step.axes)
        if has_axis:
            own = step.array.shape[-3]
            if self.heads % own:
                msg = f"Q has {self.heads} heads, {name} has {own}: each of {name}'s must serve equally many"
                raise AttnError(msg, self._source_of(name))
            return HeadLayout(None, serve)
        if not self.joined:
            msg = f"Q comes split into {self.heads} heads, {name} is {self._shape(name)} and has no axis of heads"
            raise AttnError(msg, self._source_of(name))
        if step.array.shape[-1] % self.heads:
            msg = f"{self._has(name, -1)}, which cannot be split into {self.heads} heads"
            raise AttnError(msg, self.p.where("heads" if "heads" in self.p.values else name))
        return HeadLayout(self.heads, serve)

    # --- scores to weights -----------------------------------------------------------------------------------

    def _scores(self, q: str | None, k: str | None) -> str | None:
        if q is None or k is None:
            for name in (q, k):
                if name:
                    self._layout(name)
            return self._given_step("scores")
        self.used |= {q, k}
        query, key = self._layout(q), self._layout(k)
        q_axes, k_axes = query.axes(self.t[q].axes), key.axes(self.t[k].axes)
        q_shape, k_shape = (tuple(axis.size for axis in axes) for axes in (q_axes, k_axes))
        if q_shape[-1] != k_shape[-1]:
            product = "KᵀQ" if self.p.columns else "QKᵀ"
            msg = (
                f"{self._has('K', -1)}, {self._has('Q', -1)}: {product} needs the same d_k; "
                f"Q is {self._shape('Q')}, K is {self._shape('K')}"
            )
            hint = "is one of them transposed?" if self._transposable(q_shape, k_shape) else None
            raise AttnError(msg, self._source_of("K", "Q"), hint)
        if q_shape[:-2] != k_shape[:-2]:
            msg = f"Q is {self._shape('Q')}, K is {self._shape('K')}: their heads and batches differ"
            raise AttnError(msg, self._source_of("K", "Q"))
        self._refuse_too_large((*q_shape[:-1], k_shape[-2]))
        return self.t.record("scores", Scores(query, key), q, k)

    def _modified(self, last: str | None) -> str | None:
        """Record what stands between the scores and the weights: scaled, biased, masked."""
        last = self._scaled(last) if last else self._given_step("scaled")
        if last is None:
            last = self._given_step("biased")
        elif adding := self._terms(last):
            last = self.t.record("biased", adding, last)
        if last is None:
            last = self._given_step("masked")
        elif hiding := self._rules(last):
            last = self.t.record("masked", hiding, last)
        return last

    def _scaled(self, last: str) -> str:
        scale = self.p.scale()
        if self._use("scale") and scale is not None:
            factor = scale_factor(scale)
            if factor is None:
                return last
            said = scale if isinstance(scale, str) else f"{scale:.15g}"
            return self.t.record("scaled", Scale(factor, said), last)
        for name in ("Q", "K"):
            if name in self.t:
                d_k = self._layout(name).axes(self.t[name].axes)[-1].size
                return self.t.record("scaled", Scale(d_k**-0.5, d_k=d_k), last)
        self.t.notes.append("scores without Q and K: d_k is not known, so they are not scaled; scale would do it")
        return last

    def _terms(self, last: str) -> Op | None:
        """Return the op that adds what is added to the scores, if anything is."""
        if not self._use("bias"):
            return None
        from attncli.mods import AddTerms, Bias  # plain attention starts sooner without them

        terms = []
        if (bias := self.p.array("bias")) is not None:
            self._broadcasts("bias", bias.shape, self.t[last])
            terms.append(Bias(bias))
        return AddTerms(tuple(terms)) if terms else None

    def _rules(self, last: str) -> Op | None:
        """Return the op that hides the keys that are not to be seen, if any are."""
        if not self._use("causal") | self._use("mask"):
            return None
        from attncli.mods import Causal, Hide, Mask, Rule

        rules: list[Rule] = []
        if self.p.flag("causal"):
            rules.append(Causal())
        if (mask := self.p.mask()) is not None:
            self._broadcasts("mask", mask.shape, self.t[last])
            rules.append(Mask(mask))
        return Hide(tuple(rules)) if rules else None

    def _weights(self, last: str | None) -> str | None:
        if last is None:
            return self._given_step("weights")
        self._use("normalize")
        op: Op = Softmax() if self.p.choice("normalize") == "softmax" else SumNormalize()
        return self.t.record("weights", op, last)

    # --- output ----------------------------------------------------------------------------------------------

    def _output(self, weights: str | None, v: str | None) -> str | None:
        w_o, b_o = self._use("W_o"), self._use("b_o")
        ends = self.joined or w_o or b_o
        last = self._mixed(weights, v, "head_output" if ends else "output")
        if not ends:
            return last
        if self.joined:
            name = "concat" if w_o or b_o else "output"
            last = self.t.record(name, Concat(), last) if last else self._given_step(name)
        if not (w_o or b_o):
            return last
        if last is None:
            return self._given_step("output")
        if w_o:
            self._check_w_o(last)
        operands = [last] + ["W_o"] * w_o + ["b_o"] * b_o
        return self.t.record("output", Project(w_o, b_o), *operands)

    def _mixed(self, weights: str | None, v: str | None, name: str) -> str | None:
        if weights is None or v is None:
            return self._given_step(name)
        self.used.add(v)
        values = self._layout(v)
        w_axes, v_axes = self.t[weights].axes, values.axes(self.t[v].axes)
        if w_axes[-1].size != v_axes[-2].size:
            keys = f"{self._has('K', -2)}" if "K" in self.t else f"weights are {self._shape(weights)}"
            msg = f"{self._has('V', -2)}, {keys}: every key needs one value; V is {self._shape('V')}" + (
                f", K is {self._shape('K')}" if "K" in self.t else ""
            )
            raise AttnError(msg, self._source_of("V"))
        if [axis.size for axis in w_axes[:-2]] != [axis.size for axis in v_axes[:-2]]:
            msg = f"V is {self._shape('V')}, the weights are {self._shape(weights)}: their heads and batches differ"
            raise AttnError(msg, self._source_of("V"))
        return self.t.record(name, Mix(values), weights, v)

    def _check_w_o(self, last: str) -> None:
        w = self.t["W_o"].array
        if w.ndim == 3:  # one (d_v, d_model) for each head, under one another
            w = w.reshape(-1, w.shape[-1])
            self.t.given("W_o", w, self._axes_of("W_o", w.shape))
        if w.ndim != 2 or w.shape[0] != self.t[last].array.shape[-1]:
            msg = (
                f"W_o is {self._shape('W_o')}, {last} is {self._shape(last)}: "
                f"{self._product(last, 'W_o')} needs as many {'columns' if self.p.columns else 'rows'} of W_o "
                f"as there are dimensions"
            )
            raise AttnError(msg, self._source_of("W_o"))
        if "b_o" in self.t and self.t["b_o"].array.shape[-1] != w.shape[-1]:
            msg = f"has {_count(self.t['b_o'].array.shape[-1], 'number')}, the output has {w.shape[-1]} dimensions"
            raise AttnError(msg, self.p.where("b_o"))

    # --- what is told ----------------------------------------------------------------------------------------

    def _tell(self, end: str | None) -> None:
        """Note the claims that were left aside, and the fields that have no place in this derivation."""
        claims = [name for name in STEPS if self.p.has_step(name) and not (name in self.t and self.t[name].given)]
        if claims:
            self.t.notes.append(
                f"{', '.join(claims)} given, but worked out here: what was given is left aside as somebody's claim"
            )
        unused = [name for name in self.p.values if name not in self.used | _LABELLING and name not in STEPS]
        if unused:
            self.t.notes.append(f"{', '.join(unused)} given, and not used by this problem")

    def _nothing_to_do(self) -> None:
        has = ", ".join(name for name in self.t) or "nothing"
        missing = "Q and K (or X, or scores)" if not self._has_any("Q", "K", "X", "scores", "weights") else ""
        if not missing:
            missing = {"Q": "K", "K": "Q", "weights": "V"}.get(next(iter(self.t), ""), "Q")
            if "Q" in self.t and "K" not in self.t:
                missing = "K (or scores)"
            elif "K" in self.t and "Q" not in self.t:
                missing = "Q (or scores)"
        msg = f"there is nothing to work out: {has} given, {missing} missing"
        raise AttnError(msg, hint="attention needs Q, K and V; or X; or scores and V; or weights and V")

    def _has_any(self, *names: str) -> bool:
        return any(name in self.t for name in names)

    def _refuse_too_large(self, shape: tuple[int, ...]) -> None:
        """Refuse scores that would not fit into memory, before NumPy tries."""
        planes = 3 + sum(name in self.p.values for name in ("bias", "mask", "causal"))
        size = 8
        for axis in shape:
            size *= axis
        free = available()
        if free is not None and size * planes > free:
            msg = (
                f"the scores would be {shape_text(shape)}, {_bytes(size)}, and with the steps from them "
                f"{_bytes(size * planes)}; "
                f"{_bytes(free)} of memory are free"
            )
            raise AttnError(msg)

    # --- words -----------------------------------------------------------------------------------------------

    def _shape(self, name: str) -> str:
        return shape_text(self.t[name].value.shape)

    def _has(self, name: str, axis: int) -> str:
        """Say the length of a row-wise axis as it is shown: "K has 3 columns"."""
        word = "column" if (axis == -1) != self.p.columns else "row"
        return f"{name} has {_count(self.t[name].array.shape[axis], word)}"

    def _product(self, left: str, right: str) -> str:
        return f"{right} {left}" if self.p.columns else f"{left} {right}"

    def _source_of(self, *names: str) -> Where:
        """Return the file of the first of these that was given: for messages that name the fields themselves."""
        where = next((self.p.where(name) for name in names if name in self.p.values), Where())
        return Where(where.source, where.line)

    @staticmethod
    def _transposable(q: tuple[int, ...], k: tuple[int, ...]) -> bool:
        return q[-2] == k[-1] or q[-1] == k[-2]

    def _broadcasts(self, name: str, shape: tuple[int, ...], scores: Step) -> None:
        """Check that a mask or bias broadcasts against the scores, and adds nothing to their shape."""
        target = scores.array.shape
        fits = len(shape) <= len(target) and all(
            own in {1, other} for own, other in zip(reversed(shape), reversed(target), strict=False)
        )
        if not fits:
            shown = shape[:-2] + shape[:-3:-1] if self.p.columns and len(shape) >= 2 else shape
            msg = f"is {shape_text(shown)}, the scores are {shape_text(scores.value.shape)}: it does not fit"
            raise AttnError(msg, self.p.where(name), "every axis should be the scores' or 1")


def _count(number: int, noun: str) -> str:
    plural = {"query": "queries"}.get(noun, f"{noun}s")
    return f"{number} {noun if number == 1 else plural}"


def _bytes(size: int) -> str:
    amount, units = float(size), ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    while amount >= 1024 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{amount:.3g} {units[0]}"
