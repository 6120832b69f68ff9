# SPDX-License-Identifier: MIT
"""What formats of the TAP family share: text that nobody takes for a line of the report."""

import re

from reports import words

_ENDS = re.compile("List of all partitions:|Kernel panic - not syncing: VFS:|reboot: System halted")
"""Where ``kunit.py`` stops to read."""


def one_line(text: str, empty: str = "_") -> str:
    """A name, or what stands beside a result; the number sign is for directives."""
    return _defused(" ".join(words.printable(text).replace("#", "_").split())) or empty


def lines(text: str) -> list[str]:
    """What is told of a result: at least one line."""
    return _defused(words.printable(text)).splitlines() or [""]


def _defused(text: str) -> str:
    return _ENDS.sub(lambda phrase: phrase[0].replace(" ", "  ", 1), text)
