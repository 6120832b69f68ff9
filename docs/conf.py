# SPDX-License-Identifier: MIT
"""How Sphinx makes the site of docs/, the README and ARCHITECTURE.md: ``nox -s docs``.

The source folder is the checkout, so that each relative link leads to the same page on the site, on
a code hosting page and in an editor.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from sphinx.application import Sphinx

project = "landproof"
author = "The landproof authors"
project_copyright = author
root_doc = "README"
include_patterns = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs/**.md"]
# Not even looked into.
exclude_patterns = [".*", "build", "cases", "dist", "reports", "suite", "tests", "vm"]

extensions = ["myst_parser"]
myst_heading_anchors = 3  # headings have the same anchors as on a code hosting page
nitpicky = True

highlight_language = "none"  # what names none is what a command printed

html_theme = "furo"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_title = "landproof"
html_copy_source = False
html_use_index = False
html_show_sphinx = False
html_last_updated_fmt = None  # two builds of one commit are the same

_TOCTREES = {
    "Read first": ["verify", "ci", "libraries", "detect", "kernel_developers", "add_a_case"],
    "Reference": [
        "commands", "kernels", "machines", "reports", "bisecting", "coverage", "findings",
    ],
    "landproof itself": [
        "/ARCHITECTURE", "releasing", "first_run", "own_kernels", "/CHANGELOG",
    ],
}  # fmt: skip
"""Which pages the side bar lists, beneath which words; the README has no such lists."""


def setup(app: Sphinx) -> None:
    """Have the README as the front page, with the lists of the side bar."""
    app.connect("source-read", _add_toctrees)
    app.connect("build-finished", _make_front_page)


def _add_toctrees(_app: Sphinx, page: str, source: list[str]) -> None:
    if page == root_doc:
        source[0] += "".join(_toctree(*it) for it in _TOCTREES.items())


def _toctree(caption: str, pages: list[str]) -> str:
    named = [it.removeprefix("/") if it.startswith("/") else f"docs/{it}" for it in pages]
    return "\n".join(
        ["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *named, "```", ""]
    )


def _make_front_page(app: Sphinx, failure: Exception | None) -> None:
    """A folder's address shows its index.html."""
    if failure is None and app.builder.name == "html":
        shutil.copy(Path(app.outdir, f"{root_doc}.html"), Path(app.outdir, "index.html"))
