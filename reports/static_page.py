# SPDX-License-Identifier: MIT
"""Pages that need nothing else, no script and no network, from a template."""

from typing import TYPE_CHECKING

from reports.words import printable

if TYPE_CHECKING:
    import jinja2


def template(folder: str) -> "jinja2.Template":
    """The template ``page.html`` of a folder beside this file; all that is put in is escaped."""
    import jinja2  # noqa: PLC0415 (most formats need no templates)

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports", folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Not its own type: what a macro gives is marked as safe already.
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    return environment.get_template("page.html")
