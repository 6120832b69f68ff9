# SPDX-License-Identifier: MIT
"""The pages that people read, and what stands in their fenced blocks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    page: str
    """The page's path in the checkout."""
    line: int
    """The first line of the text."""
    language: str
    text: str


def blocks(page: Path, language: str) -> list[Block]:
    """The blocks of a page that are in a language, wherever they stand, such as in a list."""
    name = str(page.relative_to(ROOT))
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    return [
        Block(name, token.map[0] + 2, token.info, token.content)
        for token in tokens
        if token.type == "fence" and token.info == language and token.map
    ]


def spans(page: Path) -> list[str]:
    """What stands in a page's sentences and tables as code."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    children = (child for token in tokens for child in token.children or ())
    return [child.content for child in children if child.type == "code_inline"]
