# SPDX-License-Identifier: MIT
"""LANDLOCK_RESTRICT_SELF_TSYNC.

Source: include/uapi/linux/landlock.h, LANDLOCK_RESTRICT_SELF_TSYNC; security/landlock/tsync.c,
landlock_restrict_sibling_threads().
"""

import os
from collections.abc import Callable

from suite.case import (
    FS, RESTRICT, Allowed, Case, Denied, Expectation, Judge, Need, Process, Ruleset, Tree, answers,
    covers, needs, own_memory, since, table,
)  # fmt: skip

pytestmark = own_memory

READ = Ruleset(fs=FS.READ_FILE)
READ_TSYNC = Ruleset(fs=FS.READ_FILE, flags=RESTRICT.TSYNC)
DENIED = since(RESTRICT.TSYNC, Denied("EACCES"))
MANY = 64


@answers("ts-nonleader")
@covers(RESTRICT.TSYNC)
def test_thread_restricts_its_leader(process: Process, tree: Tree, judge: Judge) -> None:
    """A thread that is not the leader enforces a ruleset on the leader too."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    process.thread().restrict(READ_TSYNC)
    judge(DENIED, process.observe(Process.open, tree.file, os.O_RDONLY), control)


@answers("ts-plain")
@covers(RESTRICT.TSYNC)
def test_leader_restricts_its_threads(process: Process, tree: Tree, judge: Judge) -> None:
    """The leader enforces a ruleset on threads that exist already."""
    thread = process.thread()
    control = thread.observe(Process.open, tree.file, os.O_RDONLY)
    process.restrict(READ_TSYNC)
    judge(DENIED, thread.observe(Process.open, tree.file, os.O_RDONLY), control)


@answers("ts-single")
@covers(RESTRICT.TSYNC)
def test_single_thread(process: Process, tree: Tree, judge: Judge) -> None:
    """A process of a single thread may ask for its siblings too."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    process.restrict(READ_TSYNC)
    judge(DENIED, process.observe(Process.open, tree.file, os.O_RDONLY), control)


@answers("ts-no-tsync")
def test_without_tsync(process: Process, tree: Tree, judge: Judge) -> None:
    """Without the flag, a thread restricts itself alone."""
    process.thread().restrict(READ)
    observed = process.observe(Process.open, tree.file, os.O_RDONLY)
    judge(since(FS.READ_FILE, Allowed()), observed)


@answers("ts-children-untouched")
@covers(RESTRICT.TSYNC)
def test_other_processes(process: Process, tree: Tree, judge: Judge) -> None:
    """Processes that the caller forked before are no threads of it: they stay as they are."""
    child = process.fork()
    process.restrict(READ_TSYNC)
    judge(since(RESTRICT.TSYNC, Allowed()), child.observe(Process.open, tree.file, os.O_RDONLY))


@answers("ts-storm")
@covers(RESTRICT.TSYNC)
def test_many_threads(process: Process, tree: Tree, judge: Judge) -> None:
    """Each of many threads is restricted."""
    threads = [process.thread() for _ in range(MANY)]
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    process.restrict(READ_TSYNC)
    tried = [thread.observe(Process.open, tree.file, os.O_RDONLY) for thread in threads]
    free = (observed for observed in tried if observed.outcome != Denied("EACCES"))
    judge(DENIED, next(free, tried[0]), control)


def sibling(process: Process, flags: RESTRICT) -> Process:
    asked = process.thread()
    process.restrict(Ruleset(fs=FS.READ_FILE, flags=flags))
    return asked


def leader(process: Process, flags: RESTRICT) -> Process:
    process.thread().restrict(Ruleset(fs=FS.READ_FILE, flags=flags))
    return process


def sibling_with_capability(process: Process, flags: RESTRICT) -> Process:
    asked = process.thread()
    process.enforce(process.build(READ), flags)
    return asked


def caller_with_capability(process: Process, flags: RESTRICT) -> Process:
    sibling_with_capability(process, flags)
    return process


class NoNewPrivs(Case, frozen=True, kw_only=True):
    """Who is asked for no_new_privs, and the flags with which the process was restricted."""

    asked: Callable[[Process, RESTRICT], Process]
    flags: RESTRICT = RESTRICT.TSYNC


SET, UNSET = since(RESTRICT.TSYNC, Allowed(1)), since(RESTRICT.TSYNC, Allowed(0))
NO_NEW_PRIVS = {
    "no-new-privs-of-sibling": NoNewPrivs(asked=sibling, expect=SET, answers="ts-plain"),
    "no-new-privs-of-leader": NoNewPrivs(asked=leader, expect=SET, answers="ts-nonleader"),
    "no-new-privs-of-sibling-without-tsync": NoNewPrivs(
        asked=sibling,
        flags=RESTRICT(0),
        expect=since(FS.READ_FILE, Allowed(0)),
        needs=(Need.NO_NEW_PRIVS_UNSET,),
        answers="ts-no-tsync",
    ),
    "no-new-privs-of-sibling-with-capability": NoNewPrivs(
        asked=sibling_with_capability,
        expect=UNSET,
        needs=(Need.ADMIN, Need.NO_NEW_PRIVS_UNSET),
        answers="ts-cap-nonnp",
    ),
    "no-new-privs-of-caller-with-capability": NoNewPrivs(
        asked=caller_with_capability,
        expect=UNSET,
        needs=(Need.ADMIN, Need.NO_NEW_PRIVS_UNSET),
        answers="ts-cap-nonnp",
    ),
}


@covers(RESTRICT.TSYNC)
@table(NO_NEW_PRIVS)
def test_no_new_privs(case: NoNewPrivs, process: Process, judge: Judge) -> None:
    """Siblings get the no_new_privs of the caller with its domain, if it has it."""
    asked = case.asked(process, case.flags)
    judge(case.expect, asked.observe(Process.has_no_new_privs).with_value)


@answers("ts-cap-nonnp")
@needs(Need.ADMIN)
@covers(RESTRICT.TSYNC)
def test_with_capability(process: Process, tree: Tree, judge: Judge) -> None:
    """Siblings are restricted without no_new_privs where the caller needs none."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    asked = sibling_with_capability(process, RESTRICT.TSYNC)
    judge(DENIED, asked.observe(Process.open, tree.file, os.O_RDONLY), control)


def drop_capabilities(thread: Process) -> None:
    thread.drop_capabilities()


def drop_user(thread: Process) -> None:
    thread.setuid(USER)


def open_it(thread: Process, path: str) -> None:
    thread.open(path, os.O_RDONLY)


def ask_user(thread: Process, path: str) -> None:
    thread.syscall("getuid")


def chroot(thread: Process, _: str) -> None:
    thread.chroot("/")


USER = 1000


class OwnCredentials(Case, frozen=True, kw_only=True):
    """What a sibling changed of its credentials alone, and what it does afterwards."""

    change: Callable[[Process], None]
    call: Callable[[Process, str], None] = open_it
    expect: Expectation = DENIED


OWN = {
    "sibling-without-capabilities": OwnCredentials(change=drop_capabilities),
    "sibling-without-capabilities-has-none": OwnCredentials(
        change=drop_capabilities, call=chroot, expect=since(RESTRICT.TSYNC, Denied("EPERM"))
    ),
    "sibling-of-other-user": OwnCredentials(change=drop_user, needs=(Need.ROOT,)),
    "sibling-of-other-user-keeps-it": OwnCredentials(
        change=drop_user,
        call=ask_user,
        needs=(Need.ROOT,),
        expect=since(RESTRICT.TSYNC, Allowed(USER)),
    ),
}


@answers("ts-other-creds")
@covers(RESTRICT.TSYNC)
@table(OWN)
def test_own_credentials(case: OwnCredentials, process: Process, tree: Tree, judge: Judge) -> None:
    """A sibling gets the domain of the caller, and keeps what else is its own."""
    thread = process.thread()
    case.change(thread)
    control = thread.observe(open_it, tree.file)
    process.restrict(READ_TSYNC)
    judge(case.expect, thread.observe(case.call, tree.file).with_value, control)
