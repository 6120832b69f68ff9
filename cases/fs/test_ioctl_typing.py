# SPDX-License-Identifier: MIT
"""TIOCSTI, which types into a terminal, and TIOCLINUX, the commands of a virtual console.

What the kernel lets a process do without Landlock is the control: TIOCSTI may need CAP_SYS_ADMIN,
or not be there at all (dev.tty.legacy_tiocsti, since Linux 6.2).

Source: Documentation/userspace-api/landlock.rst, "IOCTL support"; tiocsti() in
drivers/tty/tty_io.c, tioclinux() in drivers/tty/vt/vt.c.
"""

import os
from collections.abc import Callable

from cases.fs.ioctl import ALLOWED, DENIED, WITHOUT_RULE
from cases.scope.terminals import Terminal, open_terminal
from cases.whole import whole
from suite.case import (
    FS, Allowed, Call, Case, Facts, Fd, Judge, Need, Observation, Outcome, Process, Row, Ruleset,
    Seen, Tree, answers, covers, needs, since, table,
)  # fmt: skip
from suite.process.calls.ioctls import TIOCLINUX, TIOCSTI
from suite.values import InOut

FREE = since(FS.EXECUTE, Allowed())
NEWLINE = b"\n"
CONSOLE, GET_SHIFT_STATE = "/dev/tty1", b"\x06"
NUMBER = 99


def begin(process: Process, folder: str, *, privileged: bool = True) -> tuple[Process, Terminal]:
    """Have a child lead a session on the first terminal of a folder."""
    leader = process.fork()
    terminal = open_terminal(leader, folder)
    terminal.take_over(leader)
    if not privileged:
        leader.drop_capabilities()
    return leader, terminal


def type_line(process: Process, fd: Fd) -> None:
    process.ioctl(fd, TIOCSTI, NEWLINE)


def open_and_type(process: Process, path: str) -> None:
    type_line(process, process.open(path, os.O_RDWR | os.O_NOCTTY))


def if_typed(observed: Observation, leader: Process, terminal: Terminal) -> Outcome:
    """What it came to, if there is a line to read where it was allowed."""
    outcome = observed.outcome
    ready = leader.observe(Process.poll, terminal.end, wait=False).with_value
    if outcome == Allowed() and ready != Allowed(1):
        return Seen("allowed, but nothing was typed")
    return outcome


class User(Row, frozen=True, kw_only=True):
    """Who leads the session."""

    privileged: bool


USERS = {
    "inherited-terminal": User(privileged=True, needs=(Need.TIOCSTI,)),
    "inherited-terminal-without-privileges": User(privileged=False, needs=(Need.LEGACY_TIOCSTI,)),
}


@answers("gap-terminal-input")
@table(USERS)
def test_inherited(case: User, facts: Facts, process: Process, tree: Tree, judge: Judge) -> None:
    """An inherited terminal takes what is typed in a domain, for those outside to read."""
    leader, terminal = begin(process, tree.d2, privileged=case.privileged)
    observed = leader.under(whole(facts)).observe(type_line, terminal.end)
    outcome = if_typed(observed, leader, terminal)
    judge(FREE, outcome, leader.observe(type_line, terminal.end))


class Opened(Case, frozen=True, kw_only=True):
    """How the terminal is opened in the domain, which may have a rule on its folder."""

    path: Callable[[str], str]
    ruleset: Callable[[str], Ruleset] = lambda folder: WITHOUT_RULE


OPENED = {
    "opened-terminal": Opened(path=lambda folder: f"{folder}/0", expect=DENIED),
    "reopened-terminal": Opened(path=lambda folder: f"/proc/self/fd/{NUMBER}", expect=DENIED),
    "opened-terminal-with-rule": Opened(
        path=lambda folder: f"{folder}/0",
        ruleset=lambda folder: WITHOUT_RULE.allow(folder, FS.IOCTL_DEV),
        expect=ALLOWED,
    ),
}


@needs(Need.TIOCSTI)
@answers("ioctl-terminal-input")
@covers(FS.IOCTL_DEV)
@table(OPENED)
def test_opened(case: Opened, process: Process, tree: Tree, judge: Judge) -> None:
    """A terminal that is opened in the domain takes nothing that is typed by TIOCSTI there."""
    leader, terminal = begin(process, tree.d2)
    leader.dup_to(terminal.end, NUMBER)
    sandboxed = leader.under(case.ruleset(tree.d2))
    observed = sandboxed.observe(open_and_type, case.path(tree.d2))
    outcome = if_typed(observed, leader, terminal)
    judge(case.expect, outcome, leader.observe(open_and_type, case.path(tree.d2)))


def open_console(process: Process) -> Call:
    return process.open(CONSOLE, os.O_RDWR | os.O_NOCTTY)


def ask_console(process: Process, fd: Fd) -> None:
    """Ask for the shift keys, which changes nothing; other commands select and paste text."""
    process.ioctl(fd, TIOCLINUX, InOut(GET_SHIFT_STATE))


def open_and_ask(process: Process) -> None:
    ask_console(process, open_console(process))


@needs(Need.CONSOLE)
@answers("gap-terminal-input")
def test_inherited_console(facts: Facts, process: Process, judge: Judge) -> None:
    """An inherited console answers TIOCLINUX in every domain."""
    console = open_console(process)
    control = process.observe(ask_console, console)
    judge(FREE, process.under(whole(facts)).observe(ask_console, console), control)


@needs(Need.CONSOLE)
@answers("ioctl-terminal-input")
@covers(FS.IOCTL_DEV)
def test_opened_console(process: Process, judge: Judge) -> None:
    """A console that was opened in the domain does not answer TIOCLINUX."""
    control = process.observe(open_and_ask)
    judge(DENIED, process.under(WITHOUT_RULE).observe(open_and_ask), control)
