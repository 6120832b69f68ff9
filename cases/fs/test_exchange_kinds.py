# SPDX-License-Identifier: MIT
"""RENAME_EXCHANGE of two things of unlike kinds, in either order of the paths.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_REFER; current_check_refer_path() in
security/landlock/fs.c, which asks for the rights of both moves.
"""

import stat
from itertools import permutations

from cases.controls import in_turn
from cases.fs.rights import LOOP_DEVICE, NULL_DEVICE
from suite.case import (
    FS, RENAME_EXCHANGE, Allowed, Case, Judge, Need, Process, Seen, Tree, since, table,
)  # fmt: skip

REFER = FS.REFER


class Kind(Case, frozen=True, kw_only=True):
    """What is called ``old`` in d1, and ``new`` in d2: file types, by the rights to make them."""

    old: FS
    new: FS


TYPES = {
    FS.MAKE_REG: (stat.S_IFREG, 0),
    FS.MAKE_SOCK: (stat.S_IFSOCK, 0),
    FS.MAKE_FIFO: (stat.S_IFIFO, 0),
    FS.MAKE_CHAR: (stat.S_IFCHR, NULL_DEVICE),
    FS.MAKE_BLOCK: (stat.S_IFBLK, LOOP_DEVICE),
}
KINDS = {
    "file": FS.MAKE_REG,
    "folder": FS.MAKE_DIR,
    "socket": FS.MAKE_SOCK,
    "fifo": FS.MAKE_FIFO,
    "symlink": FS.MAKE_SYM,
    "char": FS.MAKE_CHAR,
    "block": FS.MAKE_BLOCK,
}
DEVICES = FS.MAKE_CHAR | FS.MAKE_BLOCK


def make(process: Process, kind: FS, path: str) -> None:
    """Something that takes this right to be made."""
    if kind is FS.MAKE_DIR:
        process.mkdir(path)
    elif kind is FS.MAKE_SYM:
        process.symlink("nowhere", path)
    else:
        process.mknod(path, *TYPES[kind])


def removal(kind: FS) -> FS:
    return FS.REMOVE_DIR if kind is FS.MAKE_DIR else FS.REMOVE_FILE


def exchange(process: Process, tree: Tree) -> None:
    process.rename(f"{tree.d1}/old", f"{tree.d2}/new", RENAME_EXCHANGE)


ROWS = {
    f"{old}-with-{new}": Kind(
        old=KINDS[old],
        new=KINDS[new],
        covers=(REFER, KINDS[old], KINDS[new]),
        needs=(Need.ROOT,) if (KINDS[old] | KINDS[new]) & DEVICES else (),
        answers=f"exchange-{old}",
        expect=since(REFER, Seen("EACCES, EACCES, EACCES, EACCES, allowed")),
    )
    for old, new in permutations(KINDS, 2)
}


@table(ROWS)
def test_kinds(case: Kind, process: Process, tree: Tree, judge: Judge) -> None:
    """Each side needs the right to remove what leaves it, and to make what comes, by their kinds.

    Each of the four lacks in turn, then none.
    """
    twin = tree.twin()
    for where in (tree, twin):
        make(process, case.old, f"{where.d1}/old")
        make(process, case.new, f"{where.d2}/new")
    control = process.observe(exchange, twin)
    both = REFER | case.old | case.new | removal(case.old) | removal(case.new)
    lacking = [
        (both ^ removal(case.old), both),
        (both ^ case.new, both),
        (both, both ^ removal(case.new)),
        (both, both ^ case.old),
        (both, both),
    ]
    layers = (tree.layer(both, {"d1": one, "d2": other}) for one, other in lacking)
    observed = [process.under(layer).observe(exchange, tree) for layer in layers]
    # Whoever runs this in a domain that allows no reparenting may be told so by a plain denial.
    told = in_turn(observed) if observed[-1].outcome == Allowed() else observed[-1]
    judge(case.expect, told, control)
