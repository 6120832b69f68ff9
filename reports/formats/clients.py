# SPDX-License-Identifier: MIT
"""What clients make of kernels, for terminals: faults, then a line a client."""

from reports.clients import view
from reports.clients.build import build
from reports.render import Format, Style
from reports.words import printable
from suite.judge.records import Results


def results(results: Results, style: Style) -> str:
    """The answer at both ends: a reader of a terminal sees the last lines."""
    clients = build(results)
    head, rows = view.summaries(clients)
    parts = [view.headline(clients)]
    parts += [f"{it.target} was not run: {it.reason}" for it in clients.missing]
    if style.verbosity:
        parts.append(_table(*view.table(clients)))
        parts.append("\n".join(f"{mark:13} {meaning}" for mark, meaning in view.legend()))
    if rows:
        parts.append(_table(head, rows))
    for title, knows, below, above, flags in view.knowledge(clients) if style.verbosity else ():
        lines = (f"below it: {below}", f"above it: {above}", f"flags: {flags}")
        parts.append("\n  ".join((f"{title}: knows {knows}", *lines)))
    parts += [
        f"{client}: {what}: {features}\n  on {where}: {why}"
        for client, what, features, where, why in view.findings(clients)
    ]
    if clients.findings:
        parts.append(view.headline(clients))
    return printable("\n\n".join(parts)) + "\n"


def _table(head: list[str], rows: list[list[str]]) -> str:
    from tabulate import tabulate  # noqa: PLC0415 (most reports need none)

    lines = tabulate(rows, head, disable_numparse=True).split("\n")
    return "\n".join(line.rstrip() for line in lines)


FORMAT = Format(name="clients", results=results)
