# SPDX-License-Identifier: MIT
"""Why cases don't reach some lines of the kernel's own Landlock code: ``unreached.toml``.

``python -m suite.cli.unreached > docs/unreached.md``
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import msgspec

from reports.markdown import code, escape, table
from suite.cli.outlet import put

LIST = Path(__file__).with_name("unreached.toml")
_HEAD = """\
# What the cases don't reach

Made by `python -m suite.cli.unreached`: do not edit. These are the lines of `security/landlock` of
Linux 7.3.4 that the cases don't run, or not with each of their branches, and why not; the branches
of `WARN_ON_ONCE()` and its like aren't listed.
[findings.md](findings.md#how-much-of-the-kernel-the-cases-reach) has the shares by file: those of
*reachable* lines and branches leave out the first two reasons.
"""


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why lines are not reached."""

    says: str
    lines: dict[str, list[str]]
    """By file, as they stand there, without their indentation."""
    left_out: bool = False
    """Whether no case should have to reach them."""


@cache
def reasons() -> dict[str, Reason]:
    """The list, by name."""
    return msgspec.convert(tomllib.loads(LIST.read_text()), dict[str, Reason])


def reason(file: str, line: str) -> Reason | None:
    """Why this line of a file is not reached, if that is known."""
    known = (it for it in reasons().values() if line.strip() in it.lines.get(file, ()))
    return next(known, None)


def page() -> str:
    """The list as a page."""
    rows = (
        [escape(it.says), file, "<br>".join(code(line) for line in lines)]
        for it in reasons().values()
        for file, lines in it.lines.items()
    )
    return f"{_HEAD}\n{table(['why', 'file', 'lines'], rows)}\n"


if __name__ == "__main__":
    put(page())
