# SPDX-License-Identifier: MIT
"""The file descriptor of a ruleset: who shares the ruleset, and what is left when it is closed.

Source: Documentation/userspace-api/landlock.rst, "Creating a new ruleset".
"""

import fcntl
import os
from collections.abc import Callable

from suite.case import (
    FS, MAX_LAYERS, O_PATH, RULE_PATH_BENEATH, Allowed, ByBug, Case, Denied, Fd, Judge, Process,
    Rejected, Ruleset, Tree, answers, path_beneath, since, table,
)  # fmt: skip
from suite.landlock.bugs import MANY_LAYERS

READ = Ruleset(fs=FS.READ_FILE)


@answers("sys-fd-scm-rights")
def test_enforced_by_its_receiver(process: Process, tree: Tree, judge: Judge) -> None:
    """A ruleset can be passed over SCM_RIGHTS; who receives it may enforce it."""
    receiver = process.fork()
    control = receiver.observe(Process.open, tree.file, os.O_RDONLY)
    passed = process.give(process.build(READ), receiver)
    receiver.no_new_privs()
    receiver.enforce(passed)
    observed = receiver.observe(Process.open, tree.file, os.O_RDONLY)
    judge(since(FS.READ_FILE, Denied("EACCES")), observed, control)


@answers("sys-fd-scm-rights")
def test_builder_stays_free(process: Process, tree: Tree, judge: Judge) -> None:
    """Building a ruleset restricts nobody, nor does its enforcement by another process."""
    receiver = process.fork()
    passed = process.give(process.build(READ), receiver)
    receiver.no_new_privs()
    receiver.enforce(passed)
    observed = process.observe(Process.open, tree.file, os.O_RDONLY)
    judge(since(FS.READ_FILE, Allowed()), observed)


def received_after_its_sender_closed_it(process: Process, tree: Tree) -> Process:
    receiver = process.fork()
    built = process.build(READ)
    passed = process.give(built, receiver)
    process.close(built)
    receiver.enforce(passed)
    return receiver


def closed_after_enforcing(process: Process, tree: Tree) -> Process:
    built = process.build(READ)
    process.enforce(built)
    process.close(built)
    return process


def kept_over_exec(process: Process, tree: Tree) -> Process:
    built = process.build(READ)
    process.fcntl(built, fcntl.F_SETFD, 0)
    process.exec(tree.program(f"{tree.d1}/program"))
    process.enforce(built)
    return process


def enforced_by_two(process: Process, tree: Tree) -> Process:
    built = process.build(READ)
    first, second = process.fork(), process.fork()
    first.enforce(built)
    second.enforce(built)
    return second


def enforced_by_another(process: Process, tree: Tree) -> Process:
    built = process.build(READ)
    process.fork().enforce(built)
    return process


def extended_through_a_copy(process: Process, tree: Tree) -> Process:
    built = process.build(READ)
    allow(process, process.dup(built), tree)
    process.enforce(built)
    return process


def extended_by_a_child(process: Process, tree: Tree) -> Process:
    built = process.build(READ)
    allow(process.fork(), built, tree)
    process.enforce(built)
    return process


def extended_by_a_receiver(process: Process, tree: Tree) -> Process:
    built, receiver = process.build(READ), process.fork()
    allow(receiver, process.give(built, receiver), tree)
    process.enforce(built)
    return process


def extended_too_late(process: Process, tree: Tree) -> Process:
    built = process.build(READ)
    process.enforce(built)
    allow(process, built, tree)
    return process


def extended_and_enforced_again(process: Process, tree: Tree) -> Process:
    built = process.build(READ)
    process.enforce(built)
    allow(process, built, tree)
    process.enforce(built)
    return process


def allow(process: Process, ruleset: Fd, tree: Tree) -> None:
    attr = path_beneath(FS.READ_FILE, process.open(tree.d1, O_PATH))
    process.add_rule(ruleset, RULE_PATH_BENEATH, attr)


class Reader(Case, frozen=True, kw_only=True):
    """Who reads the file."""

    reader: Callable[[Process, Tree], Process]


ALLOWED, DENIED = since(FS.READ_FILE, Allowed()), since(FS.READ_FILE, Denied("EACCES"))
CASES = {
    "received-after-its-sender-closed-it": Reader(
        reader=received_after_its_sender_closed_it, expect=DENIED, answers="sys-fd-scm-rights"
    ),
    "closed-after-enforcing": Reader(
        reader=closed_after_enforcing, expect=DENIED, answers="sys-fd-close-after"
    ),
    "kept-over-exec": Reader(reader=kept_over_exec, expect=DENIED, answers="sys-fd-exec-keep"),
    "enforced-by-two": Reader(reader=enforced_by_two, expect=DENIED, answers="sys-fd-reuse"),
    "enforced-by-another": Reader(
        reader=enforced_by_another, expect=ALLOWED, answers="sys-fd-reuse"
    ),
    "extended-through-a-copy": Reader(
        reader=extended_through_a_copy, expect=ALLOWED, answers="sys-fd-dup"
    ),
    "extended-by-a-child": Reader(
        reader=extended_by_a_child, expect=ALLOWED, answers="sys-fd-fork-shared"
    ),
    "extended-by-a-receiver": Reader(
        reader=extended_by_a_receiver, expect=ALLOWED, answers="sys-fd-scm-rights"
    ),
    "extended-too-late": Reader(
        reader=extended_too_late, expect=DENIED, answers="sys-fd-modify-after"
    ),
    "extended-and-enforced-again": Reader(
        reader=extended_and_enforced_again, expect=DENIED, answers="sys-fd-modify-after"
    ),
}


@table(CASES)
def test_reader(case: Reader, process: Process, tree: Tree, judge: Judge) -> None:
    """A ruleset is one object, whoever has it; a domain keeps what it was when it was enforced."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    process.no_new_privs()
    reader = case.reader(process, tree)
    judge(case.expect, reader.observe(Process.open, tree.file, os.O_RDONLY), control)


@answers("sys-fd-exec-closed")
def test_closed_by_exec(process: Process, tree: Tree, judge: Judge) -> None:
    """Execution closes it, unless the caller wants to keep it."""
    built = process.build(READ)
    process.no_new_privs()
    control = process.fork().observe(Process.restrict_self, built)
    process.exec(tree.program(f"{tree.d1}/program"))
    expect = since(FS.READ_FILE, Rejected("restrict_self", "EBADF"))
    judge(expect, process.observe(Process.restrict_self, built), control)


@answers("sys-fd-close-after")
def test_closed(process: Process, judge: Judge) -> None:
    """Once closed it can't be enforced again, though its layer stays."""
    built = process.build(READ)
    process.no_new_privs()
    control = process.observe(Process.restrict_self, built)
    process.close(built)
    expect = since(FS.READ_FILE, Rejected("restrict_self", "EBADF"))
    judge(expect, process.observe(Process.restrict_self, built), control)


@answers("sys-fd-reuse")
def test_layer_each_time(process: Process, judge: Judge) -> None:
    """Each time that a process enforces a ruleset is one layer more, up to the most."""
    built = process.build(READ)
    process.no_new_privs()
    control = process.observe(Process.restrict_self, built)
    for _ in range(MAX_LAYERS - 1):
        process.enforce(built)
    too_many = ByBug(MANY_LAYERS, before=Allowed(), after=Rejected("restrict_self", "E2BIG"))
    judge(since(FS.READ_FILE, too_many), process.observe(Process.restrict_self, built), control)
