# SPDX-License-Identifier: MIT
"""Strings as strace(1) and C write them."""

from itertools import zip_longest

_SHORT = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}
_SHORT |= {ord('"'): '\\"', ord("\\"): "\\\\"}


def quoted(data: bytes, most: int | None = None) -> str:
    r"""A string literal with octal escapes, such as ``"\2\0x"``; ``...`` if only its beginning."""
    shown = data if most is None else data[:most]
    return f'"{"".join(_escaped(shown))}"' + ("..." if len(shown) < len(data) else "")


def _escaped(data: bytes) -> list[str]:
    # An escape takes up to three digits: a shorter one must not be followed by a digit.
    followed = [48 <= it < 58 for it in data[1:]]
    return [
        _SHORT.get(it) or (chr(it) if 32 <= it < 127 else f"\\{it:03o}" if digit else f"\\{it:o}")
        for it, digit in zip_longest(data, followed)
    ]
