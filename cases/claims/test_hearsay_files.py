# SPDX-License-Identifier: MIT
"""What is said of Landlock and files: true or false, and what shows it.

Source: Documentation/userspace-api/landlock.rst; security/landlock/fs.c.
"""

import os

from cases.claims.hearsay import DENIED, weigh
from cases.controls import though_denied
from cases.fs.executing import map_code
from suite.case import (
    FS, Allowed, Case, Denied, Judge, Process, Ruleset, Seen, Tree, answers, covers, own_memory,
    since, table,
)  # fmt: skip

EXECUTE = Ruleset(fs=FS.EXECUTE)
MOVED = Denied("EXDEV")


@covers(FS.EXECUTE)
@answers("claim-execute-covers-libraries")
@own_memory
def test_execute_covers_libraries(process: Process, tree: Tree, judge: Judge) -> None:
    """Claim: without EXECUTE, a library can't be mapped to be executed."""
    library = tree.program(f"{tree.d1}/library")
    control = process.observe(map_code, library)
    sandboxed = process.under(EXECUTE)
    executed = sandboxed.observe(Process.exec, library)
    outcome = though_denied(executed, sandboxed.observe(map_code, library))
    expect = since(FS.EXECUTE, Seen("false: allowed"))
    judge(expect, weigh(outcome, true=DENIED, false=Allowed()), control)


class Renamed(Case, frozen=True, kw_only=True):
    """In which domain a file is renamed."""

    ruleset: Ruleset


def renamed_in(right: FS) -> Renamed:
    expect = since(right, Seen("false: allowed"))
    return Renamed(ruleset=Ruleset(fs=right), covers=right, expect=expect)


RENAMED = {
    "rename-needs-refer-unhandled": renamed_in(FS.READ_FILE),
    "rename-needs-refer-denied": renamed_in(FS.REFER),
}


@answers("claim-rename-needs-refer")
@table(RENAMED)
def test_rename_needs_refer(case: Renamed, process: Process, tree: Tree, judge: Judge) -> None:
    """Claim: where REFER is denied, or unknown, nothing can be renamed."""
    control = process.observe(Process.rename, tree.other, f"{tree.d2}/renamed")
    sandboxed = process.under(case.ruleset)
    moved = sandboxed.observe(Process.rename, tree.file, f"{tree.d2}/moved")
    renamed = sandboxed.observe(Process.rename, tree.file, f"{tree.d1}/renamed")
    outcome = though_denied(moved, renamed, MOVED.errno)
    judge(case.expect, weigh(outcome, true=MOVED, false=Allowed()), control)


@answers("claim-read-only-forbids-touch")
def test_read_only_forbids_touch(process: Process, tree: Tree, judge: Judge) -> None:
    """Claim: what may only be read can't be touched, as touch(1) does it."""
    control = process.observe(Process.touch, tree.file)
    ruleset = Ruleset(fs=FS.READ_FILE | FS.WRITE_FILE).allow(tree.path, FS.READ_FILE)
    sandboxed = process.under(ruleset)
    opened = sandboxed.observe(Process.open, tree.file, os.O_WRONLY | os.O_CREAT)
    outcome = though_denied(opened, sandboxed.observe(Process.touch, tree.file))
    expect = since(FS.READ_FILE, Seen("false: allowed"))
    judge(expect, weigh(outcome, true=DENIED, false=Allowed()), control)


@answers("claim-proc-self-of-children")
def test_proc_self_of_children(process: Process, judge: Judge) -> None:
    """Claim: a rule on /proc/self holds for children, too."""

    def look(process: Process) -> None:
        process.open("/proc/self/status", os.O_RDONLY)

    sandboxed = process.under(Ruleset(fs=FS.READ_FILE).allow("/proc/self", FS.READ_FILE))
    control = sandboxed.observe(look)
    outcome = sandboxed.fork().observe(look).outcome
    expect = since(FS.READ_FILE, Seen("false: EACCES"))
    judge(expect, weigh(outcome, true=Allowed(), false=DENIED), control)


@covers(FS.EXECUTE)
@answers("claim-open-programs-execute")
def test_open_programs_execute(process: Process, tree: Tree, judge: Judge) -> None:
    """Claim: a program that was opened before can be executed whatever the rights."""
    program = process.open(tree.program(f"{tree.d1}/program"), os.O_RDONLY)
    control = process.fork().observe(Process.fexec, program)
    outcome = process.under(EXECUTE).observe(Process.fexec, program).outcome
    expect = since(FS.EXECUTE, Seen("false: EACCES"))
    judge(expect, weigh(outcome, true=Allowed(), false=DENIED), control)


@covers(FS.EXECUTE)
@answers("claim-open-programs-execute")
def test_memory_files_execute(process: Process, tree: Tree, judge: Judge) -> None:
    """Claim: a program in a file of memfd_create(2) can be executed whatever the rights."""
    memory = process.memfd_create()
    path = tree.program(f"{tree.d1}/program")
    process.sendfile(memory, process.open(path, os.O_RDONLY))
    control = process.fork().observe(Process.fexec, memory)
    sandboxed = process.under(EXECUTE)
    executed = sandboxed.observe(Process.exec, path)
    outcome = though_denied(executed, sandboxed.observe(Process.fexec, memory))
    expect = since(FS.EXECUTE, Seen("true: allowed"))
    judge(expect, weigh(outcome, true=Allowed(), false=DENIED), control)
