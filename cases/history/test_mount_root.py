# SPDX-License-Identifier: MIT
"""The root of a mount, whose parent directory is outside of the mount, as what is to be linked.

Source: "landlock: Fix d_parent walk" (88da52ccd66e, CVE-2024-40938): a kernel without it warns,
and one with panic_on_warn is lost.
"""

from collections.abc import Callable

from cases.controls import refused
from cases.history.complaints import COMPLAINED, KernelLog
from suite.case import (
    FS, ByBug, Case, Denied, Judge, Need, Process, Tree, answers, covers, fatal, needs, since,
    table, vm_only,
)  # fmt: skip
from suite.landlock.bugs import PARENT_WALK

REFER = FS.REFER


def link(process: Process, mount: str) -> None:
    process.link(mount, f"{mount}/new")


def rename(process: Process, mount: str) -> None:
    process.rename(mount, f"{mount}/new")


class Root(Case, frozen=True, kw_only=True):
    """A call on the root of a mount, and how the VFS refuses it without a domain."""

    call: Callable[[Process, str], object]
    vfs: str
    handled: FS = REFER | FS.MAKE_DIR
    allowed: FS = FS(0)


ROOTS = {
    "link-no-rule": Root(
        call=link,
        vfs="EPERM",
        expect=since(REFER, ByBug(PARENT_WALK, before=COMPLAINED, after=Denied("EACCES"))),
    ),
    "link-with-rule": Root(
        call=link,
        vfs="EPERM",
        allowed=REFER | FS.MAKE_DIR,
        expect=since(REFER, ByBug(PARENT_WALK, before=COMPLAINED, after=Denied("EPERM"))),
    ),
    "rename-no-rule": Root(call=rename, vfs="EXDEV", expect=since(REFER, Denied("EXDEV"))),
}


@vm_only
@fatal(PARENT_WALK)
@covers(REFER)
@answers("llr-32")
@needs(Need.MOUNT, Need.WARN_AGAIN)
@table(ROOTS)
def test_root(case: Root, process: Process, tree: Tree, judge: Judge) -> None:
    """To link the root of a mount into it is refused, and nothing to warn of."""
    log = KernelLog(process, tree.d2)
    mount = f"{tree.path}/mount"
    process.mkdir(mount)
    process.bind_mount(tree.sub, mount)
    control = refused(process.observe(case.call, mount), case.vfs)
    layer = tree.layer(case.handled, {"": case.allowed} if case.allowed else {})
    outcome = process.under(layer).observe(case.call, mount).outcome
    judge(case.expect, log.judged(outcome), control)
