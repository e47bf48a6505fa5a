"""The manual: a Markdown file for each topic, with tables that come from the code.

To add a topic, write a file here and add its name to `TOPICS`. The first line is its heading, which the list of topics
shows. `<!-- table: fields -->` in a line of its own is replaced by the table of that name in `attncli.help.tables`.
"""

from __future__ import annotations

import re
from importlib.resources import files

from attncli.common.errors import AttnError
from attncli.common.text import quoted, suggestion

TOPICS = (
    "problems", "fields", "positions", "steps", "block", "cells", "gradients", "formats", "models", "check", "mark",
    "compare", "mistakes", "exercises", "practice", "conventions", "speed", "scale", "python", "recipes", "exit-codes",
    "completion", "development",
)  # fmt: skip
"""The topics, in the order of the list."""

_TABLE = re.compile(r"^<!-- table: (\S+) -->$", re.MULTILINE)


def index() -> str:
    """Return the list of topics, in Markdown."""
    lines = [f"| `{topic}` | {heading(topic)} |" for topic in TOPICS]
    return "\n".join(["# attncli help TOPIC", "", "| topic | |", "|---|---|", *lines, ""])


def heading(topic: str) -> str:
    """Return what a topic is about."""
    return source(topic).partition("\n")[0].removeprefix("# ")


def page(name: str) -> str:
    """Return the topic that a user calls `name`, in Markdown; AttnError if there is none."""
    return _TABLE.sub(_filled, source(_topic(name)))


def source(topic: str) -> str:
    """Return a topic as it is written, without its tables."""
    return files(__name__).joinpath(f"{topic}.md").read_text(encoding="utf-8")


def _topic(name: str) -> str:
    for topic in TOPICS:
        if name.lower().replace("_", "-").rstrip("s") == topic.rstrip("s"):
            return topic
    msg = f"no help topic {quoted(name)}"
    raise AttnError(msg, hint=suggestion(name, list(TOPICS)) or f"the topics are {', '.join(TOPICS)}")


def _filled(placeholder: re.Match[str]) -> str:
    from attncli.help.tables import TABLES

    return TABLES[placeholder[1]]()
