# SPDX-License-Identifier: MIT
"""What no rule can name: pipes, sockets, memory files, namespaces, shared memory.

Source: is_access_to_paths_allowed() in security/landlock/fs.c, at is_nouser_or_private() and
MNT_INTERNAL.
"""

import mmap
import os
import socket
from collections.abc import Callable

from cases.controls import refused
from cases.fs.everything import everything
from suite.case import (
    FS, Allowed, Call, Case, Denied, Facts, Int, Judge, Need, Process, Row, Tree, answers, covers,
    needs, own_memory, since, table,
)  # fmt: skip

ALLOWED = since(FS.READ_FILE, Allowed())
MFD_HUGETLB = 4
IPC_PRIVATE, IPC_CREAT, IPC_RMID, SHM_EXEC = 0, 0o1000, 0, 0o100000
MAP_FIXED_NOREPLACE = 0x100000
ADDRESS, SIZE = 0x20000000, 0x10000
"""Where a case maps something, and how much: whole pages on every architecture."""


class Opened(Row, frozen=True, kw_only=True):
    """A path through a link of /proc, to what is there before the domain."""

    path: Callable[[Process], str]
    flags: int = os.O_RDONLY


def by_fd(make: Callable[[Process], Call | Int]) -> Callable[[Process], str]:
    """The path of what has a file descriptor."""
    return lambda process: f"/proc/self/fd/{process.dup(make(process)).value}"


def pipe(process: Process) -> Int:
    return Int(process.pipe(), 0)


def memfd(process: Process) -> Call:
    return process.memfd_create()


def huge_memfd(process: Process) -> Call:
    return process.syscall("memfd_create", "", MFD_HUGETLB)


OPENED = {
    "pipe-to-read": Opened(path=by_fd(pipe), answers=("special-pipe-reopen", "gap-special-files")),
    "pipe-to-write": Opened(
        path=by_fd(pipe), flags=os.O_WRONLY, answers=("special-pipe-reopen", "gap-special-files")
    ),
    "pipe-to-read-and-write": Opened(
        path=by_fd(pipe), flags=os.O_RDWR, answers=("special-pipe-reopen", "gap-special-files")
    ),
    "memfd-to-read": Opened(path=by_fd(memfd), answers="special-memfd-reopen"),
    "memfd-to-read-and-write": Opened(
        path=by_fd(memfd), flags=os.O_RDWR, answers="special-memfd-reopen"
    ),
    "memfd-to-truncate": Opened(
        path=by_fd(memfd), flags=os.O_WRONLY | os.O_TRUNC, answers="special-memfd-reopen"
    ),
    "memfd-of-huge-pages": Opened(
        path=by_fd(huge_memfd),
        flags=os.O_RDWR,
        needs=(Need.HUGETLB,),
        answers="special-memfd-reopen",
    ),
    "mount-namespace": Opened(
        path=lambda process: "/proc/self/ns/mnt", answers=("special-nsfs-proc", "gap-special-files")
    ),
    "network-namespace": Opened(
        path=lambda process: "/proc/self/ns/net", answers=("special-nsfs-proc", "gap-special-files")
    ),
    "uts-namespace": Opened(
        path=lambda process: "/proc/self/ns/uts", answers=("special-nsfs-proc", "gap-special-files")
    ),
}


@covers(FS.READ_FILE, FS.WRITE_FILE)
@table(OPENED)
def test_opened(case: Opened, facts: Facts, process: Process, judge: Judge) -> None:
    """What is on a mount that the kernel keeps to itself can be opened in every domain."""
    path = case.path(process)
    judge(ALLOWED, process.under(everything(facts)).observe(Process.open, path, case.flags))


@answers("special-nsfs-proc", "gap-special-files")
@covers(FS.READ_FILE)
def test_beside_namespaces(facts: Facts, process: Process, judge: Judge) -> None:
    """What is in /proc itself can't."""
    action = (Process.open, "/proc/self/status", os.O_RDONLY)
    observed = process.under(everything(facts)).observe(*action)
    judge(since(FS.READ_FILE, Denied("EACCES")), observed, process.observe(*action))


def end_of_a_pair(process: Process) -> Int:
    return process.socketpair(socket.SOCK_STREAM)[0]


def secret_memory(process: Process) -> Call:
    return process.syscall("memfd_secret", 0)


NOT_OPENED = {
    "socket": Opened(path=by_fd(end_of_a_pair)),
    # The inode that these share belongs to root: to others its mode says no (EACCES).
    "eventfd": Opened(path=by_fd(Process.eventfd), needs=(Need.ROOT,)),
    "epoll": Opened(path=by_fd(Process.epoll_create), needs=(Need.ROOT,)),
    "secret-memory": Opened(
        path=by_fd(secret_memory), needs=(Need.SECRET_MEMORY,), own_memory=True
    ),
}


@answers("special-socket-anon-reopen")
@covers(FS.READ_FILE)
@table(NOT_OPENED)
def test_not_opened(case: Opened, facts: Facts, process: Process, judge: Judge) -> None:
    """What can't be opened by a path at all is refused as without a domain (ENXIO)."""
    action = (Process.open, case.path(process), case.flags)
    control = refused(process.observe(*action), "ENXIO")
    observed = process.under(everything(facts)).observe(*action)
    judge(since(FS.READ_FILE, Denied("ENXIO")), observed, control)


class Shared(Row, frozen=True, kw_only=True):
    """How memory is shared."""

    call: Callable[[Process], object]


def attach(process: Process, address: int = 0, flags: int = 0) -> None:
    segment = process.syscall("shmget", IPC_PRIVATE, SIZE, 0o700 | IPC_CREAT)
    process.syscall("shmat", segment, address, flags)
    process.syscall("shmctl", segment, IPC_RMID, 0)


def map_anonymous(process: Process) -> None:
    flags = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS
    process.syscall("mmap", 0, SIZE, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)


SHARED = {
    "sysv-memory": Shared(call=attach, needs=(Need.SYSVIPC,)),
    "sysv-memory-executable": Shared(
        call=lambda process: attach(process, flags=SHM_EXEC), needs=(Need.SYSVIPC,)
    ),
    "anonymous-memory": Shared(call=map_anonymous),
}


@answers("special-sysv-shm", "gap-ipc")
@covers(FS.READ_FILE, FS.WRITE_FILE, FS.EXECUTE)
@table(SHARED)
@own_memory
def test_shared(case: Shared, facts: Facts, process: Process, judge: Judge) -> None:
    """Memory can be shared in every domain."""
    judge(ALLOWED, process.under(everything(facts)).observe(case.call))


class Mapped(Case, frozen=True, kw_only=True):
    """What is mapped at ``ADDRESS`` before the domain."""

    map: Callable[[Process, Tree], object]


def map_file(process: Process, tree: Tree) -> None:
    flags = mmap.MAP_SHARED | MAP_FIXED_NOREPLACE
    fd = process.open(tree.file, os.O_RDWR)
    process.syscall("mmap", ADDRESS, SIZE, mmap.PROT_READ, flags, fd, 0)


MAPPED = {
    "mapped-sysv-memory": Mapped(
        map=lambda process, tree: attach(process, ADDRESS), expect=ALLOWED
    ),
    "mapped-file": Mapped(map=map_file, expect=since(FS.READ_FILE, Denied("EACCES"))),
}


@answers("special-map-files")
@needs(Need.MAP_FILES, Need.SYSVIPC)
@covers(FS.READ_FILE, FS.WRITE_FILE)
@table(MAPPED)
@own_memory
def test_map_files(case: Mapped, facts: Facts, process: Process, tree: Tree, judge: Judge) -> None:
    """What is mapped can be opened by /proc/self/map_files as by its path, if it has one."""
    case.map(process, tree)
    path = f"/proc/self/map_files/{ADDRESS:x}-{ADDRESS + SIZE:x}"
    control = process.observe(Process.open, path, os.O_RDWR)
    observed = process.under(everything(facts)).observe(Process.open, path, os.O_RDWR)
    judge(case.expect, observed, control)
