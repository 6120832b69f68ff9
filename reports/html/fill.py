# SPDX-License-Identifier: MIT
"""Fills the template: what can be read without a script, the data, and the script.

The Content-Security-Policy of the page allows its own style and script by their digests, and
nothing else: nothing is loaded, and what a target printed can't run.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import msgspec
from markupsafe import Markup

from reports import links, skips, words
from reports.answer import Kernel, answer
from reports.html.beneath import Entry, Group, groups
from reports.html.data import compact
from reports.html.top import link, top
from reports.kernel_line import KernelLine
from reports.links import DOCUMENTS
from reports.matrix import LEGEND, Matrix, Silence, build
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
    link: str
    claim: str
    provides: str
    """Empty where it is what is claimed."""


def page(results: Results) -> str:
    """The whole page; the same for the same results."""
    matrix = build(results)
    told = answer(results, matrix)
    lines = [kernel.line for kernel in told.kernels]
    first = top(told, _MOST)
    beneath = [*groups(told, matrix)]
    return _template().render(
        title=f"Landlock on {words.plural(len(lines), 'kernel')}",
        headline=words.headline(results),
        warnings=words.warnings(results),
        lacks=skips.told(results, options=False),
        documents=DOCUMENTS,
        top=first,
        groups=beneath,
        sections=[*_sections(matrix, beneath)],
        kernels=[*map(_kernel, told.kernels)],
        seen=words.seen(lines),
        rows=[(row.area, row.cells) for row in matrix.rows if not row.feature],
        legend=LEGEND,
        unjudged=[(it.id, it.title, [*map(_silence, it.entries)]) for it in words.unjudged(matrix)],
        most=_MOST,
        style=f"{_read('page.css')}\n{_columns(len(lines), len(first.columns))}\n",
        script="\n".join(_read(f"{name}.js") for name in _SCRIPT),
        data=msgspec.to_builtins(compact(results, behaviours(), told)),
    )


def _columns(kernels: int, risky: int) -> str:
    """What depends on the run: the policy forbids style attributes, so that it goes in here."""
    return f":root {{ --kernels: {kernels}; --risky: {risky}; }}"


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
    environment.filters["linked"] = _linked
    # Neither spaces nor sorted keys: the order is ours.
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment.get_template("page.html.j2")


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _linked(text: str, kind: str = "text") -> Markup:
    """A text with what it names linked, for the template."""
    pieces = links.pieces(words.printable(text), links.KINDS[kind])
    return Markup("").join(
        Markup('<a href="{}" rel="noreferrer">{}</a>').format(to, piece) if to else piece
        for piece, to in pieces
    )


def _sections(matrix: Matrix, beneath: Sequence[Group]) -> Iterator[tuple[str, str]]:
    if beneath:
        yield "bugs", "Bugs and their cases"
    yield "matrix-title", "Matrix"
    if matrix.targets:
        yield "kernels", "Kernels"
    for group in words.unjudged(matrix):
        yield group.id, group.title


def _kernel(kernel: Kernel) -> _Kernel:
    return _Kernel(
        line=kernel.line,
        name=kernel.name,
        link=link(kernel.name),
        claim=_claim(kernel.line),
        provides=_provides(kernel.line),
    )


def _claim(line: KernelLine) -> str:
    if line.claimed is None:
        return line.absence
    return f"ABI {line.claimed}" if line.claimed > 0 else "no Landlock"


def _provides(line: KernelLine) -> str:
    if not line.claimed or line.provided == min(line.claimed, table.NEWEST):
        return ""
    return "provides ?" if line.provided is None else f"provides {line.provided}"


def _silence(entry: Silence) -> Entry:
    title = f"{entry.verdict} on {', '.join(entry.targets)}"
    known = [("known", entry.known)] if entry.known else []
    lines = [
        ("cases", words.cases_of(entry)),
        *known,
        ("reason", entry.reason or "no reason given"),
    ]
    return Entry(title, "", lines, bool(entry.known), "")
