# SPDX-License-Identifier: MIT
"""What the log says of denied accesses to files: the right that lacked, and the file.

Source: Documentation/admin-guide/LSM/landlock.rst, "AUDIT_LANDLOCK_ACCESS"; security/lsm_audit.c,
audit_log_lsm_data().
"""

from collections.abc import Callable
from socket import AF_UNIX, SOCK_STREAM

from cases.accesses import ACCESSES
from cases.audit.logs import logged, logs, says, stats
from suite.case import (
    FS, AuditLog, Case, Judge, Need, Process, Ruleset, Tree, needs, split, table, unix, vm_only,
)  # fmt: skip


class Access(Case, frozen=True, kw_only=True):
    """A call on a folder that needs one right."""

    right: FS
    call: Callable[[Process, str], object]
    errno: str


def access(name: str, *objects: str, errno: str = "EACCES") -> Access:
    call = ACCESSES[name]
    blocker = call.right.labels[0]
    return Access(
        right=call.right,
        covers=call.right,
        call=call.call,
        errno=errno,
        expect=logged([call.right], says(*(f"blockers={blocker} {what}" for what in objects))),
        answers="aud-access-format",
    )


def of(path: str) -> str:
    return f'path="TREE{path}" dev="tmpfs" ino=INODE'


DEVICE = 'path="/dev/random" dev="devtmpfs" ino=INODE ioctlcmd=0x5200'
FOLDER, FILE = of("/d2"), of("/d2/file")
CASES = {
    "execute": access("fs-execute", of("/d2/program")),
    "write-file": access("fs-write-file", FILE),
    "read-file": access("fs-read-file", FILE),
    "read-dir": access("fs-read-dir", FOLDER),
    "remove-dir": access("fs-remove-dir", FOLDER),
    "remove-file": access("fs-remove-file", FOLDER),
    "make-char": access("fs-make-char", FOLDER),
    "make-dir": access("fs-make-dir", FOLDER),
    "make-reg": access("fs-make-reg", FOLDER),
    "make-sock": access("fs-make-sock", FOLDER),
    "make-fifo": access("fs-make-fifo", FOLDER),
    "make-block": access("fs-make-block", FOLDER),
    "make-sym": access("fs-make-sym", FOLDER),
    "refer": access("fs-refer", FOLDER, of(""), errno="EXDEV"),
    "truncate": access("fs-truncate", FILE),
    "ioctl-dev": access("fs-ioctl-dev", DEVICE),
    "resolve-unix": access("fs-resolve-unix", of("/d2/socket")),
}


def named(tree: Tree) -> tuple[str, ...]:
    """What records may name."""
    inside = (f"{tree.d2}/{name}" for name in ("file", "program", "socket"))
    return tree.path, tree.d2, *inside, "/dev/random"


@vm_only
@needs(Need.AUDIT)
@table(split("aud-file", CASES))
def test_blocker(case: Access, process: Process, tree: Tree, judge: Judge) -> None:
    """A denied access is logged with the right that lacks, and with what it is on."""
    for folder in (tree.d1, tree.d2):
        tree.program(f"{folder}/program")
        process.server(AF_UNIX, SOCK_STREAM, unix(f"{folder}/socket"))
    control = process.observe(case.call, tree.d1)
    with AuditLog(process) as log:
        denied = process.under(Ruleset(fs=case.right)).observe(case.call, tree.d2)
        accesses, files = log.accesses(), stats(process, *named(tree))
    observed = logs(accesses, denied, case.errno, {tree.path: "TREE"}, files)
    judge(case.expect, observed, control)
