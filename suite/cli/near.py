# SPDX-License-Identifier: MIT
"""What somebody may have meant who wrote a name that there is not."""

import difflib
from collections.abc import Collection, Sequence

_NEAR = 4


def near(text: str, names: Collection[str]) -> list[str]:
    """Those that have it in them, else those that differ least; possibly none."""
    inside = [name for name in names if text and text.lower() in name.lower()]
    return inside or difflib.get_close_matches(text, names, n=_NEAR, cutoff=0.5)


def few(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(names) - _NEAR} more" if len(names) > _NEAR else ""
    return f"{', '.join(names[:_NEAR])}{more}"
