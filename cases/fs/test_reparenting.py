# SPDX-License-Identifier: MIT
"""Reparenting with every combination of rights in the source and in the destination.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_REFER; the model of it is
cases/fs/reparenting.py.
"""

from collections.abc import Callable
from itertools import product

from cases.fs.reparenting import Action, Kind, Move, owed
from suite.case import FS, RENAME_EXCHANGE, Case, Judge, Process, Tree, covers, since, table

FILE, FOLDER = Kind.FILE, Kind.FOLDER
MAKE = FILE.make | FOLDER.make
REMOVE = FILE.remove | FOLDER.remove
ALL = FS.REFER | MAKE | REMOVE
HANDLED = ALL | FS.READ_FILE

MOVES = {
    "link": Move(Action.LINK, FILE),
    "rename-file": Move(Action.RENAME, FILE),
    "rename-folder": Move(Action.RENAME, FOLDER),
    "rename-file-over-file": Move(Action.RENAME, FILE, FILE),
    "rename-folder-over-folder": Move(Action.RENAME, FOLDER, FOLDER),
    "exchange-files": Move(Action.EXCHANGE, FILE, FILE),
    "exchange-folders": Move(Action.EXCHANGE, FOLDER, FOLDER),
    "exchange-file-and-folder": Move(Action.EXCHANGE, FILE, FOLDER),
}

RIGHTS = {
    "no-refer": ALL ^ FS.REFER,
    "no-make": ALL ^ MAKE,
    "no-remove": ALL ^ REMOVE,
    "all": ALL,
    "read": ALL | FS.READ_FILE,
}

ANSWERS = {
    ("all", "no-refer"): "refer-src-only",
    ("no-refer", "all"): "refer-dst-only",
}

CALLS: dict[Action, Callable[[Process, str, str], object]] = {
    Action.LINK: Process.link,
    Action.RENAME: Process.rename,
    Action.EXCHANGE: lambda process, old, new: process.rename(old, new, RENAME_EXCHANGE),
}


class Reparent(Case, frozen=True, kw_only=True):
    """A move from d1 to d2, and the rights that rules give there."""

    move: Move
    source: FS
    destination: FS


CASES = {
    f"{name}-from-{source}-to-{destination}": Reparent(
        move=move,
        source=RIGHTS[source],
        destination=RIGHTS[destination],
        expect=since(HANDLED, owed(move, RIGHTS[source], RIGHTS[destination])),
        answers=ANSWERS.get((source, destination), ()),
    )
    for (name, move), source, destination in product(MOVES.items(), RIGHTS, RIGHTS)
}


def paths(process: Process, tree: Tree, move: Move) -> tuple[str, str]:
    """What is moved, and where to."""
    names = {FILE: tree.other, FOLDER: f"{tree.d2}/empty", None: f"{tree.d2}/new"}
    process.mkdir(names[FOLDER])
    return tree.file if move.moved is FILE else tree.sub, names[move.there]


@covers(FS.REFER)
@table(CASES)
def test_reparent(case: Reparent, process: Process, tree: Tree, judge: Judge) -> None:
    """MAKE and REMOVE are missed first (EACCES), then REFER and what would be gained (EXDEV)."""
    call = CALLS[case.move.action]
    control = process.observe(call, *paths(process, tree.twin(), case.move))
    layer = tree.layer(HANDLED, {"d1": case.source, "d2": case.destination})
    observed = process.under(layer).observe(call, *paths(process, tree, case.move))
    judge(case.expect, observed, control)
