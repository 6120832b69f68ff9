# SPDX-License-Identifier: MIT
"""What makes credentials where there is no memory, a row a call: a domain is a part of them."""

import os

from msgspec.structs import replace

from cases.faults.doings import DENIED, INNER, READ, opened
from cases.faults.shortage import Clone, FailNthAgain
from cases.faults.sweep import Doing, Place
from suite.case import (
    CLONE_NEWUSER, FS, O_PATH, Allowed, Denied, Fd, Need, Observation, Process, Ruleset,
)  # fmt: skip
from suite.process.uapi import AT_EMPTY_PATH, CLONE_VM

ONE_THREAD = 1 << 16
"""CLONE_THREAD alone: unshare(2) allows it to who has no other thread."""
CONFINED = (*INNER, DENIED)
"""What is seen by who is in both layers of ``within_two``."""
UNCOUNTED = "ENOMEM", "ENOSPC", "EAGAIN"
"""A user that can't be counted for want of memory is told to have too much of everything:
create_user_ns() in kernel/user_namespace.c, set_cred_ucounts() in kernel/cred.c."""


# What is prepared


def within_two(process: Process, place: Place) -> Fd:
    """What is no program, of a process in two layers, each of which denies something."""
    process.chmod(place.tree.other, 0o755)
    fd = process.open(place.tree.other, O_PATH)
    process.restrict(place.tree.layer(READ, {"d2": READ}), Ruleset(fs=FS.WRITE_FILE))
    return fd


# What is called


def set_groups(process: Process, _: Fd) -> None:
    process.syscall("setgroups", 0, 0)


def new_user_namespace(process: Process, _: Fd) -> None:
    process.unshare(CLONE_NEWUSER)


def execute(process: Process, fd: Fd) -> None:
    process.syscall("execveat", fd, "", None, None, AT_EMPTY_PATH)


def fork(flags: int) -> Clone:
    return Clone(lambda process, around: process.fork(flags, around=around))


THREAD = Clone(lambda process, around: process.thread(around=around))


# What shows whether it was done


def confined(process: Process, fd: Fd, place: Place) -> list[Observation]:
    written = process.observe(Process.open, place.tree.other, os.O_WRONLY)
    return [*opened(process, fd, place), written]


def family(process: Process, fd: Fd, place: Place) -> list[Observation]:
    """Whether there is a child, and what its parent and it may do."""
    waited = process.observe(Process.syscall, "wait4", -1, None, os.WNOHANG, None)
    return [waited, *confined(process, fd, place), *made(process, fd, place)]


def threads(process: Process, fd: Fd, place: Place) -> list[Observation]:
    """The same of a second thread."""
    unshared = process.observe(Process.unshare, ONE_THREAD)
    return [unshared, *confined(process, fd, place), *made(process, fd, place)]


def made(process: Process, fd: Fd, place: Place) -> list[Observation]:
    """What a process or thread may do that was to be made, if it was."""
    child = place.made[process.id]
    assert child.pid is not None
    return [] if child.pid.failure else confined(child, fd, place)


MADE = Doing(
    features=(READ,),
    prepare=within_two,
    call=fork(0),
    look=family,
    done=(Allowed(), *CONFINED, *CONFINED),
    undone=(Denied("ECHILD"), *CONFINED),
    counted=FailNthAgain,
    answers="oom-clone",
)
RENEWED = Doing(
    features=(READ,),
    prepare=within_two,
    call=set_groups,
    look=confined,
    done=CONFINED,
    undone=CONFINED,
    counted=FailNthAgain,
    answers="oom-in-domain",
)
CLONES = {  # of those that leave parent and child in one memory
    "clone-vm": replace(MADE, call=fork(CLONE_VM)),
    "clone-thread": replace(
        MADE,
        call=THREAD,
        look=threads,
        done=(Denied("EINVAL"), *CONFINED, *CONFINED),
        undone=(Allowed(), *CONFINED),
    ),
}
USER = (Need.USER_NAMESPACES,)
CREDENTIALS = {
    "fork": MADE,
    "clone-newuser": replace(MADE, call=fork(CLONE_NEWUSER), needs=USER, lacking=UNCOUNTED),
    "unshare-newuser": replace(RENEWED, call=new_user_namespace, needs=USER, lacking=UNCOUNTED),
    "execve": replace(
        RENEWED,
        call=execute,
        wanted=Denied("ENOEXEC"),
        lacking=("ENOMEM", "E2BIG"),  # no page for its name: copy_string_kernel() in fs/exec.c
    ),
    "set-groups": RENEWED,
}
"""Those for which allocations are counted: a full cgroup is too coarse for them."""
