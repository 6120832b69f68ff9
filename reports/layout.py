# SPDX-License-Identifier: MIT
"""How the columns of a matrix fit a screen: narrower heads first, then blocks of columns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells

_FITS = ((40, 2), (12, 2), (8, 2), (8, 1))
"""Longest line of a head, and the gap between columns: the first pair that fits is taken."""

_BLOCK_FIT = (12, 2)
"""The pair for several blocks."""

_HEAD_LINES = 6

_PIECES = re.compile(r"[^-.:_/+@]*[-.:_/+@]|[^-.:_/+@]+")


@dataclass(frozen=True, slots=True)
class Block:
    """Columns that fit the screen side by side."""

    columns: range
    heads: tuple[str, ...]
    """Names folded onto lines, padded at the top to the same number of lines."""
    gap: int


def arrange(
    width: int,
    label_width: int,
    names: Sequence[str],
    full: Sequence[int],
    short: Sequence[int],
) -> tuple[list[Block], bool]:
    """Arrange columns beside a column of labels, and say whether cells are the short ones.

    In this order: everything side by side, with short cells side by side, in blocks; in blocks
    of short cells where that makes fewer of them.

    Args:
        width: Of the screen.
        label_width: Of the labels.
        names: Of the columns.
        full: Widths of the widest full cells, by column.
        short: Widths of the widest short cells, by column.
    """
    room = width - label_width
    if block := _one(room, names, full):
        return [block], False
    if block := _one(room, names, short):
        return [block], True
    of_full, of_short = _blocks(room, names, full), _blocks(room, names, short)
    return (of_short, True) if len(of_short) < len(of_full) else (of_full, False)


def _one(room: int, names: Sequence[str], cells: Sequence[int]) -> Block | None:
    for cap, gap in _FITS:
        widths = [_column(*column, cap) for column in zip(names, cells, strict=True)]
        if sum(gap + column for column in widths) <= room:
            return _block(names, cells, range(len(names)), (cap, gap))
    return None


def _blocks(room: int, names: Sequence[str], cells: Sequence[int]) -> list[Block]:
    """As few blocks as fit, of about the same number of columns each."""
    cap, gap = _BLOCK_FIT
    widths = [gap + _column(*column, cap) for column in zip(names, cells, strict=True)]
    filled = _split(widths, room, len(widths))
    even = _split(widths, room, -(-len(widths) // len(filled)))
    chosen = even if len(even) == len(filled) else filled
    return [_block(names, cells, columns, _BLOCK_FIT) for columns in chosen]


def _split(widths: Sequence[int], room: int, most: int) -> list[range]:
    """Columns in groups of at most ``most`` that fit the room; a lone column may be too wide."""
    groups = [range(0)]
    for column, width in enumerate(widths):
        last = groups[-1]
        fits = sum(widths[it] for it in last) + width <= room and len(last) < most
        if fits or not last:
            groups[-1] = range(last.start, column + 1)
        else:
            groups.append(range(column, column + 1))
    return groups


def fold(name: str, width: int) -> list[str]:
    """A name on lines of at most ``width`` columns, broken after punctuation where possible."""
    lines = [""]
    for piece in _PIECES.findall(name):
        if cell_len(lines[-1] + piece) <= width:
            lines[-1] += piece
        else:
            lines += chop_cells(piece, width)
    lines = [line for line in lines if line]
    if len(lines) > _HEAD_LINES:
        # Names of a kind often differ at the end.
        return [*lines[: _HEAD_LINES - 3], "…", *lines[-2:]]
    return lines


def _column(name: str, cells: int, cap: int) -> int:
    return max(cells, *(cell_len(line) for line in fold(name, max(cap, cells)) or [""]))


def _block(
    names: Sequence[str], cell_widths: Sequence[int], columns: range, fit: tuple[int, int]
) -> Block:
    cap, gap = fit
    heads = [fold(names[column], max(cap, cell_widths[column])) for column in columns]
    tallest = max(map(len, heads), default=0)
    padded = ("\n".join([""] * (tallest - len(head)) + head) for head in heads)
    return Block(columns, tuple(padded), gap)
