# SPDX-License-Identifier: MIT
"""Whose credentials an operation of io_uring has: of who submits it, or those that the ring keeps.

Source: io_init_req() and io_prep_async_work() in io_uring/io_uring.c (of a request);
__io_sq_thread() in io_uring/sqpoll.c (of a polling thread). Landlock has no hook in io_uring.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from socket import AF_UNIX, SOCK_STREAM

from cases.controls import though_denied
from suite.case import (
    FS, RESTRICT, Allowed, Case, Denied, Judge, Need, Process, Ring, Row, Ruleset, Tree, answers,
    covers, needs, since, table, unix,
)  # fmt: skip
from suite.process.calls.uring import SETUP_SQPOLL

READ = Ruleset(fs=FS.READ_FILE)
ALLOWED = since(FS.READ_FILE, Allowed())
DENIED = since(FS.READ_FILE, Denied("EACCES"))


class Reading(Row, frozen=True, kw_only=True):
    """How a process in the domain opens a file; it is given a ring that was made outside."""

    call: Callable[[Process, Ring, str], object]


def read(process: Process, ring: Ring, path: str) -> None:
    ring.asynchronous = False
    ring.openat(process, path, os.O_RDONLY)


def read_by_worker(process: Process, ring: Ring, path: str) -> None:
    ring.asynchronous = True
    ring.openat(process, path, os.O_RDONLY)


READINGS = {
    "ring-made-before": Reading(call=read),
    "ring-made-before-worker": Reading(call=read_by_worker),
    "ring-made-after": Reading(call=lambda process, _, path: read(process, process.uring(), path)),
    "ring-made-after-worker": Reading(
        call=lambda process, _, path: read_by_worker(process, process.uring(), path)
    ),
}


@answers("async-io-uring-open", "inh-io_uring-inline")
@needs(Need.URING)
@table(READINGS)
def test_submitter(case: Reading, process: Process, tree: Tree, judge: Judge) -> None:
    """Who submits is restricted, whoever made the ring, and when a worker performs it too."""
    ring = process.uring()
    control = process.observe(case.call, ring, tree.file)
    judge(DENIED, process.under(READ).observe(case.call, ring, tree.file), control)


PERSONALITIES = {
    "personality": Reading(call=read),
    "personality-worker": Reading(call=read_by_worker),
}


@answers("async-io-uring-personality", "gap-opened-before", "inh-io_uring-personality")
@needs(Need.URING)
@table(PERSONALITIES)
def test_personality(case: Reading, process: Process, tree: Tree, judge: Judge) -> None:
    """Credentials that were registered outside of the domain are not in it."""
    ring = process.uring()
    ring.personality = ring.register_personality(process)
    sandboxed = process.under(READ)
    direct = sandboxed.observe(Process.open, tree.file, os.O_RDONLY)
    judge(ALLOWED, though_denied(direct, sandboxed.observe(case.call, ring, tree.file)))


def read_by_own_personality(process: Process, ring: Ring, path: str) -> None:
    ring.personality = ring.register_personality(process)
    read(process, ring, path)


@answers("async-io-uring-personality", "gap-opened-before")
@needs(Need.URING)
def test_personality_registered_inside(process: Process, tree: Tree, judge: Judge) -> None:
    """Credentials that were registered in the domain are in it."""
    ring = process.uring()
    control = process.observe(read_by_own_personality, ring, tree.file)
    sandboxed = process.under(READ)
    judge(DENIED, sandboxed.observe(read_by_own_personality, ring, tree.file), control)


@answers("unix-io-uring-connect")
@needs(Need.URING)
@covers(FS.RESOLVE_UNIX)
def test_connect_with_a_personality(process: Process, tree: Tree, judge: Judge) -> None:
    """Nor are they where a socket is looked up."""
    address = unix(f"{tree.d1}/socket")
    process.server(AF_UNIX, SOCK_STREAM, address)
    ring = process.uring()
    ring.personality = ring.register_personality(process)
    sandboxed = process.under(Ruleset(fs=FS.RESOLVE_UNIX))
    fds = [sandboxed.socket(AF_UNIX, SOCK_STREAM) for _ in range(2)]
    direct = sandboxed.observe(Process.connect, fds[0], address)
    by_ring = sandboxed.observe(ring.connect, fds[1], address)
    judge(since(FS.RESOLVE_UNIX, Allowed()), though_denied(direct, by_ring))


class Polled(Case, frozen=True, kw_only=True):
    """How a process whose ring has a polling thread enters its domain."""

    ruleset: Ruleset


POLLED = {
    "polled-ring-made-before": Polled(
        ruleset=READ,
        expect=ALLOWED,
        answers=("async-io-uring-sqpoll-before", "inh-io_uring-sqpoll-pre"),
    ),
    # The thread gets the domain as others do, and puts it off for the credentials of its ring.
    "polled-ring-made-before-tsync": Polled(
        ruleset=replace(READ, flags=RESTRICT.TSYNC),
        expect=since(RESTRICT.TSYNC, Allowed()),
        answers="ts-io_uring-sqpoll",
    ),
}


@needs(Need.URING_POLLING)
@table(POLLED)
def test_polled(case: Polled, process: Process, tree: Tree, judge: Judge) -> None:
    """A polling thread keeps the credentials of whoever made the ring, as they were then."""
    sandboxed = process.fork()
    ring = sandboxed.uring(SETUP_SQPOLL)
    sandboxed.restrict(case.ruleset)
    direct = sandboxed.observe(Process.open, tree.file, os.O_RDONLY)
    judge(case.expect, though_denied(direct, sandboxed.observe(read, ring, tree.file)))


def read_by_polled_ring(process: Process, path: str) -> None:
    read(process, process.uring(SETUP_SQPOLL), path)


@answers("async-io-uring-sqpoll-after", "inh-io_uring-sqpoll-post")
@needs(Need.URING_POLLING)
def test_polled_ring_made_after(process: Process, tree: Tree, judge: Judge) -> None:
    """A polling thread that was made in the domain is in it."""
    control = process.observe(read_by_polled_ring, tree.file)
    judge(DENIED, process.under(READ).observe(read_by_polled_ring, tree.file), control)
