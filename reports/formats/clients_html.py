# SPDX-License-Identifier: MIT
"""What clients make of kernels, as one page that needs nothing else: no script, no network."""

from reports import static_page
from reports.clients import view
from reports.clients.build import build
from reports.render import Format, Style
from suite.judge.records import Results


def results(results: Results, _style: Style) -> str:
    """Faults first, then a row a right and kernel, a column a client; each cell opens."""
    clients = build(results)
    return static_page.template("clients").render(
        clients=clients,
        headline=view.headline(clients),
        findings=tuple(view.findings(clients)),
        summaries=view.summaries(clients),
        knowledge=tuple(view.knowledge(clients)),
        legend=tuple(view.legend()),
    )


FORMAT = Format(name="clients-html", results=results)
