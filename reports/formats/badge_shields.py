# SPDX-License-Identifier: MIT
"""For shields.io: the JSON that its endpoint badge reads."""

import json

from reports.ci.badge import LABEL, badge
from reports.render import Format, Style
from suite.judge.records import Results


def results(results: Results, _style: Style) -> str:
    """A run."""
    said = badge(results)
    content = {"schemaVersion": 1, "label": LABEL, "message": said.message, "color": said.color}
    return json.dumps(content, indent=2) + "\n"


FORMAT = Format(name="badge-shields", results=results)
