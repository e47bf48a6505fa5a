"""The notebook in samples/ runs, and its cells show themselves as HTML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import json
from support.html import Page

NOTEBOOK = Path(__file__).resolve().parent.parent / "samples" / "attention.ipynb"


def test_it_is_kept_without_outputs() -> None:
    """What a run leaves in it is not committed."""
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.filterwarnings("ignore")  # Jupyter's own
def test_it_runs() -> None:
    """Every cell runs in a real kernel; traces, steps, explanations and reports come out as fragments of HTML."""
    client = pytest.importorskip("nbclient", reason="the extra `notebook` is not installed")
    pytest.importorskip("ipykernel", reason="the extra `notebook` is not installed")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client.NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
    outputs: list[Any] = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert {output.output_type for output in outputs} == {"execute_result", "stream"}
    pages = [" ".join(Page.read(data["text/html"]).words) for data in (output.get("data", {}) for output in outputs)
             if "text/html" in data]  # fmt: skip
    trace, step, explanation, report = pages
    assert "0.1186" in trace
    assert "output" in trace
    assert "0.1186" in step
    assert "output" not in step
    assert "scores[chat,cat]" in explanation
    assert "no_scale" in report
    assert "('weights', ['no_scale'])" in [output.get("data", {}).get("text/plain") for output in outputs]
