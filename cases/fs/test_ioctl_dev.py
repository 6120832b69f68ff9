# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_IOCTL_DEV.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_IOCTL_DEV.
"""

import os
import stat
from collections.abc import Callable

from suite.packed import packed
from cases.fs.ioctl import (
    ALLOWED,
    DENIED,
    DEVICE,
    NULL,
    WITHOUT_RULE,
    ask_device,
    open_and_ask,
    open_device,
)
from suite.case import (
    FIONREAD, FS, O_PATH, Allowed, Argument, Call, Case, Denied, Int, Judge, Need, Out, Process,
    Row, Ruleset, Tree, answers, covers, needs, since, table,
)  # fmt: skip
from suite.process.calls.ioctls import FIGETBSZ, FIOASYNC, FIOCLEX, FIONBIO, FIONCLEX

RANDOM_DEVICE = os.makedev(1, 8)
O_IOCTL_ONLY = 3
"""An access mode that neither reads nor writes, though it needs the permissions of both."""


@answers("ioctl-preopened-fd")
@covers(FS.IOCTL_DEV)
def test_opened_before(process: Process, judge: Judge) -> None:
    """A device that was opened before the domain keeps its ioctl(2) commands."""
    fd = open_device(process)
    judge(ALLOWED, process.under(WITHOUT_RULE).observe(ask_device, fd))


@answers("ioctl-chr-denied", "ioctl-random-dev")
@covers(FS.IOCTL_DEV)
def test_opened_after(process: Process, judge: Judge) -> None:
    """A device that was opened in the domain refuses its driver's ioctl(2) commands."""
    control = process.observe(ask_device, open_device(process))
    sandboxed = process.under(WITHOUT_RULE)
    judge(DENIED, sandboxed.observe(ask_device, open_device(sandboxed)), control)


@answers("ioctl-fd-passed-out")
@covers(FS.IOCTL_DEV)
def test_opened_after_and_passed_out(process: Process, judge: Judge) -> None:
    """The refusal belongs to the open file: it holds in a process without a domain too."""
    control = process.observe(ask_device, open_device(process))
    sandboxed = process.under(WITHOUT_RULE)
    passed = sandboxed.give(open_device(sandboxed), process)
    judge(DENIED, process.observe(ask_device, passed), control)


@answers("ioctl-fd-passed-in")
@covers(FS.IOCTL_DEV)
def test_opened_outside_and_passed_in(process: Process, judge: Judge) -> None:
    """A device that a process without a domain opened may be asked in a domain."""
    sandboxed = process.under(WITHOUT_RULE)
    passed = process.give(open_device(process), sandboxed)
    judge(ALLOWED, sandboxed.observe(ask_device, passed))


@answers("ioctl-preopened-fd")
@covers(FS.IOCTL_DEV)
def test_opened_before_and_again(process: Process, judge: Judge) -> None:
    """What /proc/self/fd opens again is another open file: it counts as opened in the domain."""
    fd = open_device(process).value
    sandboxed = process.under(WITHOUT_RULE)
    control = process.observe(open_and_ask, f"/proc/self/fd/{fd}")
    judge(DENIED, sandboxed.observe(open_and_ask, f"/proc/self/fd/{fd}"), control)


@answers("ioctl-dup")
@covers(FS.IOCTL_DEV)
def test_duplicated(process: Process, judge: Judge) -> None:
    """dup(2) of a device that was opened in the domain is the same open file."""
    control = process.observe(open_and_ask)
    sandboxed = process.under(WITHOUT_RULE)
    judge(DENIED, sandboxed.observe(ask_device, sandboxed.dup(open_device(sandboxed))), control)


@answers("ioctl-opath")
@covers(FS.IOCTL_DEV)
def test_opened_as_a_path(process: Process, judge: Judge) -> None:
    """A device that was opened with O_PATH takes no ioctl(2) anyway, and says so as ever."""
    control = process.observe(open_and_ask)
    sandboxed = process.under(WITHOUT_RULE)
    observed = sandboxed.observe(ask_device, sandboxed.open(DEVICE, O_PATH))
    judge(since(FS.IOCTL_DEV, Denied("EBADF")), observed, control)


class Rule(Case, frozen=True, kw_only=True):
    """A ruleset for a device that is opened in its domain."""

    ruleset: Ruleset


RULES = {
    "rule-on-device": Rule(
        ruleset=WITHOUT_RULE.allow(DEVICE, FS.IOCTL_DEV),
        answers="ioctl-chr-allowed",
        expect=ALLOWED,
    ),
    # TRUNCATE is settled when the device is opened, too, and apart.
    "rule-on-device-without-truncate": Rule(
        ruleset=Ruleset(fs=FS.IOCTL_DEV | FS.TRUNCATE).allow(DEVICE, FS.IOCTL_DEV),
        answers="ioctl-chr-allowed",
        expect=ALLOWED,
    ),
    "rule-on-folder": Rule(
        ruleset=WITHOUT_RULE.allow("/dev", FS.IOCTL_DEV),
        answers="ioctl-chr-allowed",
        expect=ALLOWED,
    ),
    "rule-on-other-device": Rule(
        ruleset=WITHOUT_RULE.allow(NULL, FS.IOCTL_DEV),
        answers="ioctl-chr-denied",
        expect=DENIED,
    ),
    "right-not-handled": Rule(
        ruleset=Ruleset(fs=FS.EXECUTE),
        answers="ioctl-unhandled",
        expect=since(FS.EXECUTE, Allowed()),
    ),
}


@covers(FS.IOCTL_DEV)
@table(RULES)
def test_rule(case: Rule, process: Process, judge: Judge) -> None:
    """A rule on the device or on a folder above it allows its commands."""
    control = process.observe(open_and_ask)
    judge(case.expect, process.under(case.ruleset).observe(open_and_ask), control)


@answers("ioctl-device-by-path-not-devt")
@covers(FS.IOCTL_DEV)
@needs(Need.ROOT)
def test_same_device_elsewhere(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule is about a device's file: another file of the same device is not allowed by it."""
    another = make_device(process, tree)
    control = process.observe(open_and_ask, another)
    sandboxed = process.under(WITHOUT_RULE.allow("/dev", FS.IOCTL_DEV))
    at_the_rule = sandboxed.observe(open_and_ask)
    observed = sandboxed.observe(open_and_ask, another)
    judge(DENIED, observed if at_the_rule.outcome == Allowed() else at_the_rule, control)


class Mode(Case, frozen=True, kw_only=True):
    """A way to open a device that only IOCTL_DEV is allowed on."""

    flags: int


MODES = {
    "read-and-write": Mode(flags=os.O_RDWR, expect=DENIED),
    "ioctl-only": Mode(flags=O_IOCTL_ONLY, expect=ALLOWED),
}


@answers("ioctl-file-rule-without-rw")
@covers(FS.IOCTL_DEV)
@needs(Need.ROOT)
@table(MODES)
def test_access_mode(case: Mode, process: Process, tree: Tree, judge: Judge) -> None:
    """A device that may neither be read nor written can be opened for its commands alone."""
    device = make_device(process, tree)

    def use(process: Process) -> None:
        ask_device(process, process.open(device, case.flags))

    control = process.observe(use)
    ruleset = Ruleset(fs=FS.IOCTL_DEV | FS.READ_FILE | FS.WRITE_FILE).allow(device, FS.IOCTL_DEV)
    judge(case.expect, process.under(ruleset).observe(use), control)


def make_device(process: Process, tree: Tree) -> str:
    """Another file of the device."""
    path = f"{tree.d1}/device"
    process.mknod(path, stat.S_IFCHR, RANDOM_DEVICE)
    return path


class Command(Row, frozen=True, kw_only=True):
    """An ioctl(2) command on a device that was opened in the domain."""

    command: int
    argument: Argument = 0


OFF = packed("i", 0)
COMMANDS = {
    "fioclex": Command(command=FIOCLEX),
    "fionclex": Command(command=FIONCLEX),
    "fionbio": Command(command=FIONBIO, argument=OFF),
    "fioasync": Command(command=FIOASYNC, argument=OFF),
    "figetbsz": Command(command=FIGETBSZ, argument=Out(4)),
}


@answers("ioctl-masked-fd-cmds", "gap-ioctl-commands")
@covers(FS.IOCTL_DEV)
@table(COMMANDS)
def test_command(case: Command, process: Process, judge: Judge) -> None:
    """Commands that are about the file descriptor or the file system stay allowed."""
    sandboxed = process.under(WITHOUT_RULE)
    fd = open_device(sandboxed)
    judge(ALLOWED, sandboxed.observe(Process.ioctl, fd, case.command, case.argument))


class NoDevice(Row, frozen=True, kw_only=True):
    """Something that is opened in the domain and is no device."""

    open: Callable[[Process, Tree], Call | Int]


def named_pipe(process: Process, tree: Tree) -> Call:
    process.mkfifo(f"{tree.d1}/fifo")
    return process.open(f"{tree.d1}/fifo", os.O_RDWR)


def reopened_pipe(process: Process, _: Tree) -> Call:
    process.syscall("dup3", Int(process.pipe(), 0), 99, 0)
    return process.open("/proc/self/fd/99", os.O_RDONLY)


NO_DEVICES = {
    "regular-file": NoDevice(
        open=lambda process, tree: process.open(tree.file, os.O_RDONLY),
        answers="ioctl-regular-file",
    ),
    "pipe": NoDevice(
        open=lambda process, tree: Int(process.pipe(), 0),
        answers="ioctl-fifo",
    ),
    "reopened-pipe": NoDevice(
        open=reopened_pipe,
        answers="ioctl-fifo",
    ),
    "named-pipe": NoDevice(
        open=named_pipe,
        answers="ioctl-fifo",
    ),
    "socket": NoDevice(
        open=lambda process, tree: process.socketpair()[0],
        answers="ioctl-socket",
    ),
}


@covers(FS.IOCTL_DEV)
@table(NO_DEVICES)
def test_no_device(case: NoDevice, process: Process, tree: Tree, judge: Judge) -> None:
    """Regular files, pipes and sockets keep all of their commands."""
    sandboxed = process.under(WITHOUT_RULE)
    fd = case.open(sandboxed, tree)
    judge(ALLOWED, sandboxed.observe(Process.ioctl, fd, FIONREAD, Out(4)))
