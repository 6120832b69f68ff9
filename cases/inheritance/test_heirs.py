# SPDX-License-Identifier: MIT
"""Who gets the domain of a process, and who does not.

Source: Documentation/userspace-api/landlock.rst, "Inheritance".
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

from suite.abi import FS
from suite.expectation import since
from suite.needs import Need
from suite.outcome import Allowed, Denied
from suite.process import CLONE_NEWUSER, Process
from suite.rows import Case, Judge, table
from suite.ruleset import Ruleset
from suite.tree import Tree

WRITE = Ruleset(fs=FS.WRITE_FILE)
DENIED, ALLOWED = since(FS.WRITE_FILE, Denied("EACCES")), since(FS.WRITE_FILE, Allowed())


def child(process: Process, program: str) -> Process:
    return process.under(WRITE).fork()


def grandchild(process: Process, program: str) -> Process:
    return process.under(WRITE).fork().fork()


def program_of_sandboxed(process: Process, program: str) -> Process:
    sandboxed = process.under(WRITE)
    sandboxed.exec(program)
    return sandboxed


def program_of_child(process: Process, program: str) -> Process:
    heir = process.under(WRITE).fork()
    heir.exec(program)
    return heir


def thread_made_after(process: Process, program: str) -> Process:
    process.restrict(WRITE)
    return process.thread()


def child_of_sandboxed_thread(process: Process, program: str) -> Process:
    thread = process.thread()
    thread.restrict(WRITE)
    return thread.fork()


def child_in_own_user_namespace(process: Process, program: str) -> Process:
    return process.under(WRITE).fork(CLONE_NEWUSER)


def parent(process: Process, program: str) -> Process:
    process.under(WRITE)
    return process


def child_made_before(process: Process, program: str) -> Process:
    made_before = process.fork()
    process.restrict(WRITE)
    return made_before


def thread_made_before(process: Process, program: str) -> Process:
    thread = process.thread()
    process.restrict(WRITE)
    return thread


def child_of_free_leader(process: Process, program: str) -> Process:
    process.thread().restrict(WRITE)
    return process.fork()


def program_of_free_leader(process: Process, program: str) -> Process:
    process.thread().restrict(WRITE)
    process.exec(program)
    return process


@dataclass(frozen=True, slots=True, kw_only=True)
class Heir(Case):
    """Who writes the file, given a process and a program to execute."""

    heir: Callable[[Process, str], Process]


CASES = {
    "child": Heir(heir=child, expect=DENIED, answers="layer-inherit-fork"),
    "grandchild": Heir(heir=grandchild, expect=DENIED, answers="layer-inherit-fork"),
    "program": Heir(
        heir=program_of_sandboxed, expect=DENIED, answers="exec-static-inherits-domain"
    ),
    "program-of-child": Heir(heir=program_of_child, expect=DENIED),
    "thread-made-after": Heir(heir=thread_made_after, expect=DENIED),
    "child-of-sandboxed-thread": Heir(heir=child_of_sandboxed_thread, expect=DENIED),
    "child-in-own-user-namespace": Heir(
        heir=child_in_own_user_namespace, needs=(Need.USER_NAMESPACES,), expect=DENIED
    ),
    "parent": Heir(heir=parent, expect=ALLOWED, answers="layer-no-access-right-leak"),
    "child-made-before": Heir(heir=child_made_before, expect=ALLOWED),
    "thread-made-before": Heir(heir=thread_made_before, expect=ALLOWED),
    "child-of-free-leader": Heir(heir=child_of_free_leader, expect=ALLOWED),
    "program-of-free-leader": Heir(heir=program_of_free_leader, expect=ALLOWED),
}


@table(CASES)
def test_heir(case: Heir, process: Process, tree: Tree, judge: Judge) -> None:
    """What a restricted thread makes from then on is restricted, and nothing else."""
    control = process.observe(Process.open, tree.file, os.O_WRONLY)
    heir = case.heir(process, tree.program(f"{tree.d1}/program"))
    judge(case.expect, heir.observe(Process.open, tree.file, os.O_WRONLY), control)
