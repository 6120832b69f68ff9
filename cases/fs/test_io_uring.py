# SPDX-License-Identifier: MIT
"""What is asked for by way of io_uring is asked for as by the system call of the same name.

Source: io_uring/fs.c, openclose.c, net.c, truncate.c call what the system calls do.
"""

import os
from collections.abc import Callable
from socket import AF_UNIX, SOCK_DGRAM, SOCK_STREAM

from cases.controls import though_denied
from cases.fs.everything import everything
from cases.fs.rights import serve
from suite.case import (
    FIONREAD, FS, Allowed, Denied, Facts, Judge, Need, Process, Ring, Row, Ruleset, Tree, answers,
    by_abi, covers, needs, since, table, unix,
)  # fmt: skip


class Operation(Row, frozen=True, kw_only=True):
    """What asks for one right on ``d1`` or on what is in it."""

    covers: FS
    needs: tuple[Need, ...] = (Need.URING,)
    call: Callable[[Process, Ring, Tree], object]
    prepare: Callable[[Process, Tree], object] = lambda process, tree: None


def truncate(process: Process, ring: Ring, tree: Tree) -> None:
    ring.ftruncate(process, process.open(tree.file, os.O_WRONLY))


def bind(process: Process, ring: Ring, tree: Tree) -> None:
    ring.bind(process, process.socket(AF_UNIX, SOCK_DGRAM), unix(f"{tree.d1}/new"))


def connect(process: Process, ring: Ring, tree: Tree) -> None:
    ring.connect(process, process.socket(AF_UNIX, SOCK_STREAM), unix(f"{tree.d1}/socket"))


OPERATIONS = {
    "openat": Operation(
        covers=FS.READ_FILE,
        call=lambda process, ring, tree: ring.openat(process, tree.file, os.O_RDONLY),
    ),
    "openat2": Operation(
        covers=FS.WRITE_FILE,
        call=lambda process, ring, tree: ring.openat2(process, tree.file, os.O_WRONLY),
    ),
    "openat-create": Operation(
        covers=FS.MAKE_REG,
        call=lambda process, ring, tree: ring.openat(
            process, f"{tree.d1}/new", os.O_WRONLY | os.O_CREAT
        ),
    ),
    "openat-truncate": Operation(
        covers=FS.TRUNCATE,
        call=lambda process, ring, tree: ring.openat(process, tree.file, os.O_WRONLY | os.O_TRUNC),
    ),
    "unlinkat": Operation(
        covers=FS.REMOVE_FILE,
        needs=(Need.URING_PATHS,),
        call=lambda process, ring, tree: ring.unlinkat(process, tree.file),
        answers="remove-io-uring",
    ),
    "mkdirat": Operation(
        covers=FS.MAKE_DIR,
        needs=(Need.URING_PATHS,),
        call=lambda process, ring, tree: ring.mkdirat(process, f"{tree.d1}/new"),
        answers="remove-io-uring",
    ),
    "symlinkat": Operation(
        covers=FS.MAKE_SYM,
        needs=(Need.URING_PATHS,),
        call=lambda process, ring, tree: ring.symlinkat(process, "nowhere", f"{tree.d1}/new"),
        answers="remove-io-uring",
    ),
    "linkat": Operation(
        covers=FS.MAKE_REG,
        needs=(Need.URING_PATHS,),
        call=lambda process, ring, tree: ring.linkat(process, tree.file, f"{tree.d1}/new"),
        answers="remove-io-uring",
    ),
    "renameat": Operation(
        covers=FS.REMOVE_FILE,
        needs=(Need.URING_PATHS,),
        call=lambda process, ring, tree: ring.renameat(process, tree.file, f"{tree.d1}/new"),
        answers="remove-io-uring",
    ),
    "ftruncate": Operation(
        covers=FS.TRUNCATE,
        needs=(Need.URING_FTRUNCATE,),
        call=truncate,
        answers="trunc-io-uring",
    ),
    "bind": Operation(
        covers=FS.MAKE_SOCK,
        needs=(Need.URING_BIND,),
        call=bind,
    ),
    "connect": Operation(
        covers=FS.RESOLVE_UNIX,
        call=connect,
        prepare=serve,
        answers="unix-io-uring-connect",
    ),
}


@table(OPERATIONS)
def test_operation(case: Operation, process: Process, tree: Tree, judge: Judge) -> None:
    """An operation asks for the right that the system call of its name asks for."""
    twin = tree.twin()
    case.prepare(process, tree)
    case.prepare(process, twin)
    ring = process.uring()
    control = process.observe(case.call, ring, twin)
    observed = process.under(Ruleset(fs=case.covers)).observe(case.call, ring, tree)
    judge(since(case.covers, Denied("EACCES")), observed, control)


@table({f"{name}-with-rule": row for name, row in OPERATIONS.items()})
def test_operation_with_a_rule(case: Operation, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule that allows the right allows the operation."""
    case.prepare(process, tree)
    ring = process.uring()
    sandboxed = process.under(tree.layer(case.covers, {"d1": case.covers}))
    judge(since(case.covers, Allowed()), sandboxed.observe(case.call, ring, tree))


@answers("trunc-io-uring")
@needs(Need.URING_FTRUNCATE)
@covers(FS.TRUNCATE)
def test_ftruncate_of_a_file_opened_before(process: Process, tree: Tree, judge: Judge) -> None:
    """A file that was opened outside of the domain may be truncated."""
    ring = process.uring()
    fd = process.open(tree.file, os.O_WRONLY)
    sandboxed = process.under(Ruleset(fs=FS.TRUNCATE))
    judge(since(FS.TRUNCATE, Allowed()), sandboxed.observe(ring.ftruncate, fd))


class Reparenting(Row, frozen=True, kw_only=True):
    """What takes a file from ``d1`` to ``d2``."""

    call: Callable[[Process, Ring, Tree], object]


REPARENTING = {
    "renameat-to-another-folder": Reparenting(
        call=lambda process, ring, tree: ring.renameat(process, tree.file, f"{tree.d2}/new")
    ),
    "linkat-to-another-folder": Reparenting(
        call=lambda process, ring, tree: ring.linkat(process, tree.file, f"{tree.d2}/new")
    ),
}


@answers("refer-io-uring", "remove-io-uring")
@needs(Need.URING_PATHS)
@covers(FS.REFER)
@table(REPARENTING)
def test_reparenting(
    case: Reparenting, facts: Facts, process: Process, tree: Tree, judge: Judge
) -> None:
    """Reparenting is denied as to the system calls: always before there was REFER."""
    ring = process.uring()
    control = process.observe(case.call, ring, tree.twin())
    sandboxed = process.under(everything(facts))
    expect = by_abi(lambda abi: Denied("EXDEV" if abi < FS.REFER.since else "EACCES"), FS.REFER)
    judge(expect, sandboxed.observe(case.call, ring, tree), control)


@answers("ioctl-uring-cmd-bypass", "gap-uring-commands")
@needs(Need.URING_COMMAND)
@covers(FS.IOCTL_DEV)
def test_command_of_a_driver(process: Process, judge: Judge) -> None:
    """No hook sees a command that a driver is given by io_uring.

    Source: security_uring_cmd() in security/security.c, which Landlock does not implement.
    """
    ring = process.uring()
    sandboxed = process.under(Ruleset(fs=FS.IOCTL_DEV))
    fd = sandboxed.open("/dev/null", os.O_RDONLY)
    direct = sandboxed.observe(Process.ioctl, fd, FIONREAD)
    by_ring = sandboxed.observe(ring.command, fd)
    judge(since(FS.IOCTL_DEV, Allowed()), though_denied(direct, by_ring))
