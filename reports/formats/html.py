# SPDX-License-Identifier: MIT
"""For people: one page with filters, details and permalinks. See ``reports.html``."""

from reports.render import Format, Style
from suite.judge.records import Results


def results(results: Results, _style: Style) -> str:
    """A run; the width of the screen is left to the browser."""
    from reports.html.fill import page  # noqa: PLC0415 (the other formats need no templates)

    return page(results)


FORMAT = Format(name="html", results=results)
