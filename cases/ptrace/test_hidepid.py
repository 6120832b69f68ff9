# SPDX-License-Identifier: MIT
"""procfs that shows only what may be traced: to a domain, what is in it.

Source: Documentation/filesystems/proc.rst, "hidepid=ptraceable"; fs/proc/base.c,
proc_pid_lookup(), proc_pid_permission() and proc_pid_readdir().
"""

import os
import struct

from cases.ptrace.reach import RULESET
from suite.case import (
    CLONE_NEWNS, Allowed, Case, Denied, Judge, Need, Outcome, Process, Seen, Tree, answers, needs,
    own_memory, since, table,
)  # fmt: skip

pytestmark = own_memory


def mount(process: Process, tree: Tree) -> tuple[Process, str]:
    """A process and its own procfs."""
    outside = process.fork(CLONE_NEWNS)
    outside.mount("proc", tree.d1, "proc", 0, "hidepid=ptraceable")
    return outside, tree.d1


def read_status(process: Process, folder: str, pid: int) -> None:
    process.read_file(f"{folder}/{pid}/status")


class Looked(Case, frozen=True, kw_only=True):
    """Whether somebody outside looked at the process before: then its name is known."""

    before: bool


LOOKED = {
    "not-looked-up-before": Looked(before=False, expect=since(RULESET.features, Denied("ENOENT"))),
    "looked-up-before": Looked(before=True, expect=since(RULESET.features, Denied("EPERM"))),
}


@answers("ptr-hidepid4")
@needs(Need.MOUNT, Need.HIDEPID)
@table(LOOKED)
def test_outside(case: Looked, process: Process, tree: Tree, judge: Judge) -> None:
    """A process outside of the domain is not there, or known and closed."""
    outside, folder = mount(process, tree)
    pid = outside.getpid().value
    if case.before:
        outside.fork().read_file(f"{folder}/{pid}/status")
    sandboxed = outside.under(RULESET)
    observed = sandboxed.observe(read_status, folder, pid)
    judge(case.expect, observed.outcome, outside.fork().observe(read_status, folder, pid))


@answers("ptr-hidepid4")
@needs(Need.MOUNT, Need.HIDEPID)
def test_inside(process: Process, tree: Tree, judge: Judge) -> None:
    """A process in the domain, or in one nested in it, is there."""
    outside, folder = mount(process, tree)
    observed = outside.under(RULESET).observe(read_status_of_nested, folder)
    judge(since(RULESET.features, Allowed()), observed)


def read_status_of_nested(process: Process, folder: str) -> None:
    read_status(process, folder, process.under(RULESET).getpid().value)


@answers("ptr-hidepid4")
@needs(Need.MOUNT, Need.HIDEPID)
def test_listed(process: Process, tree: Tree, judge: Judge) -> None:
    """The folder lists the processes of the domain alone."""
    outside, folder = mount(process, tree)
    sandboxed = outside.fork()
    own, other = sandboxed.getpid().value, outside.getpid().value
    both = listed(sandboxed, folder, own, other)
    sandboxed.restrict(RULESET)
    control = Allowed() if both == Seen("own and other") else both
    judge(LISTED, listed(sandboxed, folder, own, other), control)


LISTED = since(RULESET.features, Seen("own"))


def listed(process: Process, folder: str, own: int, other: int) -> Outcome:
    """Which of two processes the folder lists."""
    names: set[str] = set()

    def read(process: Process) -> None:
        fd = process.open(folder, os.O_RDONLY)
        while (call := process.list_dir(fd)).value:
            names.update(entries(call.data[: call.value]))

    outcome = process.observe(read).outcome
    found = [what for what, pid in (("own", own), ("other", other)) if str(pid) in names]
    return outcome if outcome != Allowed() else Seen(" and ".join(found))


def entries(data: bytes) -> list[str]:
    """The names in what getdents64(2) gave."""
    names, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from("<H", data, at + 16)
        names.append(data[at + 19 : at + size].split(b"\0")[0].decode())
        at += size
    return names
