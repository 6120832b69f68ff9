# SPDX-License-Identifier: MIT
"""Erratum 4: whiteouts, which are character devices 0:0 but no devices.

Source: security/landlock/errata/abi-1.h, erratum 4 (672fa082d48b);
https://github.com/landlock-lsm/linux/issues/63.
"""

import stat
from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import FS, Erratum
from suite.calls.files import RENAME_WHITEOUT
from suite.expectation import ByErratum, since
from suite.needs import Need
from suite.outcome import Allowed, Denied
from suite.process import Process
from suite.rows import Case, Judge, covers, needs, table
from suite.ruleset import Ruleset
from suite.tree import Tree

DENIED_SINCE = since(
    FS.MAKE_REG,
    ByErratum(Erratum.WHITEOUT_OBJECTS, before=Allowed(), after=Denied("EACCES")),
)
ALLOWED_SINCE = since(
    FS.MAKE_CHAR,
    ByErratum(Erratum.WHITEOUT_OBJECTS, before=Denied("EACCES"), after=Allowed()),
)
ALLOWED = since(FS.MAKE_CHAR, Allowed())


def make(process: Process, tree: Tree) -> None:
    process.mknod(f"{tree.d1}/new", stat.S_IFCHR, 0)


def link(process: Process, tree: Tree) -> None:
    process.link(f"{tree.d1}/whiteout", f"{tree.d1}/new")


def rename_fifo(process: Process, tree: Tree) -> None:
    process.rename(f"{tree.d1}/fifo", f"{tree.d1}/new", RENAME_WHITEOUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whiteout(Case):
    """A call that makes a whiteout, in a layer that denies this right."""

    call: Callable[[Process, Tree], object]
    denied: FS


CASES = {
    "mknod-no-make-reg": Whiteout(call=make, denied=FS.MAKE_REG, expect=DENIED_SINCE),
    "mknod-no-make-char": Whiteout(call=make, denied=FS.MAKE_CHAR, expect=ALLOWED_SINCE),
    "link-no-make-reg": Whiteout(call=link, denied=FS.MAKE_REG, expect=DENIED_SINCE),
    "link-no-make-char": Whiteout(call=link, denied=FS.MAKE_CHAR, expect=ALLOWED_SINCE),
    "rename-no-make-reg": Whiteout(call=rename_fifo, denied=FS.MAKE_REG, expect=DENIED_SINCE),
    "rename-no-make-char": Whiteout(call=rename_fifo, denied=FS.MAKE_CHAR, expect=ALLOWED),
}


@covers(FS.MAKE_REG, FS.MAKE_CHAR)
@needs(Need.MOUNT)  # a file system that has whiteouts: our own tmpfs
@table(CASES)
def test_whiteout(case: Whiteout, process: Process, tree: Tree, judge: Judge) -> None:
    """To make a whiteout needs MAKE_REG, and not MAKE_CHAR."""
    twin = tree.twin()
    for folder in (tree.d1, twin.d1):
        process.mkfifo(f"{folder}/fifo")
        process.mknod(f"{folder}/whiteout", stat.S_IFCHR, 0)
    control = process.observe(case.call, twin)
    observed = process.under(Ruleset(fs=case.denied)).observe(case.call, tree)
    judge(case.expect, observed, control)
