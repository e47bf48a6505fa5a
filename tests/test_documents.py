"""README and the topics of `attncli help` are true: every example in them is run."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from support.documents import Example, examples, python_sessions
from support.paths import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "attncli" / "help").glob("*.md"))]
EXAMPLES = [example for path in DOCUMENTS for example in examples(path)]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_examples_give_what_stands_below_them(example: Example, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A reader who types a command sees what the document shows."""
    output = example.run(tmp_path)
    if request.config.getoption("--update-golden"):
        example.rewrite(output)
    else:
        assert output == example.output


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if python_sessions(path)], ids=lambda path: path.name)
def test_python_examples(path: Path) -> None:
    """The Python sessions happened."""
    parsed = doctest.DocTestParser().get_doctest(python_sessions(path), {}, path.name, str(path), 0)
    assert parsed.examples
    assert doctest.DocTestRunner().run(parsed).failed == 0


def test_no_example_is_overlooked() -> None:
    """Each `$ ` at the beginning of a line in a block is one of the examples."""
    for path in DOCUMENTS:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert sum(line.startswith("$ ") for line in lines) == len(examples(path)), path.name
