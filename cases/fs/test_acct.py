# SPDX-License-Identifier: MIT
"""acct(2) and swapon(2): the kernel opens the file in the name of the caller.

Source: hook_file_open() in security/landlock/fs.c; kernel/acct.c and mm/swapfile.c call
file_open_name() or filp_open().
"""

from collections.abc import Mapping

from cases.controls import refused
from suite.case import (
    FS, Allowed, Case, Denied, Judge, Need, Process, Tree, answers, covers, needs, since, table,
    vm_only,
)  # fmt: skip

READ, WRITE = FS.READ_FILE, FS.WRITE_FILE
DENIED = since(READ, Denied("EACCES"))


class Rules(Case, frozen=True, kw_only=True):
    """Rules of a layer that handles READ_FILE and WRITE_FILE."""

    rules: Mapping[str, FS]


ACCT = {
    "acct": Rules(rules={}, expect=DENIED),
    "acct-read-file": Rules(rules={"d1": READ}, expect=DENIED),
    # On the file itself: newer kernels open it once more on a mount that has no other root.
    "acct-write-file": Rules(rules={"d1/file": WRITE}, expect=since(READ, Allowed())),
}


def account(process: Process, path: str) -> None:
    process.syscall("acct", path)
    process.syscall("acct", None)


@vm_only
@needs(Need.ROOT, Need.ACCT)
@answers("topo-swapon-acct")
@covers(READ, WRITE)
@table(ACCT)
def test_acct(case: Rules, process: Process, tree: Tree, judge: Judge) -> None:
    """To account processes in a file needs WRITE_FILE on it."""
    control = process.observe(account, tree.file)
    sandboxed = process.under(tree.layer(READ | WRITE, case.rules))
    judge(case.expect, sandboxed.observe(account, tree.file), control)


SWAP = {
    "swapon": Rules(rules={}, expect=DENIED),
    "swapon-read-file": Rules(rules={"d1": READ}, expect=DENIED),
    "swapon-write-file": Rules(rules={"d1": WRITE}, expect=DENIED),
    # Allowed to be opened, it is found to be no swap file.
    "swapon-read-write": Rules(rules={"d1": READ | WRITE}, expect=since(READ, Denied("EINVAL"))),
}


def swap_on(process: Process, path: str) -> None:
    process.syscall("swapon", path, 0)


@vm_only
@needs(Need.ROOT, Need.SWAP)
@answers("topo-swapon-acct")
@covers(READ, WRITE)
@table(SWAP)
def test_swapon(case: Rules, process: Process, tree: Tree, judge: Judge) -> None:
    """To swap to a file needs READ_FILE and WRITE_FILE on it."""
    sandboxed = process.under(tree.layer(READ | WRITE, case.rules))
    observed = sandboxed.observe(swap_on, tree.file)
    judge(case.expect, observed, refused(process.observe(swap_on, tree.file), "EINVAL"))


@vm_only
@needs(Need.ROOT, Need.SWAP)
@answers("topo-swapon-acct")
def test_swapon_missing(process: Process, tree: Tree, judge: Judge) -> None:
    """That there is no file is told first (ENOENT)."""
    sandboxed = process.under(tree.layer(READ | WRITE, {}))
    control = refused(sandboxed.observe(swap_on, tree.file), "EACCES")
    observed = sandboxed.observe(swap_on, f"{tree.d1}/missing")
    judge(since(READ, Denied("ENOENT")), observed, control)
