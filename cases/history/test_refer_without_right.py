# SPDX-License-Identifier: MIT
"""Reparenting in two layers of which the outer one does not handle REFER.

Source: "landlock: Fix file reparenting without explicit LANDLOCK_ACCESS_FS_REFER" (55e55920bbe3).
"""

from collections.abc import Callable

from suite.case import (
    FS, Allowed, ByBug, Case, Denied, Judge, Process, Tree, answers, covers, since, table,
)  # fmt: skip
from suite.landlock.bugs import REFER_WITHOUT_RIGHT

EXPECT = since(FS.REFER, ByBug(REFER_WITHOUT_RIGHT, before=Allowed(), after=Denied("EXDEV")))


class Reparent(Case, frozen=True, kw_only=True):
    """A call that takes a file from a folder to another one."""

    call: Callable[[Process, str, str], object]


CASES = {
    "rename": Reparent(call=Process.rename, expect=EXPECT),
    "link": Reparent(call=Process.link, expect=EXPECT),
}


@answers("llr-06")
@covers(FS.REFER)
@table(CASES)
def test_later_layer(case: Reparent, process: Process, tree: Tree, judge: Judge) -> None:
    """A later layer can't allow what a layer denies that does not handle REFER."""
    twin = tree.twin()
    control = process.observe(case.call, twin.file, f"{twin.d2}/new")
    sandboxed = process.under(
        tree.layer(FS.EXECUTE, {"": FS.EXECUTE}),
        tree.layer(FS.REFER, {"": FS.REFER}),
    )
    judge(EXPECT, sandboxed.observe(case.call, tree.file, f"{tree.d2}/new"), control)
