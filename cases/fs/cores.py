# SPDX-License-Identifier: MIT
"""Processes that dump core."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from resource import RLIMIT_CORE

from suite.case import Allowed, Mode, Observation, Outcome, Process, Ruleset, Seen

_NO_LIMIT = (1 << 64) - 1
_DUMPED = 0x80  # of the status that wait4(2) gives
_ELF_HEADER = 64


def dump_core(process: Process, folder: str, *layers: Ruleset) -> Observation:
    """Let a child dump a small core in a folder, under these layers, and wait for its end."""
    child = process.fork()
    child.write_file("/proc/self/coredump_filter", b"0")  # no memory, or it would be megabytes
    child.limit(RLIMIT_CORE, _NO_LIMIT)
    child.chdir(folder)
    child.restrict(*layers)
    pid = child.getpid()
    with child.session.in_mode(Mode.DEATH):
        child.kill(pid, signal.SIGABRT)
    return process.observe(Process.wait, pid)


def core_file(process: Process, ended: Observation, path: str) -> Outcome:
    """Whether there is a core: ENOENT without a file, ENXIO if it ends before its content."""
    if ended.outcome != Allowed():
        return ended.outcome
    found = process.observe(_look_into, path).outcome
    told = bool(ended.calls[-1].data[0] & _DUMPED)
    return found if told == (found == Allowed()) else Seen("not what the parent is told")


def _look_into(process: Process, path: str) -> None:
    fd = process.open(path, os.O_RDONLY)
    process.syscall("lseek", fd, _ELF_HEADER, os.SEEK_DATA)


@contextmanager
def setting(process: Process, name: str, value: str) -> Iterator[None]:
    """Set a variable of kernel/ for the whole machine, and back in the end."""
    path = f"/proc/sys/kernel/{name}"
    before = process.read_file(path)
    _ = process.write_file(path, value.encode()).value
    try:
        yield
    finally:
        _ = process.write_file(path, before).value
