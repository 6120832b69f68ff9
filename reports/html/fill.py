# SPDX-License-Identifier: MIT
"""Fills the template: what can be read without a script, the data, and the script.

The Content-Security-Policy of the page allows its own style and script by their digests, and
nothing else: nothing is loaded, and what a target printed can't run.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import jinja2
import msgspec

from reports import words
from reports.answer import short_names
from reports.html.data import compact
from reports.kernel_line import KernelLine, summarize
from reports.matrix import LEGEND, Deviation, Matrix, Silence, build
from suite.judge.behaviours import behaviours
from suite.judge.records import Results
from suite.landlock import abi as table

_HERE = Path(__file__).parent
_SCRIPT = (
    *("model", "links", "compare", "state", "table", "keys", "detail"),
    *("view", "filters", "columns", "main"),
)
_MOST = 200
"""Entries of a kind that are listed: a page that says everything twice would be too large."""


@dataclass(frozen=True, slots=True)
class _Kernel:
    """A column, and the row about it."""

    line: KernelLine
    name: str
    """As columns have it."""
    claim: str
    provides: str
    """Empty where it is what is claimed."""
    remarks: list[str]


def page(results: Results) -> str:
    """The whole page; the same for the same results."""
    matrix = build(results)
    lines = [summarize(target) for target in results.targets]
    names = dict(zip(matrix.targets, short_names(matrix.targets), strict=True))
    return _template().render(
        title=f"Landlock on {words.plural(len(lines), 'kernel')}",
        headline=words.headline(results),
        warnings=words.warnings(results),
        sections=[*_sections(matrix)],
        kernels=[*map(_kernel, lines, names.values())],
        seen=words.seen(lines),
        rows=[(row.area, row.cells) for row in matrix.rows if not row.feature],
        legend=LEGEND,
        deviations_title=words.deviations_title(matrix),
        deviations=[_deviation(it, names) for it in matrix.deviations],
        unjudged=[(it.id, it.title, [*map(_silence, it.entries)]) for it in words.unjudged(matrix)],
        most=_MOST,
        # The policy forbids style attributes, so what depends on the run goes in here.
        style=f"{_read('page.css')}\n:root {{ --kernels: {len(lines)}; }}\n",
        script="\n".join(_read(f"{name}.js") for name in _SCRIPT),
        data=msgspec.to_builtins(compact(results, behaviours())),
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["printable"] = words.printable
    environment.filters["digest"] = _digest
    # Neither spaces nor sorted keys: the order is ours.
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment.get_template("page.html.j2")


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _sections(matrix: Matrix) -> Iterator[tuple[str, str]]:
    yield "matrix-title", "Matrix"
    if matrix.targets:
        yield "kernels", "Kernels"
    if matrix.deviations:
        yield "deviations", "Deviations"
    for group in words.unjudged(matrix):
        yield group.id, group.title


def _kernel(line: KernelLine, name: str) -> _Kernel:
    return _Kernel(
        line=line,
        name=name,
        claim=_claim(line),
        provides=_provides(line),
        remarks=words.remarks(line),
    )


def _claim(line: KernelLine) -> str:
    if line.claimed is None:
        return line.absence
    return f"ABI {line.claimed}" if line.claimed > 0 else "no Landlock"


def _provides(line: KernelLine) -> str:
    if not line.claimed or line.provided == min(line.claimed, table.NEWEST):
        return ""
    return "provides ?" if line.provided is None else f"provides {line.provided}"


_Entry = tuple[str, str, list[tuple[str, str]], bool, str]
"""Title, sentence, labelled lines, whether it is listed as known, link."""


def _deviation(entry: Deviation, names: Mapping[str, str]) -> _Entry:
    lines = [*words.deviation(entry)]
    return entry.case, entry.summary, lines, bool(entry.known), _link(entry, names)


def _link(entry: Deviation, names: Mapping[str, str]) -> str:
    where = quote(words.printable(names[entry.targets[0]]), safe="/:")
    return f"#case={quote(words.printable(entry.case), safe='/:')}&kernel={where}"


def _silence(entry: Silence) -> _Entry:
    title = f"{entry.verdict} on {', '.join(entry.targets)}"
    known = [("known", entry.known)] if entry.known else []
    lines = [
        ("cases", words.cases_of(entry)),
        *known,
        ("reason", entry.reason or "no reason given"),
    ]
    return title, "", lines, bool(entry.known), ""
