# SPDX-License-Identifier: MIT
"""LANDLOCK_SCOPE_SIGNAL and signals about the end of a process.

A parent-death signal is the dying parent's; what a parent is told is the kernel's.

Source: reparent_leader() and do_notify_parent() in kernel/exit.c and kernel/signal.c;
prctl(2), PR_SET_PDEATHSIG.
"""

from dataclasses import replace
from signal import SIGCHLD, SIGCONT, SIGHUP, SIGSTOP, SIGUSR1

from cases.relations import SCOPE_RELATIONS, Between, between
from cases.scope.signals import ALLOWED, NOT_SENT, SCOPED, pid
from suite.case import SCOPE, Case, Judge, Process, answers, covers, table
from suite.process.uapi import PR_SET_PDEATHSIG, WALL, WUNTRACED

FAMILY = {name: replace(relation, child=True) for name, relation in SCOPE_RELATIONS.items()}


def end(process: Process, witness: Process) -> None:
    """Exit, and have another process wait for that."""
    pidfd = witness.pidfd_open(pid(process))
    process.exit()
    witness.poll(pidfd)


@answers("sig-pdeathsig")
@covers(SCOPE.SIGNAL)
@table(between(FAMILY, ALLOWED, NOT_SENT))
def test_parent_death(case: Between, process: Process, judge: Judge) -> None:
    """A parent-death signal comes if the parent might have sent it."""
    free = process.fork()
    heir = free.fork()
    parent, child = case.relation.pair(process.fork(), SCOPED)
    for orphan, dead in ((heir, free), (child, parent)):
        orphan.block_signals(SIGUSR1)
        orphan.prctl(PR_SET_PDEATHSIG, SIGUSR1)
        end(dead, process)
    control = heir.observe(Process.take_signal, SIGUSR1)
    judge(case.expect, child.observe(Process.take_signal, SIGUSR1), control)


class ChildsEnd(Case, frozen=True, kw_only=True):
    """The signal that clone(2) is told to give the parent."""

    number: int


CHILDS_END = {
    "sigchld": ChildsEnd(number=SIGCHLD, answers="sig-sigchld", expect=ALLOWED),
    "exit-signal": ChildsEnd(number=SIGUSR1, answers="sig-exit-signal", expect=ALLOWED),
}


@covers(SCOPE.SIGNAL)
@table(CHILDS_END)
def test_childs_end(case: ChildsEnd, process: Process, judge: Judge) -> None:
    """A parent outside is told of the end of a child in a domain."""
    process.block_signals(case.number)
    child = process.fork(at_end=case.number)
    child.restrict(SCOPED)
    child.exit()
    process.wait(pid(child))
    judge(case.expect, process.observe(Process.take_signal, case.number))


@answers("sig-sigpipe-segv")
@covers(SCOPE.SIGNAL)
def test_orphaned_group(process: Process, judge: Judge) -> None:
    """A stopped process outside is hung up when its process group has lost its last parent."""
    leader = process.fork()
    leader.setsid()  # its session has to have no one else who could be the parent
    parent = leader.fork()
    child = parent.fork()
    child.setpgid()
    child.block_signals(SIGHUP)
    parent.restrict(SCOPED)
    leader.kill(pid(child), SIGSTOP)
    parent.wait(pid(child), WALL | WUNTRACED)
    end(parent, process)
    process.kill(pid(child), SIGCONT)  # it has been sent already, if all is well
    judge(ALLOWED, child.observe(Process.take_signal, SIGHUP))
