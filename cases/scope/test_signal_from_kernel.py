# SPDX-License-Identifier: MIT
"""LANDLOCK_SCOPE_SIGNAL and signals that the kernel sends without asking who gave rise to them.

Some of them come out of a domain: to terminals, message queues, limits and control groups the
scope says nothing.

Source: where each is sent, by kill_pgrp(), send_sig() or do_send_sig_info(), none of which calls
check_kill_permission() in kernel/signal.c: isig() in drivers/tty/n_tty.c, pty_signal() and
pty_resize() in drivers/tty/pty.c, __do_notify() in ipc/mqueue.c, check_process_timers() in
kernel/time/posix-cpu-timers.c, cgroup_kill_write() in kernel/cgroup/cgroup.c.
"""

import os
import signal
from collections.abc import Callable
from pathlib import PurePath
from resource import RLIMIT_CPU

from suite.packed import packed
from cases.scope.signals import ALLOWED, SCOPED, pid
from cases.scope.terminals import INTERRUPT, Terminal, open_terminal
from suite.case import (
    CLONE_NEWIPC, CLONE_NEWNS, SCOPE, Allowed, Case, Int, Judge, Mode, Need, Observation, Out,
    Outcome, Pack, Process, Seen, Tree, answers, covers, needs, own_memory, since, table, vm_only,
)  # fmt: skip
from suite.process.calls.ioctls import TIOCSIG, TIOCSWINSZ
from suite.process.uapi import SIGEV_SIGNAL, SIGEV_THREAD_ID

KILLED = since(SCOPE.SIGNAL, Seen("SIGKILL"))
FAULTED = since(SCOPE.SIGNAL, Seen("SIGSEGV"))


class FromTerminal(Case, frozen=True, kw_only=True):
    """What is done with the master of a terminal, and the signal that its session gets."""

    act: Callable[[Process, Terminal], object]
    number: int


def interrupt(process: Process, terminal: Terminal) -> None:
    process.write(terminal.master, INTERRUPT)
    terminal.settle(process)


def ask_for_signal(process: Process, terminal: Terminal) -> None:
    process.ioctl(terminal.master, TIOCSIG, signal.SIGQUIT)


def resize(process: Process, terminal: Terminal) -> None:
    process.ioctl(terminal.master, TIOCSWINSZ, packed("4H", 7, 7, 0, 0))


TERMINAL = {
    "terminal-interrupt": FromTerminal(
        act=interrupt,
        number=signal.SIGINT,
        answers=("sig-tty-intr", "gap-kernel-signals"),
        expect=ALLOWED,
    ),
    "terminal-tiocsig": FromTerminal(
        act=ask_for_signal,
        number=signal.SIGQUIT,
        answers=("sig-tty-tiocsig", "gap-kernel-signals"),
        expect=ALLOWED,
    ),
    "terminal-resize": FromTerminal(
        act=resize,
        number=signal.SIGWINCH,
        answers=("sig-tty-winch", "gap-kernel-signals"),
        expect=ALLOWED,
    ),
}


@covers(SCOPE.SIGNAL)
@needs(Need.DEVPTS)
@table(TERMINAL)
def test_terminal(case: FromTerminal, process: Process, tree: Tree, judge: Judge) -> None:
    """Who has the master of a terminal has its foreground processes signalled."""
    terminal = open_terminal(process, tree.d2)
    reader = process.fork()
    terminal.take_over(reader)
    reader.block_signals(case.number)
    case.act(process.under(SCOPED), terminal)
    judge(ALLOWED, reader.observe(Process.take_signal, case.number))


@answers("sig-mq-notify")
@covers(SCOPE.SIGNAL)
@needs(Need.MQUEUE, Need.ADMIN)
def test_mq_notify(process: Process, judge: Judge) -> None:
    """Who asked for a signal when a message comes gets it, whoever sends the message."""
    process.unshare(CLONE_NEWIPC)
    process.block_signals(signal.SIGUSR1)
    queue = process.mq_open("queue", os.O_RDWR | os.O_CREAT)
    process.mq_notify(queue, signal.SIGUSR1)
    process.under(SCOPED).mq_send(queue, b"x")
    judge(ALLOWED, process.observe(Process.take_signal, signal.SIGUSR1))


def ended_by(waited: Observation) -> Outcome:
    """The signal that ended the child that was waited for."""
    if waited.outcome != Allowed():
        return waited.outcome
    number = waited.calls[-1].data[0] & 0x7F
    return Seen(signal.Signals(number).name if number else "exited")


def be_busy(process: Process) -> None:
    """Use the processor over several ticks of its clock, if need be till the process is killed."""
    with process.session.in_mode(Mode.DEATH):
        for _ in range(ROUNDS):
            memory = process.syscall("mmap", 0, BUSY_SIZE, 3, MAP_PRIVATE_POPULATE, -1, 0)
            process.syscall("munmap", memory, BUSY_SIZE)


ROUNDS, BUSY_SIZE = 40, 1 << 24
MAP_PRIVATE_POPULATE = 0x8022


@answers("sig-prlimit")
@covers(SCOPE.SIGNAL)
@own_memory
def test_cpu_limit(process: Process, judge: Judge) -> None:
    """Who may set limits of a process outside may have the kernel kill it."""
    victim = process.fork()
    sandboxed = process.under(SCOPED)
    sandboxed.syscall("prlimit64", pid(victim), RLIMIT_CPU, bytes(16), None)
    be_busy(victim)
    victim.exit()
    judge(KILLED, ended_by(process.observe(Process.wait, pid(victim))))


@answers("sig-cgroup-kill")
@covers(SCOPE.SIGNAL)
@needs(Need.CGROUP2)
@vm_only  # a control group of the machine
def test_control_group(process: Process, tree: Tree, judge: Judge) -> None:
    """Who may write to cgroup.kill of a control group kills what is in it."""
    process.unshare(CLONE_NEWNS)
    process.mount("none", tree.d2, "cgroup2")
    group = f"{tree.d2}/{PurePath(tree.path).name}"
    process.mkdir(group)
    victim = process.fork()
    victim.write_file(f"{group}/cgroup.procs", b"0")
    sandboxed = process.under(SCOPED)
    sandboxed.write_file(f"{group}/cgroup.kill", b"1")
    observed = ended_by(process.observe(Process.wait, pid(victim)))
    process.observe(Process.rmdir, group)
    judge(KILLED, observed)


@answers("sig-sigpipe-segv")
@covers(SCOPE.SIGNAL)
@own_memory
def test_fault(process: Process, judge: Judge) -> None:
    """A process in a domain that reads memory it does not have is killed, as any other."""
    sandboxed = process.under(SCOPED)
    with process.session.in_mode(Mode.DEATH):
        sandboxed.peek(8, 8)
    judge(FAULTED, ended_by(process.observe(Process.wait, pid(sandboxed))))


def write_to_nobody(process: Process) -> None:
    ends = process.pipe()
    process.close(Int(ends, 0))
    process.observe(Process.write, Int(ends, 4), b"x")


def set_interval_timer(process: Process) -> None:
    process.syscall("setitimer", ITIMER_REAL, packed("4q", 0, 0, 0, 1), 0)


def set_timer(kind: int) -> Callable[[Process], object]:
    """A POSIX timer that expires at once; its event is for the process or for the thread."""

    def act(process: Process) -> None:
        event = Pack((bytes(8), (4, signal.SIGALRM), (4, kind), (4, process.gettid()), bytes(44)))
        timer = process.syscall("timer_create", CLOCK_MONOTONIC, event, Out(4))
        process.syscall("timer_settime", Int(timer, 0), 0, packed("4q", 0, 0, 0, 1), 0)

    return act


ITIMER_REAL, CLOCK_MONOTONIC = 0, 1


class OwnDoing(Case, frozen=True, kw_only=True):
    """What a process does that gets it a signal, sooner or later."""

    act: Callable[[Process], object]
    number: int = signal.SIGALRM


OWN_DOING = {
    "broken-pipe": OwnDoing(
        act=write_to_nobody, number=signal.SIGPIPE, answers="sig-sigpipe-segv", expect=ALLOWED
    ),
    "interval-timer": OwnDoing(act=set_interval_timer, answers="sig-timers", expect=ALLOWED),
    "timer": OwnDoing(act=set_timer(SIGEV_SIGNAL), answers="sig-timers", expect=ALLOWED),
    "timer-of-thread": OwnDoing(
        act=set_timer(SIGEV_THREAD_ID), answers="sig-timers", expect=ALLOWED
    ),
}


@covers(SCOPE.SIGNAL)
@table(OWN_DOING)
def test_own_doing(case: OwnDoing, process: Process, judge: Judge) -> None:
    """What a process in a domain brings upon itself comes to it."""
    sandboxed = process.under(SCOPED)
    sandboxed.block_signals(case.number)
    case.act(sandboxed)
    judge(case.expect, sandboxed.observe(Process.await_signal, case.number))
