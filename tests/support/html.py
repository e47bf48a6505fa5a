"""A reader of HTML that wants every element closed."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Self

_VOID = {"br", "col", "hr", "img", "input", "link", "meta"}


class Page(HTMLParser):
    """What a page has: its tags, and the text that a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words: list[str] = []
        self._open: list[str] = []

    @classmethod
    def read(cls, html: str) -> Self:
        """Read a page or a part of one, and assert that what is opened in it is closed in it."""
        page = cls()
        page.feed(html)
        page.close()
        assert not page._open
        return page

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.words.append(data)
