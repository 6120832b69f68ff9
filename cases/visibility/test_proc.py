# SPDX-License-Identifier: MIT
"""No file of the kernel tells that a process is in a domain.

Source: security/landlock/ makes no file; proc_pid_status() in fs/proc/array.c.
"""

import os
import struct

from suite.case import FS, Allowed, Judge, Need, Process, Row, Ruleset, Seen, answers, since, table

WRITE = Ruleset(fs=FS.WRITE_FILE)
NOWHERE = since(FS.WRITE_FILE, Seen("nowhere"))
_ENTRY = struct.Struct("<QqHB")
"""The head of a struct linux_dirent64."""


class Folder(Row, frozen=True, kw_only=True):
    """Where a file could be."""

    path: str


FOLDERS = {
    "process": Folder(path="/proc/self", answers="vis-proc-other"),
    "thread": Folder(path="/proc/thread-self", answers="vis-proc-other"),
    "attributes": Folder(path="/proc/self/attr", answers="vis-proc-attr"),
    "proc": Folder(path="/proc", answers="vis-proc-other"),
    "sysctls": Folder(path="/proc/sys/kernel", answers="vis-proc-other"),
    "securityfs": Folder(
        path="/sys/kernel/security", needs=(Need.SECURITYFS,), answers="vis-proc-other"
    ),
}


def names(process: Process, path: str, found: list[str]) -> None:
    """Of all that is in a folder."""
    fd = process.open(path, os.O_RDONLY | os.O_DIRECTORY)
    while size := (call := process.list_dir(fd)).value:
        data = call.data[:size]
        while data:
            _, _, length, _ = _ENTRY.unpack_from(data)
            found.append(data[_ENTRY.size : length].split(b"\0")[0].decode())
            data = data[length:]


@table(FOLDERS)
def test_files(case: Folder, process: Process, judge: Judge) -> None:
    """No file is called after Landlock."""
    found: list[str] = []
    outcome = process.under(WRITE).observe(names, case.path, found).outcome
    named = [name for name in found if "landlock" in name.lower()]
    observed = Seen(" ".join(named) or "nowhere") if found else Seen("no file at all")
    judge(NOWHERE, observed if outcome == Allowed() else outcome)


def fields(process: Process, found: list[str]) -> None:
    """The names of what the kernel says of a process."""
    text = process.read_file("/proc/self/status").decode()
    found += [line.split(":")[0] for line in text.splitlines()]


@answers("vis-proc-status")
def test_status(process: Process, judge: Judge) -> None:
    """/proc/PID/status has the same fields in a domain, and none is Landlock's."""
    free: list[str] = []
    sandboxed: list[str] = []
    process.observe(fields, free)
    outcome = process.under(WRITE).observe(fields, sandboxed).outcome
    new = [name for name in sandboxed if name not in free or "landlock" in name.lower()]
    observed = Seen(" ".join(new) or "nowhere") if free else Seen("no field at all")
    judge(NOWHERE, observed if outcome == Allowed() else outcome)
