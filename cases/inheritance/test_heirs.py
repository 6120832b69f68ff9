# SPDX-License-Identifier: MIT
"""Who gets the domain of a process, and who does not.

Source: Documentation/userspace-api/landlock.rst, "Inheritance"; hook_cred_prepare() in
security/landlock/cred.c.
"""

import os
from collections.abc import Callable
from dataclasses import replace

from suite.case import (
    CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS, FS,
    RESTRICT, Allowed, Case, Denied, Judge, Need, Observation, Process, Ruleset, Tree, answers,
    own_memory, since, table,
)  # fmt: skip
from suite.process.uapi import CLONE_CLEAR_SIGHAND, CLONE_FILES, CLONE_NEWCGROUP, CLONE_VM

pytestmark = own_memory

CONTAINER = (
    CLONE_NEWUSER
    | CLONE_NEWNS
    | CLONE_NEWPID
    | CLONE_NEWNET
    | CLONE_NEWIPC
    | CLONE_NEWUTS
    | CLONE_NEWCGROUP
)
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


def child_of_clone3(process: Process, program: str) -> Process:
    return process.under(WRITE).fork(CLONE_CLEAR_SIGHAND)


def program_of_vfork(process: Process, program: str) -> Process:
    heir = process.under(WRITE).vfork()
    heir.exec(program)
    return heir


def child_in_shared_memory(process: Process, program: str) -> Process:
    return process.under(WRITE).fork(CLONE_VM | CLONE_FILES)


def child_in_own_pid_namespace(process: Process, program: str) -> Process:
    return process.under(WRITE).fork(CLONE_NEWPID)


def child_in_own_namespaces(process: Process, program: str) -> Process:
    return process.under(WRITE).fork(CONTAINER)


def program_of_sandboxed_thread(process: Process, program: str) -> Process:
    thread = process.thread()
    thread.restrict(WRITE)
    thread.exec(program)
    return thread


def parent(process: Process, program: str) -> Process:
    process.under(WRITE)
    return process


def child_made_before(process: Process, program: str) -> Process:
    made_before = process.fork()
    process.restrict(WRITE)
    return made_before


def made_before_in_shared_memory(process: Process, program: str) -> Process:
    made_before = process.fork(CLONE_VM | CLONE_FILES)
    process.restrict(WRITE)
    return made_before


def made_before_in_shared_memory_tsync(process: Process, program: str) -> Process:
    made_before = process.fork(CLONE_VM | CLONE_FILES)
    process.restrict(replace(WRITE, flags=RESTRICT.TSYNC))
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


class Heir(Case, frozen=True, kw_only=True):
    """Who writes the file, given a process and a program to execute."""

    heir: Callable[[Process, str], Process]


CASES = {
    "child": Heir(heir=child, expect=DENIED, answers=("layer-inherit-fork", "inh-fork")),
    "grandchild": Heir(heir=grandchild, expect=DENIED, answers=("layer-inherit-fork", "inh-fork")),
    "child-of-clone3": Heir(
        heir=child_of_clone3, needs=(Need.CLONE3,), expect=DENIED, answers="inh-fork"
    ),
    "child-in-shared-memory": Heir(heir=child_in_shared_memory, expect=DENIED, answers="inh-fork"),
    "program": Heir(
        heir=program_of_sandboxed,
        expect=DENIED,
        answers=("exec-static-inherits-domain", "inh-exec"),
    ),
    "program-of-child": Heir(heir=program_of_child, expect=DENIED, answers="inh-exec"),
    "program-of-vfork": Heir(heir=program_of_vfork, expect=DENIED, answers="inh-vfork-exec"),
    "thread-made-after": Heir(heir=thread_made_after, expect=DENIED, answers="inh-thread-after"),
    "child-of-sandboxed-thread": Heir(
        heir=child_of_sandboxed_thread, expect=DENIED, answers="inh-thread-fork"
    ),
    "program-of-sandboxed-thread": Heir(
        heir=program_of_sandboxed_thread, expect=DENIED, answers="inh-thread-exec"
    ),
    "child-in-own-user-namespace": Heir(
        heir=child_in_own_user_namespace,
        needs=(Need.USER_NAMESPACES,),
        expect=DENIED,
        answers="inh-userns",
    ),
    "child-in-own-pid-namespace": Heir(
        heir=child_in_own_pid_namespace, needs=(Need.ADMIN,), expect=DENIED, answers="inh-pidns"
    ),
    "child-in-own-namespaces": Heir(
        heir=child_in_own_namespaces,
        needs=(Need.USER_NAMESPACES, Need.IPC_NAMESPACES, Need.CGROUP_NAMESPACES),
        expect=DENIED,
        answers=("inh-userns", "inh-pidns"),
    ),
    "parent": Heir(
        heir=parent,
        expect=ALLOWED,
        answers=("layer-no-access-right-leak", "inh-parent-unaffected"),
    ),
    "child-made-before": Heir(
        heir=child_made_before, expect=ALLOWED, answers="inh-preexisting-child"
    ),
    "made-before-in-shared-memory": Heir(
        heir=made_before_in_shared_memory, expect=ALLOWED, answers="inh-clone-vm"
    ),
    "made-before-in-shared-memory-tsync": Heir(
        heir=made_before_in_shared_memory_tsync,
        covers=RESTRICT.TSYNC,
        expect=since(RESTRICT.TSYNC, Allowed()),
        answers="inh-clone-vm",
    ),
    "thread-made-before": Heir(
        heir=thread_made_before, expect=ALLOWED, answers="inh-thread-before"
    ),
    "child-of-free-leader": Heir(
        heir=child_of_free_leader, expect=ALLOWED, answers="inh-thread-fork"
    ),
    "program-of-free-leader": Heir(
        heir=program_of_free_leader, expect=ALLOWED, answers="inh-thread-exec"
    ),
}


@table(CASES)
def test_heir(case: Heir, process: Process, tree: Tree, judge: Judge) -> None:
    """What a restricted thread makes from then on is restricted, and nothing else."""
    control = process.observe(Process.open, tree.file, os.O_WRONLY)
    heir = case.heir(process, tree.program(f"{tree.d1}/program"))
    judge(case.expect, heir.observe(Process.open, tree.file, os.O_WRONLY), control)


def restrict_and_exit(child: Process, path: str) -> Observation:
    """What a child of vfork(2) can do in its own domain, before its parent goes on."""
    child.restrict(WRITE)
    observed = child.observe(Process.open, path, os.O_WRONLY)
    child.exit()
    return observed


@answers("inh-vfork")
def test_child_of_vfork(process: Process, tree: Tree, judge: Judge) -> None:
    """A child of vfork(2) that enforces a ruleset is restricted."""
    control = process.observe(Process.open, tree.file, os.O_WRONLY)
    judge(DENIED, restrict_and_exit(process.vfork(), tree.file), control)


@answers("inh-vfork")
def test_parent_of_vfork(process: Process, tree: Tree, judge: Judge) -> None:
    """Its parent, in the same memory, is not."""
    restrict_and_exit(process.vfork(), tree.file)
    judge(ALLOWED, process.observe(Process.open, tree.file, os.O_WRONLY))
