"""A reader of SVG, and labels that would break it."""

from __future__ import annotations

from xml.etree import ElementTree as ET

NAMESPACE = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "[red]", "<b>&\"'", "]]>", "<!--", "&#0;", "\x00\x1b[2J", "\ud800", "\ufffe", "\uffff", "🙂", "猫犬",
    "\U0001f469\u200d\U0001f680", "שלום", "سلام", "\u202eabc", "e\u0301", "─│", "", " ", "a  b", "\u3000", "x" * 300,
]  # fmt: skip


def parsed(text: str) -> ET.Element:
    """Return the root of an SVG file."""
    root = ET.fromstring(text)
    assert root.tag == f"{NAMESPACE}svg"
    return root


def elements(root: ET.Element, name: str) -> list[ET.Element]:
    """Return all elements of a kind, in order."""
    return list(root.iter(NAMESPACE + name))


def size(root: ET.Element) -> tuple[int, int]:
    """Return the width and the height that the file says."""
    return int(root.attrib["width"]), int(root.attrib["height"])
