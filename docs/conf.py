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

_FIRST = ["verify", "ci", "libraries", "detect", "kernel_developers", "add_a_case"]
"""The pages for those who come with a question, as the README has them."""
_OWN = ["first_run", "own_kernels", "releasing"]
"""The pages about landproof itself."""
_ALL = sorted(it.stem for it in Path(__file__).parent.glob("*.md"))
_TOCTREES = {
    "Read first": [f"docs/{it}" for it in _FIRST],
    "Reference": [f"docs/{it}" for it in _ALL if it not in _FIRST + _OWN],
    "landproof itself": ["ARCHITECTURE", *(f"docs/{it}" for it in _OWN), "CHANGELOG"],
}
"""Which pages the side bar lists, beneath which words; the README has no such lists."""


def setup(app: Sphinx) -> None:
    """Have the README as the front page, with the lists of the side bar."""
    app.connect("source-read", _add_toctrees)
    app.connect("build-finished", _make_front_page)


def _add_toctrees(_app: Sphinx, page: str, source: list[str]) -> None:
    if page == root_doc:
        source[0] += "".join(_toctree(*it) for it in _TOCTREES.items())


def _toctree(caption: str, pages: list[str]) -> str:
    return "\n".join(
        ["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```", ""]
    )


def _make_front_page(app: Sphinx, failure: Exception | None) -> None:
    """A folder's address shows its index.html."""
    if failure is None and app.builder.name == "html":
        shutil.copy(Path(app.outdir, f"{root_doc}.html"), Path(app.outdir, "index.html"))
