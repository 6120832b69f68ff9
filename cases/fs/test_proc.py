# SPDX-License-Identifier: MIT
"""/proc: rules on what is in it, and links that lead out of it.

Source: is_access_to_paths_allowed() in security/landlock/fs.c; hook_ptrace_access_check() in
security/landlock/task.c, which is asked for the links of other processes.
"""

import os
from collections.abc import Callable

from suite.case import (
    FS, O_PATH, Allowed, Case, Denied, Judge, Process, Ruleset, Tree, answers, covers, since, table,
)  # fmt: skip

READ = FS.READ_FILE
ALLOWED = since(READ, Allowed())
DENIED = since(READ, Denied("EACCES"))


def open_own(process: Process, name: str) -> None:
    process.open(f"/proc/{process.getpid().value}/{name}", os.O_RDONLY)


class Own(Case, frozen=True, kw_only=True):
    """What is opened with a rule on /proc/self."""

    call: Callable[[Process], object]


OWN = {
    "self": Own(
        call=lambda process: process.open("/proc/self/status", os.O_RDONLY), expect=ALLOWED
    ),
    "own-number": Own(call=lambda process: open_own(process, "status"), expect=ALLOWED),
    "beside": Own(call=lambda process: process.open("/proc/version", os.O_RDONLY), expect=DENIED),
    "child": Own(
        call=lambda process: process.fork().open("/proc/self/status", os.O_RDONLY), expect=DENIED
    ),
}


@answers("special-proc-self-rule")
@covers(READ)
@table(OWN)
def test_rule_on_self(case: Own, process: Process, judge: Judge) -> None:
    """A rule on /proc/self is about the folder of the process that opened it, and of no other."""
    control = process.observe(case.call)
    sandboxed = process.under(Ruleset(fs=READ).allow("/proc/self", READ))
    judge(case.expect, sandboxed.observe(case.call), control)


class Through(Case, frozen=True, kw_only=True):
    """A path through a link, from the tree's folder, with a rule on d1."""

    path: Callable[[Tree], str]


THROUGH = {
    "cwd": Through(path=lambda tree: "/proc/self/cwd/d1/file", expect=ALLOWED),
    "root": Through(path=lambda tree: f"/proc/self/root{tree.file}", expect=ALLOWED),
    "cwd-without-rule": Through(path=lambda tree: "/proc/self/cwd/d2/file", expect=DENIED),
    "root-without-rule": Through(path=lambda tree: f"/proc/self/root{tree.other}", expect=DENIED),
    "exe": Through(path=lambda tree: "/proc/self/exe", expect=DENIED),
}


@answers("special-proc-self-magic")
@covers(READ)
@table(THROUGH)
def test_through_links(case: Through, process: Process, tree: Tree, judge: Judge) -> None:
    """Links of /proc lead to files: the rules on these count, not any on /proc."""
    process.chdir(tree.path)
    action = (Process.open, case.path(tree), os.O_RDONLY)
    control = process.observe(*action)
    judge(case.expect, process.under(tree.layer(READ, {"d1": READ})).observe(*action), control)


BOTH = Ruleset(fs=READ | FS.WRITE_FILE)


class Again(Case, frozen=True, kw_only=True):
    """How a file that was opened before the domain is opened again, by its descriptor."""

    flags: int


AGAIN = {
    "opened-before-to-read": Again(flags=os.O_RDONLY, expect=DENIED),
    "opened-before-to-read-and-write": Again(flags=os.O_RDWR, expect=DENIED),
    "opened-before-for-its-path": Again(flags=O_PATH, expect=ALLOWED),
}


@answers("special-proc-self-fd-preopened", "gap-visibility")
@covers(READ, FS.WRITE_FILE)
@table(AGAIN)
def test_opened_before(case: Again, process: Process, tree: Tree, judge: Judge) -> None:
    """To open a descriptor's file again needs the rights, whatever the descriptor had."""
    fd = process.open(tree.file, os.O_RDWR).value
    action = (Process.open, f"/proc/self/fd/{fd}", case.flags)
    judge(case.expect, process.under(BOTH).observe(*action), process.observe(*action))


class Parent(Case, frozen=True, kw_only=True):
    """A call on a path in the folder of a process outside of the domain."""

    call: Callable[[Process, str], object]
    path: str


def open_it(process: Process, path: str) -> None:
    process.open(path, os.O_RDONLY)


EXECUTE_DENIED = since(FS.EXECUTE, Denied("EACCES"))
PARENT = {
    f"parent-{path.replace('/', '-')}-{verb}": Parent(call=call, path=path, expect=EXECUTE_DENIED)
    for path in ("fd/0", "root", "cwd", "exe", "ns/mnt")
    for verb, call in {"open": open_it, "readlink": Process.readlink}.items()
} | {"parent-status-open": Parent(call=open_it, path="status", expect=since(FS.EXECUTE, Allowed()))}


@answers("special-proc-parent")
@covers(FS.EXECUTE)
@table(PARENT)
def test_parent(case: Parent, process: Process, tree: Tree, judge: Judge) -> None:
    """The links of a process outside are denied as tracing it is, in a domain of any kind."""
    process.dup_to(process.open(tree.file, os.O_RDONLY), 0)
    path = f"/proc/{process.getpid().value}/{case.path}"
    control = process.fork().observe(case.call, path)
    sandboxed = process.under(Ruleset(fs=FS.EXECUTE))
    judge(case.expect, sandboxed.observe(case.call, path), control)
