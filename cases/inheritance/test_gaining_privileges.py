# SPDX-License-Identifier: MIT
"""Programs that give privileges: set-user-ID ones, and ones with file capabilities.

Source: Documentation/userspace-api/no_new_privs.rst; Documentation/userspace-api/landlock.rst,
"Enforcing a ruleset"; cap_bprm_creds_from_file() in security/commoncap.c.
"""

import os
import struct
from collections.abc import Callable

from suite.case import (
    FS, Allowed, Case, Denied, Judge, Need, Process, Ruleset, Tree, needs, own_memory, since, table,
)  # fmt: skip
from suite.process.uapi import CAP_SYS_CHROOT

pytestmark = own_memory

USER = 1000
WRITE = Ruleset(fs=FS.WRITE_FILE)
"""Not READ_FILE, which execve(2) needs too."""
GAINED, KEPT_OUT = since(FS.WRITE_FILE, Allowed()), since(FS.WRITE_FILE, Denied("EPERM"))
DENIED = since(FS.WRITE_FILE, Denied("EACCES"))
VFS_CAP_REVISION_2, VFS_CAP_EFFECTIVE = 0x02000000, 1


def set_user_id(process: Process, program: str) -> None:
    process.chmod(program, 0o4755)


def with_capability(process: Process, program: str) -> None:
    head = VFS_CAP_REVISION_2 | VFS_CAP_EFFECTIVE
    value = struct.pack("<5I", head, 1 << CAP_SYS_CHROOT, 0, 0, 0)
    process.set_xattr(program, "security.capability", value)


def with_no_new_privs(process: Process) -> None:
    process.restrict(WRITE)


def with_capability_alone(process: Process) -> None:
    process.enforce(process.build(WRITE))


class Program(Case, frozen=True, kw_only=True):
    """A program that gives privileges, and how who executes it was restricted."""

    make: Callable[[Process, str], None]
    restrict: Callable[[Process], None]


def become_and_execute(process: Process, folder: str) -> None:
    process.chdir(folder)
    process.setuid(USER)
    process.exec("./program")


def executed(case: Program, process: Process, tree: Tree) -> tuple[Process, Process]:
    """Images of the program, outside and inside of a domain, run by a user."""
    for path, mode in ((tree.d1, 0o755), (tree.file, 0o666)):
        process.chmod(path, mode)
    program = f"{tree.d1}/program"
    process.copy_file(tree.program(f"{tree.d2}/program"), program)
    process.chmod(program, 0o755)
    case.make(process, program)
    free, sandboxed = process.fork(), process.fork()
    case.restrict(sandboxed)
    for image in (free, sandboxed):
        become_and_execute(image, tree.d1)
    return free, sandboxed


GAINS = {
    "set-user-id": Program(
        make=set_user_id,
        restrict=with_capability_alone,
        expect=GAINED,
        answers="inh-exec-setuid-nonnp",
    ),
    "set-user-id-no-new-privs": Program(
        make=set_user_id, restrict=with_no_new_privs, expect=KEPT_OUT, answers="inh-exec-setuid-nnp"
    ),
    "file-capability": Program(
        make=with_capability,
        needs=(Need.SECURITY_XATTRS,),
        restrict=with_capability_alone,
        expect=GAINED,
        answers="inh-exec-filecaps",
    ),
    "file-capability-no-new-privs": Program(
        make=with_capability,
        needs=(Need.SECURITY_XATTRS,),
        restrict=with_no_new_privs,
        expect=KEPT_OUT,
        answers="inh-exec-filecaps",
    ),
}


@needs(Need.ROOT, Need.NO_NEW_PRIVS_UNSET)
@table(GAINS)
def test_privileges(case: Program, process: Process, tree: Tree, judge: Judge) -> None:
    """Who enforced a ruleset by capability still gains privileges, with no_new_privs nobody."""
    free, sandboxed = executed(case, process, tree)
    control = free.observe(Process.chroot, "/")
    judge(case.expect, sandboxed.observe(Process.chroot, "/"), control)


DENIALS = {
    f"{name}-is-restricted": Program(
        make=row.make,
        restrict=row.restrict,
        expect=DENIED,
        answers=row.answers,
        needs=row.needs,
    )
    for name, row in GAINS.items()
}


@needs(Need.ROOT, Need.NO_NEW_PRIVS_UNSET)
@table(DENIALS)
def test_domain(case: Program, process: Process, tree: Tree, judge: Judge) -> None:
    """Privileges gained or not, the domain stays."""
    free, sandboxed = executed(case, process, tree)
    control = free.observe(Process.open, "file", os.O_WRONLY)
    judge(case.expect, sandboxed.observe(Process.open, "file", os.O_WRONLY), control)
