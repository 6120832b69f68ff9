# SPDX-License-Identifier: MIT
"""File descriptors that are no ruleset's.

Source: Documentation/userspace-api/landlock.rst, "Extending a ruleset" and "Enforcing a ruleset";
get_ruleset_from_fd() in security/landlock/syscalls.c.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass

from suite.case import (
    AT_FDCWD, FS, O_PATH, RESTRICT, RULE_PATH_BENEATH, Case, Fd, Int, Judge, Process, Rejected,
    Ruleset, Tree, by_abi, path_beneath, since, table, unix,
)  # fmt: skip

READ = Ruleset(fs=FS.READ_FILE)


def closed(process: Process, tree: Tree) -> Fd:
    # Not the lowest number, which whatever is opened next would get.
    fd = process.dup_to(process.open(tree.file, os.O_RDONLY), 200)
    process.close(fd)
    return fd


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A file descriptor, and how it is refused."""

    make: Callable[[Process, Tree], Fd]
    errno: str


WRONG = {
    "minus-one": Wrong(make=lambda p, t: -1, errno="EBADF"),
    "minus-two": Wrong(make=lambda p, t: -2, errno="EBADF"),
    "lowest-number": Wrong(make=lambda p, t: -1 << 31, errno="EBADF"),
    "closed": Wrong(make=closed, errno="EBADF"),
    "o-path": Wrong(make=lambda p, t: p.open(t.file, O_PATH), errno="EBADF"),
    "file": Wrong(make=lambda p, t: p.open(t.file, os.O_RDWR), errno="EBADFD"),
    "directory": Wrong(make=lambda p, t: p.open(t.path, os.O_RDONLY), errno="EBADFD"),
    "pipe": Wrong(make=lambda p, t: Int(p.pipe(), 0), errno="EBADFD"),
    "socket": Wrong(make=lambda p, t: p.socketpair()[0], errno="EBADFD"),
}


def add_rule(process: Process, fd: Fd) -> None:
    rule = path_beneath(FS.READ_FILE, process.open("/", O_PATH))
    process.add_rule(fd, RULE_PATH_BENEATH, rule)


def restrict_self(process: Process, fd: Fd) -> None:
    process.restrict_self(fd)


def restrict_self_quietly(process: Process, fd: Fd) -> None:
    process.restrict_self(fd, RESTRICT.LOG_SUBDOMAINS_OFF)


class Use(Case, frozen=True, kw_only=True):
    """A system call with a wrong file descriptor."""

    make: Callable[[Process, Tree], Fd]
    call: Callable[[Process, Fd], object]


def use(call: Callable[[Process, Fd], object], wrong: Wrong) -> Use:
    refused = Rejected("add_rule" if call is add_rule else "restrict_self", wrong.errno)
    expect = by_abi(lambda _: refused)
    if call is restrict_self_quietly:
        expect = since(RESTRICT.LOG_SUBDOMAINS_OFF, refused)
    area = "sys-ar-fd" if call is add_rule else "sys-rs"
    answers = f"{area}-{wrong.errno[1:].lower()}"
    return Use(make=wrong.make, call=call, expect=expect, answers=answers)


CASES = {
    f"{call.__name__.replace('_', '-')}-{name}": use(call, wrong)
    for call in (add_rule, restrict_self, restrict_self_quietly)
    for name, wrong in WRONG.items()
    if (call, name) != (restrict_self_quietly, "minus-one")  # stands for no ruleset there
}


@table(CASES)
def test_as_ruleset(case: Use, process: Process, tree: Tree, judge: Judge) -> None:
    """A closed file descriptor gives EBADF, one of something else than a ruleset EBADFD."""
    process.no_new_privs()
    process.build(READ)
    judge(case.expect, process.observe(case.call, case.make(process, tree)))


def bound_socket(process: Process, tree: Tree) -> Fd:
    return process.server(socket.AF_UNIX, socket.SOCK_STREAM, unix(f"{tree.path}/socket"))


def add_rule_beneath(process: Process, fd: Fd) -> None:
    process.add_rule(process.build(READ), RULE_PATH_BENEATH, path_beneath(FS.READ_FILE, fd))


def beneath(make: Callable[[Process, Tree], Fd], errno: str, answers: str) -> Use:
    refused = Rejected("add_rule", errno)
    return Use(
        make=make,
        call=add_rule_beneath,
        expect=by_abi(lambda _: refused),
        answers=(answers, f"sys-ar-parent-{errno[1:].lower()}"),
    )


PARENTS = {
    "parent-minus-one": beneath(lambda p, t: -1, "EBADF", "rule-badfd-ebadf"),
    "parent-closed": beneath(closed, "EBADF", "rule-badfd-ebadf"),
    "parent-at-fdcwd": beneath(lambda p, t: AT_FDCWD, "EBADF", "rule-at-fdcwd-ebadf"),
    "parent-pipe": beneath(lambda p, t: Int(p.pipe(), 0), "EBADFD", "rule-fd-pipe"),
    "parent-socket": beneath(lambda p, t: p.socketpair()[0], "EBADFD", "rule-fd-socket"),
    "parent-bound-socket": beneath(bound_socket, "EBADFD", "rule-fd-socket"),
    "parent-eventfd": beneath(lambda p, t: p.eventfd(), "EBADFD", "rule-fd-anon"),
    "parent-epoll": beneath(lambda p, t: p.epoll_create(), "EBADFD", "rule-fd-anon"),
    "parent-pidfd": beneath(lambda p, t: p.pidfd_open(p.getpid()), "EBADFD", "rule-fd-anon"),
    "parent-memfd": beneath(lambda p, t: p.memfd_create(), "EBADFD", "rule-fd-memfd"),
    "parent-namespace": beneath(
        lambda p, t: p.open("/proc/self/ns/mnt", os.O_RDONLY), "EBADFD", "rule-fd-nsfs"
    ),
    "parent-ruleset": beneath(lambda p, t: p.build(READ), "EBADFD", "rule-fd-ruleset"),
}


@table(PARENTS)
def test_as_parent(case: Use, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule is on a file or directory of a mounted file system: EBADFD for anything else."""
    control = process.observe(case.call, process.open(tree.path, O_PATH))
    judge(case.expect, process.observe(case.call, case.make(process, tree)), control)
