# SPDX-License-Identifier: MIT
"""For programs: what the other formats show, as JSON. The results file itself holds more."""

from typing import Any

import msgspec

from reports.answer import Answer, BugRow, answer
from reports.diff import Diff
from reports.kernel_line import summarize
from reports.matrix import build
from reports.page import Page
from reports.render import Format, Style
from suite.judge.records import Results


def results(results: Results, _style: Style) -> str:
    """The answer, the kernels' lines, and the matrix with the verdicts of each cell counted."""
    lines = [(line, str(line)) for line in map(summarize, results.targets)]
    matrix = build(results)
    return _json(
        {
            "answer": _answer(answer(results, matrix)),
            "landproof": results.landproof,
            "started": results.started,
            "seconds": results.seconds,
            "kernels": [{"line": text, **msgspec.to_builtins(line)} for line, text in lines],
            "matrix": msgspec.to_builtins(matrix),
        }
    )


def _answer(told: Answer) -> dict[str, Any]:
    """What a reader comes for: headlines, a sentence a kernel, what is new, bugs by kernels."""
    return {
        "headlines": [it.says for it in told.headlines],
        "kernels": {it.target: it.sentence for it in told.kernels},
        "new": [{**msgspec.to_builtins(it), "command": it.command} for it in told.new],
        "bugs": [_bug(row, told) for row in told.bugs],
    }


def _bug(row: BugRow, told: Answer) -> dict[str, Any]:
    known = msgspec.to_builtins(row.bug) if row.bug else {}
    seen = zip(told.kernels, row.cells, strict=True)
    return {
        **known,
        "name": row.name,
        "links": row.bug.links if row.bug else {},
        "cases": row.cases,
        "kernels": {it.target: msgspec.to_builtins(cell) for it, cell in seen if cell.cases},
    }


def diff(diff: Diff, _style: Style) -> str:
    """Every change, with both records, and whether the second run is worse."""
    return _json({"regressed": diff.regressed, **msgspec.to_builtins(diff)})


def page(page: Page, _style: Style) -> str:
    """What the report was made from."""
    return _json(msgspec.to_builtins(page.data))


def _json(content: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


FORMAT = Format(name="json", results=results, diff=diff, page=page)
