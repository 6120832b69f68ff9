# SPDX-License-Identifier: MIT
"""Compatibility data as one page that needs nothing else: no script, no network."""

from typing import TYPE_CHECKING

from reports.compat import view
from reports.compat.build import build
from reports.render import Format, Style
from reports.words import printable
from suite.judge.records import Results

if TYPE_CHECKING:
    import jinja2


def results(results: Results, _style: Style) -> str:
    """Which ABI version for what, what happens below it, and what to know of each feature."""
    compat = build(results)
    return _template().render(
        introduction=tuple(view.introduction(compat)),
        features=tuple(view.features(compat)),
        masks=list(view.MASKS),
        abis=tuple(view.abis(compat)),
        errata=tuple(view.errata(compat)),
        limits=tuple(view.limits(compat)),
        kernels=compat.kernels,
    )


def _template() -> "jinja2.Template":
    import jinja2  # noqa: PLC0415 (the other formats need no templates)

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports", "compat"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Not its own type: what a macro gives is marked as safe already.
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    return environment.get_template("page.html")


FORMAT = Format(name="compat-html", results=results)
