# SPDX-License-Identifier: MIT
"""Landlock through the 32-bit entry of x86-64 (CONFIG_IA32_EMULATION).

Source: include/uapi/linux/landlock.h, whose structs hold no pointer; hook_file_ioctl_compat() and
is_masked_device_ioctl_compat() in security/landlock/fs.c.
"""

import os
import socket
from collections.abc import Callable

from cases.fs.ioctl import (
    ALLOWED,
    DENIED,
    NULL,
    SPACE,
    WITHOUT_RULE,
    command_compared,
    open_and_ask,
)
from cases.fs.moves import rename
from suite.case import (
    CREATE, FS, Allowed, Argument, Call, Case, Denied, Judge, Need, Pack, Process, Row, Ruleset,
    Tree, answers, by_abi, covers, needs, since, split, table, unix,
)  # fmt: skip
from suite.process.calls.ioctls import FIOCLEX, FIONBIO
from suite.process.calls.ioctls import (
    FICLONE,
    FIOQSIZE,
    FS_IOC32_GETFLAGS,
    FS_IOC32_SETFLAGS,
    FS_IOC_RESVSP64_32,
    FS_IOC_RESVSP_32,
    FS_IOC_UNRESVSP64_32,
    FS_IOC_UNRESVSP_32,
    FS_IOC_ZERO_RANGE_32,
    TCGETS,
)

pytestmark = needs(Need.COMPAT)

_SOCKETCALL_CONNECT = 3


def open_for_reading(process: Process, tree: Tree) -> None:
    process.open(tree.file, os.O_RDONLY)


def old_open(process: Process, tree: Tree) -> None:
    process.syscall("open", tree.file, os.O_RDONLY, 0)


def truncate64(process: Process, tree: Tree) -> None:
    process.syscall("truncate64", tree.file, 0, 0)


def ftruncate64(process: Process, tree: Tree) -> None:
    process.syscall("ftruncate64", process.open(tree.file, os.O_WRONLY), 0, 0)


def connect(process: Process, tree: Tree) -> None:
    process.connect(*client(process, tree))


def socketcall(process: Process, tree: Tree) -> None:
    fd, address = client(process, tree)
    arguments = Pack(((4, fd), (4, address), (4, len(address))))
    process.syscall("socketcall", _SOCKETCALL_CONNECT, arguments)


def client(process: Process, tree: Tree) -> tuple[Call, bytes]:
    """A socket, and the address of a server that is outside of any domain."""
    return process.socket(socket.AF_UNIX, socket.SOCK_STREAM), unix(f"{tree.d1}/socket")


class Action(Row, frozen=True, kw_only=True):
    """Something that needs rights on the tree."""

    call: Callable[[Process, Tree], object]
    rights: FS
    errno: str = "EACCES"


ACTIONS = {
    "openat": Action(call=open_for_reading, rights=FS.READ_FILE),
    "open": Action(call=old_open, rights=FS.READ_FILE),
    "truncate64": Action(call=truncate64, rights=FS.TRUNCATE),
    "ftruncate64": Action(call=ftruncate64, rights=FS.TRUNCATE),
    "renameat2": Action(call=rename(new="d1/new"), rights=FS.REMOVE_FILE | FS.MAKE_REG),
    "renameat2-reparent": Action(call=rename(), rights=FS.REFER, errno="EXDEV"),
    "connect": Action(call=connect, rights=FS.RESOLVE_UNIX),
    "socketcall-connect": Action(call=socketcall, rights=FS.RESOLVE_UNIX),
}


@table(ACTIONS)
def test_without_a_rule(
    case: Action, process: Process, process32: Process, tree: Tree, judge: Judge
) -> None:
    """A 32-bit process that enforced a domain is denied what no rule allows."""
    twin = tree.twin()
    for place in (tree, twin):
        process.server(socket.AF_UNIX, socket.SOCK_STREAM, unix(f"{place.d1}/socket"))
    control = process32.observe(case.call, twin)
    observed = process32.under(Ruleset(fs=case.rights)).observe(case.call, tree)
    judge(since(case.rights, Denied(case.errno)), observed, control)


WITH = {f"{name}-with-rule": row for name, row in ACTIONS.items()}


@table(WITH)
def test_with_a_rule(
    case: Action, process: Process, process32: Process, tree: Tree, judge: Judge
) -> None:
    """A rule that a 32-bit process made allows what it says."""
    process.server(socket.AF_UNIX, socket.SOCK_STREAM, unix(f"{tree.d1}/socket"))
    ruleset = tree.layer(case.rights, {"": case.rights})
    judge(since(case.rights, Allowed()), process32.under(ruleset).observe(case.call, tree))


@covers(CREATE.VERSION)
def test_version(process: Process, process32: Process, judge: Judge) -> None:
    """A 32-bit process is told the same ABI version."""
    told, told32 = (
        asker.observe(Process.create_ruleset, 0, 0, CREATE.VERSION).with_value
        for asker in (process, process32)
    )
    same = Allowed() if isinstance(told, Allowed) else told
    judge(by_abi(lambda _: Allowed()), same if told32 == told else told32)


def test_ruleset_from_a_64_bit_process(
    process: Process, process32: Process, tree: Tree, judge: Judge
) -> None:
    """A 32-bit process may enforce the ruleset that a 64-bit process made."""
    control = process32.observe(open_for_reading, tree)
    ruleset = process.give(process.build(Ruleset(fs=FS.READ_FILE)), process32)
    process32.no_new_privs()
    process32.enforce(ruleset)
    judge(since(FS.READ_FILE, Denied("EACCES")), process32.observe(open_for_reading, tree), control)


# ioctl(2) has a hook of its own for 32-bit callers, since some commands have other numbers there.


class Command(Case, frozen=True, kw_only=True):
    """An ioctl(2) command on a device that was opened in the domain."""

    command: int
    argument: Argument = SPACE


COMMANDS = {
    "fioclex": Command(command=FIOCLEX, expect=ALLOWED),
    "fionbio": Command(command=FIONBIO, expect=ALLOWED),
    "fioqsize": Command(command=FIOQSIZE, expect=ALLOWED),
    "ficlone": Command(command=FICLONE, argument=0, expect=ALLOWED),
    "tcgets": Command(command=TCGETS, expect=DENIED),
    "fs-ioc32-getflags": Command(command=FS_IOC32_GETFLAGS, expect=DENIED),
    "fs-ioc32-setflags": Command(command=FS_IOC32_SETFLAGS, expect=DENIED),
    "fs-ioc-resvsp-32": Command(command=FS_IOC_RESVSP_32, expect=DENIED),
    "fs-ioc-unresvsp-32": Command(command=FS_IOC_UNRESVSP_32, expect=DENIED),
    "fs-ioc-resvsp64-32": Command(command=FS_IOC_RESVSP64_32, expect=DENIED),
    "fs-ioc-unresvsp64-32": Command(command=FS_IOC_UNRESVSP64_32, expect=DENIED),
    "fs-ioc-zero-range-32": Command(command=FS_IOC_ZERO_RANGE_32, expect=DENIED),
}


@answers("ioctl-compat-denied", "ioctl-compat-masked")
@covers(FS.IOCTL_DEV)
@table(split("ioctl-compat", COMMANDS))
def test_command(case: Command, process32: Process, judge: Judge) -> None:
    """The commands of 32-bit programs are exempt where those of 64-bit programs are."""
    sandboxed = process32.under(WITHOUT_RULE)
    judge(case.expect, command_compared(process32, sandboxed, NULL, case.command, case.argument))


@answers("ioctl-compat-denied")
@covers(FS.IOCTL_DEV)
def test_driver_command(process32: Process, judge: Judge) -> None:
    """A device that was opened in the domain refuses its driver's commands to a 32-bit program."""
    control = process32.observe(open_and_ask)
    judge(DENIED, process32.under(WITHOUT_RULE).observe(open_and_ask), control)


@covers(FS.IOCTL_DEV)
def test_driver_command_with_rule(process32: Process, judge: Judge) -> None:
    """A rule on its folder allows a device's commands to a 32-bit program."""
    ruleset = WITHOUT_RULE.allow("/dev", FS.IOCTL_DEV)
    judge(ALLOWED, process32.under(ruleset).observe(open_and_ask))
