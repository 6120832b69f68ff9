# SPDX-License-Identifier: MIT
"""A model of reparenting: what one layer owes, by the rights that both folders have in it.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_REFER; current_check_refer_path(),
may_refer() and is_eacces() in security/landlock/fs.c.
"""

from dataclasses import dataclass
from enum import Enum

from suite.case import FS, Allowed, Denied, Outcome
from suite.landlock.abi import FS_FILE

NOTHING = FS(0)


class Kind(Enum):
    """What a name stands for: the right to make such a name, and the one to remove it."""

    FILE = FS.MAKE_REG, FS.REMOVE_FILE
    FOLDER = FS.MAKE_DIR, FS.REMOVE_DIR

    @property
    def make(self) -> FS:
        """MAKE_REG or MAKE_DIR."""
        return self.value[0]

    @property
    def remove(self) -> FS:
        """REMOVE_FILE or REMOVE_DIR."""
        return self.value[1]


class Action(Enum):
    """What is done with a name, in the folder where it is and in another one."""

    LINK = "link"
    RENAME = "rename"
    EXCHANGE = "exchange"


@dataclass(frozen=True, slots=True)
class Move:
    """An action on something, and what has its name in the destination already."""

    action: Action
    moved: Kind
    there: Kind | None = None

    @property
    def source_needs(self) -> FS:
        """In the folder that it leaves."""
        needs = NOTHING if self.action is Action.LINK else self.moved.remove
        if self.action is Action.EXCHANGE and self.there:
            needs |= self.there.make
        return needs

    @property
    def destination_needs(self) -> FS:
        """In the folder that it comes to."""
        return self.moved.make | (self.there.remove if self.there else NOTHING)


def owed(move: Move, source: FS, destination: FS) -> Outcome:
    """What a layer owes that handles all rights of the model, and allows these in two folders."""
    if move.source_needs not in source or move.destination_needs not in destination:
        return Denied("EACCES")
    if FS.REFER not in source & destination or gains(move.moved, source, destination):
        return Denied("EXDEV")
    if move.action is Action.EXCHANGE and move.there and gains(move.there, destination, source):
        return Denied("EXDEV")
    return Allowed()


def gains(moved: Kind, source: FS, destination: FS) -> bool:
    """Whether more could be done to it, or beneath it, in the destination."""
    meant = destination if moved is Kind.FOLDER else destination & FS_FILE
    return meant not in source
