# SPDX-License-Identifier: MIT
"""Compatibility data as one page that needs nothing else: no script, no network."""

from reports import static_page
from reports.compat import view
from reports.compat.build import build
from reports.render import Format, Style
from suite.judge.records import Results


def results(results: Results, _style: Style) -> str:
    """Which ABI version for what, what happens below it, and what to know of each feature."""
    compat = build(results)
    return static_page.template("compat").render(
        introduction=tuple(view.introduction(compat)),
        features=tuple(view.features(compat)),
        masks=list(view.MASKS),
        abis=tuple(view.abis(compat)),
        errata=tuple(view.errata(compat)),
        bugs=tuple(view.bugs(compat)),
        limits=tuple(view.limits(compat)),
        kernels=compat.kernels,
    )


FORMAT = Format(name="compat-html", results=results)
