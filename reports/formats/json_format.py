# SPDX-License-Identifier: MIT
"""For programs: what the other formats show, as JSON. The results file itself holds more."""

from typing import Any

import msgspec

from reports.diff import Diff
from reports.kernel_line import summarize
from reports.matrix import build
from reports.page import Page
from reports.render import Format, Style
from suite.judge.records import Results


def results(results: Results, _style: Style) -> str:
    """The kernels' lines, and the matrix with the verdicts of each cell counted."""
    lines = [(line, str(line)) for line in map(summarize, results.targets)]
    return _json(
        {
            "landproof": results.landproof,
            "started": results.started,
            "seconds": results.seconds,
            "kernels": [{"line": text, **msgspec.to_builtins(line)} for line, text in lines],
            "matrix": msgspec.to_builtins(build(results)),
        }
    )


def diff(diff: Diff, _style: Style) -> str:
    """Every change, with both records, and whether the second run is worse."""
    return _json({"regressed": diff.regressed, **msgspec.to_builtins(diff)})


def page(page: Page, _style: Style) -> str:
    """What the report was made from."""
    return _json(msgspec.to_builtins(page.data))


def _json(content: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


FORMAT = Format(name="json", results=results, diff=diff, page=page)
