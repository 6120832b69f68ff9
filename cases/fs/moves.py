# SPDX-License-Identifier: MIT
"""Calls that give a file of the tree another name, or one more."""

from collections.abc import Callable

from suite.case import RENAME_EXCHANGE, Process, Tree


def rename(
    old: str = "d1/file", new: str = "d2/new", flags: int = 0
) -> Callable[[Process, Tree], object]:
    return lambda process, tree: process.rename(f"{tree.path}/{old}", f"{tree.path}/{new}", flags)


def link(old: str = "d1/file", new: str = "d2/new") -> Callable[[Process, Tree], object]:
    return lambda process, tree: process.link(f"{tree.path}/{old}", f"{tree.path}/{new}")


RENAME, LINK = rename(), link()
EXCHANGE = rename(new="d2/file", flags=RENAME_EXCHANGE)
