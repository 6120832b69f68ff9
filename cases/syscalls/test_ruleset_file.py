# SPDX-License-Identifier: MIT
"""What a ruleset's file descriptor is as a file: nothing to read, to write or to map.

Source: ruleset_fops and landlock_create_ruleset() in security/landlock/syscalls.c; fs/
anon_inodes.c.
"""

import fcntl
import mmap
import os
import select
from collections.abc import Callable

from suite.packed import packed
from cases.syscalls.memory import UNMAPPED
from suite.case import (
    FIONREAD, FS, O_PATH, RULE_PATH_BENEATH, Allowed, ByBug, Call, Case, Denied, Expectation, Fd,
    Judge, Need, Out, Outcome, Pack, Process, Rejected, Ruleset, Seen, Tree, answers, by_abi, needs,
    own_memory, path_beneath, since, table,
)  # fmt: skip
from suite.landlock.bugs import RULESET_LINK
from suite.process.calls.ioctls import FIOCLEX, FIONBIO, FIONCLEX

READ = Ruleset(fs=FS.READ_FILE)
NUMBER = 200
BY_NUMBER = f"/proc/self/fd/{NUMBER}"
EPOLL_CTL_ADD = 1
NOW = bytes(16)
"""A struct timespec of 0 s."""


def vector(size: int) -> Pack:
    """A struct iovec of a buffer."""
    return Pack(((8, bytes(8)), (8, size)))


def poll(process: Process, fd: Fd, events: int) -> Call:
    pollfd = Pack(((4, fd), (2, events), (2, 0)))
    return process.syscall("ppoll", pollfd, 1, NOW, None, 8)


def watch(process: Process, fd: Fd) -> None:
    event = packed("IQ", select.EPOLLIN, 0).ljust(16, b"\0")
    process.syscall("epoll_ctl", process.epoll_create(), EPOLL_CTL_ADD, fd, event)


def copy(process: Process, fd: Fd) -> None:
    memory = process.memfd_create()
    process.syscall("copy_file_range", fd, None, memory, None, 8, 0)


def read_only(process: Process) -> Call:
    """A file that is open for reading only, and lies where files can be leased, as in no ramfs."""
    memory = process.memfd_create()
    process.dup_to(memory, NUMBER)
    fd = process.open(BY_NUMBER, os.O_RDONLY)
    process.close(NUMBER)
    process.close(memory)
    return fd


class Use(Case, frozen=True, kw_only=True):
    """A call on the ruleset's file descriptor."""

    call: Callable[[Process, Fd], object]
    ordinary: Callable[[Process], Fd] | None = Process.memfd_create
    """A file that the call is good for, if there is one."""


def owed(outcome: Outcome) -> Expectation:
    return by_abi(lambda _: outcome)


def denied(
    call: Callable[[Process, Fd], object],
    errno: str,
    answers: str,
    ordinary: Callable[[Process], Fd] | None = Process.memfd_create,
    needs: tuple[Need, ...] = (),
) -> Use:
    return Use(
        call=call, expect=owed(Denied(errno)), answers=answers, ordinary=ordinary, needs=needs
    )


def gives(call: Callable[[Process, Fd], object], value: int, answers: str) -> Use:
    return Use(call=call, expect=owed(Allowed(value)), answers=answers)


CASES = {
    "getfd": gives(lambda p, fd: p.fcntl(fd, fcntl.F_GETFD), fcntl.FD_CLOEXEC, "sys-fd-cloexec"),
    "getfl": gives(lambda p, fd: p.fcntl(fd, fcntl.F_GETFL), os.O_RDWR, "sys-fd-getfl"),
    "read": denied(lambda p, fd: p.read(fd, 8), "EINVAL", "sys-fd-read"),
    "read-nothing": denied(lambda p, fd: p.syscall("read", fd, 0, 0), "EINVAL", "sys-fd-read"),
    "read-unmapped": denied(
        lambda p, fd: p.syscall("read", fd, UNMAPPED, 8), "EINVAL", "sys-fd-read", None
    ),
    "readv": denied(lambda p, fd: p.syscall("readv", fd, vector(8), 1), "EINVAL", "sys-fd-read"),
    "write": denied(lambda p, fd: p.write(fd, b"x"), "EINVAL", "sys-fd-write"),
    "write-nothing": denied(lambda p, fd: p.syscall("write", fd, 0, 0), "EINVAL", "sys-fd-write"),
    "write-unmapped": denied(
        lambda p, fd: p.syscall("write", fd, UNMAPPED, 8), "EINVAL", "sys-fd-write", None
    ),
    "writev": denied(lambda p, fd: p.syscall("writev", fd, vector(8), 1), "EINVAL", "sys-fd-write"),
    "pread": denied(
        lambda p, fd: p.syscall("pread64", fd, Out(8), 8, 0), "ESPIPE", "sys-fd-pread-lseek"
    ),
    "pwrite": denied(
        lambda p, fd: p.syscall("pwrite64", fd, b"x", 1, 0), "ESPIPE", "sys-fd-pread-lseek"
    ),
    "lseek": denied(lambda p, fd: p.lseek(fd, 0), "ESPIPE", "sys-fd-pread-lseek"),
    "mmap": denied(lambda p, fd: p.map_shared(fd, mmap.PROT_READ), "ENODEV", "sys-fd-mmap"),
    "fionread": denied(lambda p, fd: p.ioctl(fd, FIONREAD, Out(4)), "ENOTTY", "sys-fd-ioctl"),
    "fionbio": gives(lambda p, fd: p.ioctl(fd, FIONBIO, bytes(4)), 0, "sys-fd-ioctl"),
    "fioclex": gives(lambda p, fd: p.ioctl(fd, FIOCLEX), 0, "sys-fd-ioctl"),
    "fionclex": gives(lambda p, fd: p.ioctl(fd, FIONCLEX), 0, "sys-fd-ioctl"),
    "poll-in": gives(lambda p, fd: poll(p, fd, select.POLLIN), 1, "sys-fd-poll"),
    "poll-out": gives(lambda p, fd: poll(p, fd, select.POLLOUT), 1, "sys-fd-poll"),
    "epoll": denied(watch, "EPERM", "sys-fd-epoll", Process.eventfd),
    "ftruncate": denied(lambda p, fd: p.ftruncate(fd), "EINVAL", "sys-fd-misc"),
    "fsync": denied(lambda p, fd: p.syscall("fsync", fd), "EINVAL", "sys-fd-misc"),
    "copy-file-range": denied(copy, "EINVAL", "sys-fd-misc"),
    "flock": gives(lambda p, fd: p.syscall("flock", fd, fcntl.LOCK_EX), 0, "sys-fd-flock"),
}


def check(case: Use, process: Process, judge: Judge) -> None:
    """Make the call on the ruleset, and on an ordinary file as a control."""
    control = None
    if case.ordinary:
        control = process.observe(case.call, process.dup_to(case.ordinary(process), NUMBER))
    fd = process.dup_to(process.build(READ), NUMBER)
    judge(case.expect, process.observe(case.call, fd).with_value, control)


# Others than root may lease nothing of root's, and open none of its files again: all anonymous
# files are root's.
OF_ROOT = {
    "setlease": denied(
        lambda p, fd: p.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK),
        "EINVAL",
        "sys-fd-misc",
        read_only,
        needs=(Need.FILE_LEASES,),
    ),
    "reopen": denied(lambda p, fd: p.open(BY_NUMBER, os.O_RDWR), "ENXIO", "sys-fd-reopen"),
    "reopen-read-only": denied(
        lambda p, fd: p.open(BY_NUMBER, os.O_RDONLY), "ENXIO", "sys-fd-reopen"
    ),
    "reopen-write-only": denied(
        lambda p, fd: p.open(BY_NUMBER, os.O_WRONLY), "ENXIO", "sys-fd-reopen"
    ),
}


@needs(Need.ROOT)
@table(OF_ROOT)
def test_call_of_root(case: Use, process: Process, judge: Judge) -> None:
    """A ruleset can't be leased, nor opened again."""
    check(case, process, judge)


@table(CASES)
@own_memory
def test_call(case: Use, process: Process, judge: Judge) -> None:
    """A ruleset can be polled and locked as other anonymous files, and is good for nothing else."""
    check(case, process, judge)


def link(process: Process) -> str:
    """Where the link of the file descriptor in /proc leads to."""
    call = process.readlink(BY_NUMBER)
    return call.data[: call.value].decode()


def text_of(process: Process, ask: Callable[[Process], str]) -> Outcome:
    """What asking about a ruleset's file descriptor tells, or how it failed."""

    def ask_ruleset(process: Process) -> None:
        process.dup_to(process.build(READ), NUMBER)
        told.append(ask(process))

    told: list[str] = []
    outcome = process.observe(ask_ruleset).outcome
    return Seen(told[0]) if told else outcome


BARE, BRACKETED = Seen("anon_inode:landlock-ruleset"), Seen("anon_inode:[landlock-ruleset]")


@answers("sys-fd-link", "llr-25")
def test_link(process: Process, judge: Judge) -> None:
    """Its link in /proc names a Landlock ruleset, in brackets but for the first releases."""
    named = since(FS.READ_FILE, ByBug(RULESET_LINK, before=BARE, after=BRACKETED))
    judge(named, text_of(process, link))


def fdinfo(process: Process) -> str:
    """The fields of /proc/self/fdinfo that are about Landlock, or about rules."""
    content = process.read_file(f"/proc/self/fdinfo/{NUMBER}").decode()
    names = {line.partition(":")[0] for line in content.splitlines()}
    return " ".join(sorted(names - GENERIC_FIELDS)) or "generic fields only"


GENERIC_FIELDS = {"pos", "flags", "mnt_id", "ino"}


@answers("sys-fd-fdinfo")
def test_fdinfo(process: Process, judge: Judge) -> None:
    """/proc tells what it tells of any file descriptor, and nothing of the ruleset."""
    judge(owed(Seen("generic fields only")), text_of(process, fdinfo))


class Opened(Case, frozen=True, kw_only=True):
    """A use of the ruleset that was opened with O_PATH."""

    call: Callable[[Process, Fd, Fd], object]


def add_rule(process: Process, fd: Fd, folder: Fd) -> None:
    process.add_rule(fd, RULE_PATH_BENEATH, path_beneath(FS.READ_FILE, folder))


def restrict(process: Process, fd: Fd, folder: Fd) -> None:
    process.restrict_self(fd)


OPENED = {
    "o-path-add-rule": Opened(call=add_rule, expect=owed(Rejected("add_rule", "EBADF"))),
    "o-path-restrict-self": Opened(call=restrict, expect=owed(Rejected("restrict_self", "EBADF"))),
}


@answers("sys-fd-opath")
@table(OPENED)
def test_opened_for_its_path(case: Opened, process: Process, tree: Tree, judge: Judge) -> None:
    """Opened again with O_PATH, a ruleset is none to Landlock."""
    fd = process.dup_to(process.build(READ), NUMBER)
    folder = process.open(tree.path, O_PATH)
    process.no_new_privs()
    control = process.fork().observe(case.call, fd, folder)
    judge(case.expect, process.observe(case.call, process.open(BY_NUMBER, O_PATH), folder), control)
