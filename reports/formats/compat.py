# SPDX-License-Identifier: MIT
"""``landlock-compat.json``, for programs: ``reports/compat.schema.json`` says what is in it."""

import msgspec

from reports.compat.build import build
from reports.render import Format, Style
from suite.judge.records import Results


def results(results: Results, _style: Style) -> str:
    """What each kernel of the run was seen to provide."""
    return msgspec.json.format(msgspec.json.encode(build(results)), indent=2).decode() + "\n"


FORMAT = Format(name="compat", results=results)
