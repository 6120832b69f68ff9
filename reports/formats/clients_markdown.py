# SPDX-License-Identifier: MIT
"""What clients make of kernels, for issues and web pages: GitHub's Markdown."""

from reports.clients import view
from reports.clients.build import build
from reports.formats.markdown import page
from reports.page import Page, Section, Table
from reports.render import Format, Style
from suite.judge.records import Results


def results(results: Results, style: Style) -> str:
    """Faults first, then a row a right and kernel, then what each client knows."""
    clients = build(results)
    faults = Table(("client", "what", "rights", "kernels", "why"), tuple(view.findings(clients)))
    knowledge = Table(
        ("client", "knows", "on kernels below that", "on kernels above", "flags"),
        tuple(view.knowledge(clients)),
    )
    sections = (
        Section("Faults", (faults,) if faults.rows else ()),
        Section("Not run", tuple(f"{it.target}: {it.reason}" for it in clients.missing)),
        Section("By client", (_table(*view.summaries(clients)),)),
        Section("What clients know", (knowledge,)),
        Section("By right and kernel", (_table(*view.table(clients)),)),
        Section("Marks", (Table(("mark", "meaning"), tuple(view.legend())),)),
    )
    title = "Landlock clients"
    return page(
        Page(
            title,
            (view.headline(clients),),
            sections if clients.columns or clients.missing else (),
            clients,
        ),
        style,
    )


def _table(head: list[str], rows: list[list[str]]) -> Table:
    return Table(tuple(head), tuple(map(tuple, rows)))


FORMAT = Format(name="clients-markdown", results=results)
