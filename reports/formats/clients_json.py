# SPDX-License-Identifier: MIT
"""What clients make of kernels, for programs; ``reports/clients.schema.json`` says what it is."""

import msgspec

from reports.clients.build import build
from reports.render import Format, Style
from suite.judge.records import Results


def results(results: Results, _style: Style) -> str:
    """All cells, with their reasons."""
    return msgspec.json.format(msgspec.json.encode(build(results)), indent=2).decode() + "\n"


FORMAT = Format(name="clients-json", results=results)
