"""HTML pages in which each number tells how it is computed, in panels without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from support import json
from support.command import Runner
from support.files import random

from attncli import attention, check
from attncli.writers.html.panels import MOST_CELLS

BLOG: dict[str, Any] = {"Q": [[3, 4]], "K": [[1, 2], [2, 3]], "V": [[7, 8], [9, 10]]}
X = [[1, 0, 2], [0, 1, 1]]
PROBLEMS: dict[str, dict[str, Any]] = {
    "blog": BLOG,
    "columns": {"X": [[1, 2], [3, 5]], "W_q": [[1, 2], [0, 1]], "W_k": [[2, 0], [1, 1]], "columns": True},
    "heads": {"X": X, "W_q": random(1, 3, 4), "W_k": random(2, 3, 4), "W_v": random(3, 3, 4), "heads": 2,
              "W_o": random(4, 4, 2), "b_o": [0.5, 1]},
    "grouped": {"Q": random(1, 2, 8), "K": random(2, 2, 4), "V": random(3, 2, 4), "heads": 4, "kv_heads": 2},
    "batches": {"Q": random(1, 2, 2, 1, 2), "K": random(2, 2, 2, 2, 2), "V": random(3, 2, 2, 2, 1), "causal": True},
    "masked": {"Q": X, "K": X, "V": X, "mask": [[1, 0], [0, 0]], "softcap": 2, "bias": [[0, 1], [1, "-inf"]]},
    "cached": {"Q": X[:1], "K": X[:1], "V": X[:1], "past_K": X, "past_V": X, "sinks": [0.5]},
    "rope": {"X": [[1, 2], [3, 4]], "W_q": [[1, 0], [0, 1]], "positions": "rope"},
    "labels": {**BLOG, "tokens": ['<b>"&'], "key_tokens": ["a b", "[x]"]},
}  # fmt: skip


class Document(HTMLParser):
    """What tests ask of a page: its ids, links, cells and panels."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[tuple[str, str, str, str]] = []
        """For each link its target, its accessible name, its text, and the id of the cell or panel it stands in."""
        self.text: dict[str, str] = {}
        self.panels: dict[str, dict[str, str | None]] = {}
        self._inside = ""
        self._link: dict[str, str | None] | None = None
        self.rules = dict(re.findall(r"body:has\(#([^:]+):target\) :is\(([^)]+)\)\{", html))
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        if id := own.get("id"):
            self.ids.append(id)
            self._inside = id
        if tag == "aside":
            assert id
            self.panels[id] = own
        if tag == "a":
            self._link = own

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._link = None
        if tag == "aside" or (tag == "td" and self._inside not in self.panels):
            self._inside = ""

    def handle_data(self, data: str) -> None:
        self.text[self._inside] = self.text.get(self._inside, "") + data
        if self._link is not None:
            name = self._link.get("aria-label") or data
            self.links.append(((self._link["href"] or "").removeprefix("#"), name, data, self._inside))


def page(run: Runner, tmp_path: Path, fields: dict[str, Any], *options: str) -> Document:
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(fields), encoding="utf-8")
    return Document(run("run", path, "-f", "html", *options).out)


def origins(document: Document, panel: str) -> Iterator[str]:
    """Yield the inputs at which one arrives by following the links of a panel."""
    for target, _, text, inside in document.links:
        if inside == panel and text != "close":
            yield from origins(document, target) if target in document.panels else [target]


@pytest.mark.parametrize("fields", PROBLEMS.values(), ids=PROBLEMS)
def test_every_computed_cell_has_a_panel(run: Runner, tmp_path: Path, fields: dict[str, Any]) -> None:
    """Each id is there once, each link leads somewhere, and each computed number has its panel, which ends with it."""
    document = page(run, tmp_path, fields)
    trace = attention(**fields)
    assert len(document.ids) == len(set(document.ids))
    assert {target for target, *_ in document.links} <= set(document.ids)
    cells = {inside: target for target, _, _, inside in document.links if not inside.startswith("how-")}
    assert len(cells) == len(document.panels) == sum(step.value.size for step in trace.values() if not step.given)
    assert len(document.ids) == len(cells) + sum(step.value.size for step in trace.values())
    for cell, panel in cells.items():
        assert panel == f"how-{cell}"
        number = document.text[cell].strip()
        assert re.search(rf"=\s{re.escape(number)}( \([^()]*\))?$", document.text[panel].replace("−∞", "-∞")), panel


@pytest.mark.parametrize("fields", PROBLEMS.values(), ids=PROBLEMS)
def test_links_lead_back_to_the_inputs(run: Runner, tmp_path: Path, fields: dict[str, Any]) -> None:
    """Whatever panel one starts from, following operands ends, at cells that were given."""
    document = page(run, tmp_path, fields)
    given = {step.name for step in attention(**fields).values() if step.given}
    for panel in document.panels:
        assert {target.split("-")[0] for target in origins(document, panel)} <= given


def test_what_goes_into_a_number_is_highlighted(run: Runner, tmp_path: Path) -> None:
    """Of a score the query and the key, of a weight its row of scores, of an output the weights and the values."""
    rules = page(run, tmp_path, PROBLEMS["blog"]).rules
    assert rules["how-scores-1-2"] == "#Q-1-1,#Q-1-2,#K-2-1,#K-2-2"
    assert rules["how-scaled-1-2"] == "#scores-1-2"
    assert rules["how-weights-1-1"] == "#scaled-1-1,#scaled-1-2"
    assert rules["how-output-1-2"] == "#weights-1-1,#weights-1-2,#V-1-2,#V-2-2"
    rules = page(run, tmp_path, PROBLEMS["heads"]).rules
    assert rules["how-scores-2-1-2"] == "#Q-1-3,#Q-1-4,#K-2-3,#K-2-4"
    assert rules["how-head_output-2-1-1"] == "#weights-2-1-1,#weights-2-1-2,#V-1-3,#V-2-3"
    rules = page(run, tmp_path, PROBLEMS["columns"]).rules
    assert rules["how-Q-1-2"] == "#X-1-2,#X-2-2,#W_q-1-1,#W_q-1-2"
    assert rules["how-scores-2-1"] == "#Q-1-1,#Q-2-1,#K-1-2,#K-2-2"


def test_operands_are_links_to_their_own_arithmetic(run: Runner, tmp_path: Path) -> None:
    """Numbers in a panel that were computed lead to panels, given ones to their cells."""
    links = page(run, tmp_path, BLOG).links
    inside = [(target, text) for target, _, text, where in links if where == "how-output-1-2"]
    assert inside == [
        ("output-1-2", "close"),
        ("how-weights-1-1", "0.0070"), ("how-weights-1-2", "0.9930"), ("V-1-2", "8"), ("V-2-2", "10"),
    ]  # fmt: skip


def test_keyboards_and_screen_readers(run: Runner, tmp_path: Path) -> None:
    """Links are real and named by what they show and mean; a panel takes the focus, and closes to its cell."""
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(PROBLEMS["labels"]))
    html = run("run", path, "-f", "html").out
    document = Document(html)
    assert (
        "how-weights-1-1",
        '0.0070: weights[<b>"&,a b], how it is computed',
        "0.0070",
        "weights-1-1",
    ) in document.links
    for target, name, text, inside in document.links:
        assert name.startswith(text)
        assert text != "close" or f"how-{target}" == inside
    for panel in document.panels.values():
        assert panel["tabindex"] == "-1"
        assert panel["aria-label"]
    assert html.count('class="close"') == html.count("<h2><b>") - html.count("<section>") == len(document.panels)
    assert "<script" not in html
    assert " on" not in "".join(re.findall(r"<(?:a|aside|td)[^>]*>", html).pop())


def test_pages_stay_small_and_the_same(run: Runner, samples: Path) -> None:
    """The example of the blog is some 16 kB, and no page with panels is large."""
    once, again = (run("run", samples / "blog.json", "-f", "html").out for _ in range(2))
    assert once == again
    assert 'class="panel"' in once
    assert len(once.encode()) < 20_000
    n = 5
    fields: dict[str, Any] = {name: random(seed, n, n) for seed, name in enumerate("QKV")}
    largest = attention(**fields).to("html")
    assert MOST_CELLS - 100 < 7 * n * n <= MOST_CELLS
    assert 'class="panel"' in str(largest)
    assert len(largest) < 250_000


@pytest.mark.parametrize(
    "command", [["run", "--dtype", "float32"], ["run", "--by-hand"], ["explain", "weights[q1,k1]"]]
)
def test_where_there_are_no_panels(run: Runner, tmp_path: Path, command: list[str]) -> None:
    """Not where arithmetic stands on the page already, or a type rounds it."""
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(BLOG))
    html = run(command[0], path, *command[1:], "-f", "html").out
    assert "href" not in html
    assert "panel" not in html


def test_large_pages_and_fragments_have_none() -> None:
    """Beyond so many numbers a page is as it was, and a notebook has no place for panels."""
    large = attention(random(1, 10, 10), random(2, 10, 10))
    assert "href" not in str(large.to("html"))
    for shown in (attention(**BLOG), check(BLOG, scores=[[1, 2]])):
        assert "href" not in shown._repr_html_()
        assert "panel" not in shown._repr_html_()


def test_one_step_alone_links_to_what_is_on_the_page(run: Runner, tmp_path: Path) -> None:
    """With --step, the operands that are not shown are numbers without a link."""
    document = page(run, tmp_path, BLOG, "-s", "weights", "-s", "scaled")
    assert {target for target, *_ in document.links} <= set(document.ids)
    assert "how-weights-1-2" in document.rules
    assert "how-scaled-1-2" not in document.rules


def test_several_problems_on_one_page(run: Runner) -> None:
    """Each has ids of its own."""
    document = Document(run("run", "-", "-f", "html", stdin=f"{json.dumps(BLOG)}\n{json.dumps(BLOG)}\n").out)
    assert len(document.ids) == len(set(document.ids))
    assert {"how-p1-weights-1-1", "how-p2-weights-1-1"} <= document.panels.keys()
    assert document.rules["how-p2-scaled-1-1"] == "#p2-scores-1-1"


def test_reports_link_right_numbers(run: Runner, tmp_path: Path) -> None:
    """A report that tells the right numbers shows how they are computed; with fewer hints it does not."""
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(BLOG))
    html = run("check", path, "weights=0.2 0.8", "--hints", "4", "-f", "html").out
    document = Document(html)
    wrong = html[: html.index("The right numbers")]
    assert re.findall(r'right <span class="right"><a href="#([^"]+)"', wrong) == ["how-weights-1-1", "how-weights-1-2"]
    assert len(document.ids) == len(set(document.ids))
    assert {target for target, *_ in document.links} <= set(document.ids)
    for hints in "123":
        kept_back = run("check", path, "weights=0.2 0.8", "--hints", hints, "-f", "html").out
        assert "href" not in kept_back
        assert "0.9930" not in kept_back
