# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_IOCTL_DEV and terminals, whose other end is opened by a command.

Source: hook_file_open() and hook_file_ioctl() in security/landlock/fs.c; ptm_open_peer() in
drivers/tty/pty.c, which opens the peer by its path.
"""

import os

from cases.fs.ioctl import DENIED, WITHOUT_RULE
from suite.case import (
    CLONE_NEWNS, FS, Allowed, Call, Denied, Judge, Need, Out, Process, Ruleset, Tree, answers,
    covers, needs, since,
)  # fmt: skip
from suite.process.calls.ioctls import TCGETS, TIOCGPTN, TIOCGPTPEER, TIOCSPTLCK

pytestmark = needs(Need.DEVPTS)

READ_AND_WRITE = Ruleset(fs=FS.READ_FILE | FS.WRITE_FILE)
UNLOCK = bytes(4)


def terminals(process: Process, tree: Tree) -> str:
    """A folder with terminals of the case's own."""
    process.unshare(CLONE_NEWNS)
    process.mount("devpts", tree.d2, "devpts")
    return tree.d2


def open_master(process: Process, folder: str) -> Call:
    """The other end of a new terminal, which is number 0 if it is the folder's first."""
    fd = process.open(f"{folder}/ptmx", os.O_RDWR | os.O_NOCTTY)
    process.ioctl(fd, TIOCSPTLCK, UNLOCK)
    return fd


def ask_terminal(process: Process, path: str) -> None:
    process.ioctl(process.open(path, os.O_RDWR | os.O_NOCTTY), TCGETS, Out(64))


def ask_number(process: Process, folder: str) -> None:
    process.ioctl(process.open(f"{folder}/ptmx", os.O_RDWR | os.O_NOCTTY), TIOCGPTN, Out(4))


def open_peer(process: Process, master: Call) -> Call:
    return process.ioctl(master, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY)


def open_peer_and_ask(process: Process, master: Call) -> None:
    process.ioctl(open_peer(process, master), TCGETS, Out(64))


@answers("ioctl-isatty", "gap-ioctl-commands")
@covers(FS.IOCTL_DEV)
def test_terminal(process: Process, tree: Tree, judge: Judge) -> None:
    """A terminal that was opened in the domain does not answer TCGETS, as isatty(3) asks."""
    folder = terminals(process, tree)
    open_master(process, folder)
    control = process.observe(ask_terminal, f"{folder}/0")
    judge(DENIED, process.under(WITHOUT_RULE).observe(ask_terminal, f"{folder}/0"), control)


@answers("ioctl-openpty")
@covers(FS.IOCTL_DEV)
def test_new_terminal(process: Process, tree: Tree, judge: Judge) -> None:
    """A domain that opens a new terminal is not told its number, as openpty(3) asks."""
    folder = terminals(process, tree)
    control = process.observe(ask_number, folder)
    judge(DENIED, process.under(WITHOUT_RULE).observe(ask_number, folder), control)


@answers("ioctl-tiocgptpeer-needs-path-rights")
def test_peer(process: Process, tree: Tree, judge: Judge) -> None:
    """A command that opens a terminal needs the rights to open that path."""
    master = open_master(process, terminals(process, tree))
    control = process.observe(open_peer, master)
    expect = since(READ_AND_WRITE.fs, Denied("EACCES"))
    judge(expect, process.under(READ_AND_WRITE).observe(open_peer, master), control)


@answers("ioctl-tiocgptpeer-needs-path-rights")
def test_peer_with_rule(process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on the terminals' folder allows a command that opens one."""
    folder = terminals(process, tree)
    master = open_master(process, folder)
    ruleset = READ_AND_WRITE.allow(folder, READ_AND_WRITE.fs)
    expect = since(READ_AND_WRITE.fs, Allowed())
    judge(expect, process.under(ruleset).observe(open_peer, master))


@answers("ioctl-tiocgptpeer-new-fd-restricted")
@covers(FS.IOCTL_DEV)
def test_commands_of_a_peer(process: Process, tree: Tree, judge: Judge) -> None:
    """What a command opens in a domain is restricted, unlike what it was opened by."""
    master = open_master(process, terminals(process, tree))
    control = process.observe(open_peer_and_ask, master)
    sandboxed = process.under(WITHOUT_RULE)
    of_master = sandboxed.observe(Process.ioctl, master, TCGETS, Out(64))
    peer = sandboxed.observe(open_peer, master)
    observed = sandboxed.observe(open_peer_and_ask, master)
    first = next((o for o in (of_master.outcome, peer.outcome) if o != Allowed()), None)
    judge(DENIED, first or observed, control)
