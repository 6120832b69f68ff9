# SPDX-License-Identifier: MIT
"""LANDLOCK_ACCESS_FS_EXECUTE: what execve(2) opens must be allowed to be read and executed.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_EXECUTE; get_required_file_open_access()
in security/landlock/fs.c.
"""

import fcntl
import os

from cases.fs.executing import ALLOWED, DENIED, XR, Layer, R, X
from suite.case import (
    FS, O_PATH, Call, Case, Judge, Need, Process, Ruleset, Tree, answers, covers, needs, table,
)  # fmt: skip
from suite.process.uapi import AT_EXECVE_CHECK

EXECUTE, EXECUTE_AND_READ = Ruleset(fs=X), Ruleset(fs=XR)


PROGRAMS = {
    "program-without-execute": Layer(
        answers="exec-needs-execute",
        handled=X,
        expect=DENIED,
    ),
    "program-without-read-file": Layer(
        answers="exec-needs-read-file-too",
        rules={"d1": X},
        expect=DENIED,
    ),
    "program-with-read-file-alone": Layer(
        answers="exec-read-only-denied",
        rules={"d1": R},
        expect=DENIED,
    ),
    "program-where-read-file-alone-is-handled": Layer(
        answers="exec-read-handled-execute-not",
        handled=R,
        expect=DENIED,
    ),
    "program-with-read-file": Layer(
        answers="exec-both-dir-rule",
        rules={"d1": XR},
        expect=ALLOWED,
    ),
    "program-with-rule-of-its-own": Layer(
        answers="exec-both-file-rule",
        rules={"d1/program": XR},
        expect=ALLOWED,
    ),
    "program-where-neither-is-handled": Layer(
        handled=FS.WRITE_FILE,
        expect=ALLOWED,
    ),
}


@covers(FS.EXECUTE)
@table(PROGRAMS)
def test_program(case: Layer, process: Process, tree: Tree, judge: Judge) -> None:
    """A program is read to be executed: both EXECUTE and READ_FILE are needed, if handled."""
    program = tree.program(f"{tree.d1}/program")
    control = process.fork().observe(Process.exec, program)
    sandboxed = process.under(tree.layer(case.handled, case.rules))
    judge(case.expect, sandboxed.observe(Process.exec, program), control)


SCRIPTS = {
    "script-without-its-interpreter": Layer(
        answers="exec-script-interpreter-denied",
        rules={"d1": XR},
        expect=DENIED,
    ),
    "script-whose-interpreter-has-execute-alone": Layer(
        rules={"d1": XR, "d2": X},
        expect=DENIED,
    ),
    "script-not-allowed": Layer(
        answers="exec-script-script-denied",
        rules={"d2": XR},
        expect=DENIED,
    ),
    "script-with-read-file-alone": Layer(
        answers="exec-script-script-read-only",
        rules={"d1": R, "d2": XR},
        expect=DENIED,
    ),
    "script-with-execute-alone": Layer(
        answers="exec-script-script-exec-only",
        rules={"d1": X, "d2": XR},
        expect=DENIED,
    ),
    "script-with-its-interpreter": Layer(
        answers="exec-script-both",
        rules={"d1": XR, "d2": XR},
        expect=ALLOWED,
    ),
}


@covers(FS.EXECUTE)
@table(SCRIPTS)
def test_script(case: Layer, process: Process, tree: Tree, judge: Judge) -> None:
    """A script runs when both it and its interpreter may be read and executed."""
    script = tree.script(f"{tree.d1}/script", tree.program(f"{tree.d2}/interpreter"))
    control = process.fork().observe(Process.exec, script)
    sandboxed = process.under(tree.layer(case.handled, case.rules))
    judge(case.expect, sandboxed.observe(Process.exec, script), control)


def interpret(process: Process, interpreter: str, script: str) -> None:
    process.exec(interpreter)
    process.read(process.open(script, os.O_RDONLY), 8)


@answers("exec-script-script-read-only")
@covers(FS.EXECUTE)
def test_script_read_by_its_interpreter(process: Process, tree: Tree, judge: Judge) -> None:
    """A script that may only be read can be given to its interpreter."""
    interpreter = tree.program(f"{tree.d2}/interpreter")
    script = tree.script(f"{tree.d1}/script", interpreter)
    sandboxed = process.under(tree.layer(XR, {"d1": R, "d2": XR}))
    judge(ALLOWED, sandboxed.observe(interpret, interpreter, script))


class Opened(Case, frozen=True, kw_only=True):
    """How a program is opened before the domain."""

    flags: int


OPENED = {
    "opened-before": Opened(flags=os.O_RDONLY, expect=DENIED),
    "opened-before-with-o-path": Opened(flags=O_PATH, expect=DENIED),
}


@answers("execveat-preopened-fd")
@covers(FS.EXECUTE)
@table(OPENED)
def test_opened_before(case: Opened, process: Process, tree: Tree, judge: Judge) -> None:
    """A file that was opened before is checked again when it is executed."""
    fd = process.open(tree.program(f"{tree.d1}/program"), case.flags)
    control = process.fork().observe(Process.fexec, fd)
    judge(case.expect, process.under(EXECUTE).observe(Process.fexec, fd), control)


def execute_and_open_again(process: Process, script: int) -> None:
    """What an interpreter does, whom the kernel tells /dev/fd/N as its script."""
    process.fexec(script)
    process.open(f"/proc/self/fd/{script}", os.O_RDONLY)


OPEN_SCRIPTS = {
    "open-script": Layer(rules={"d1": XR, "d2": XR}, expect=ALLOWED),
    "open-script-without-execute": Layer(rules={"d1": R, "d2": XR}, expect=DENIED),
    "open-script-without-read-file": Layer(rules={"d1": X, "d2": XR}, expect=DENIED),
}


@answers("execveat-script-fd")
@covers(FS.EXECUTE)
@table(OPEN_SCRIPTS)
def test_open_script(case: Layer, process: Process, tree: Tree, judge: Judge) -> None:
    """A script that is executed by its file descriptor is checked by its path."""
    path = tree.script(f"{tree.d1}/script", tree.program(f"{tree.d2}/interpreter"))
    script = process.open(path, os.O_RDONLY).value
    process.fcntl(script, fcntl.F_SETFD, 0)  # its interpreter has to open it again
    control = process.fork().observe(execute_and_open_again, script)
    sandboxed = process.under(tree.layer(case.handled, case.rules))
    judge(case.expect, sandboxed.observe(execute_and_open_again, script), control)


def check(process: Process, program: str, kept: Call) -> None:
    process.exec(program, flags=AT_EXECVE_CHECK)
    process.read(kept, 1)  # a new image would not have this file descriptor


CHECKS = {
    "check-alone": Layer(handled=X, expect=DENIED),
    "check-alone-with-rule": Layer(handled=X, rules={"d1": X}, expect=ALLOWED),
}


@answers("exec-at-execve-check")
@needs(Need.EXECVE_CHECK)
@covers(FS.EXECUTE)
@table(CHECKS)
def test_check_alone(case: Layer, process: Process, tree: Tree, judge: Judge) -> None:
    """AT_EXECVE_CHECK tells what execveat(2) would come to, and runs nothing."""
    program = tree.program(f"{tree.d1}/program")
    kept = process.open(tree.file, os.O_RDONLY)
    control = process.observe(check, program, kept)
    sandboxed = process.under(tree.layer(case.handled, case.rules))
    judge(case.expect, sandboxed.observe(check, program, kept), control)


@answers("exec-symlink-in-denied-dir")
@covers(FS.EXECUTE)
def test_symlink_in_denied_folder(process: Process, tree: Tree, judge: Judge) -> None:
    """Where a symbolic link is does not matter: the program that it leads to is checked."""
    process.symlink(tree.program(f"{tree.d1}/program"), f"{tree.d2}/link")
    sandboxed = process.under(tree.layer(XR, {"d1": XR}))
    judge(ALLOWED, sandboxed.observe(Process.exec, f"{tree.d2}/link"))


@answers("exec-memfd-unrestricted", "gap-code-loading")
@covers(FS.EXECUTE)
def test_memfd(process: Process, tree: Tree, judge: Judge) -> None:
    """A memfd has no path that a rule could name: it can be executed in every domain."""
    memfd = process.memfd_create()
    process.sendfile(memfd, process.open(tree.program(f"{tree.d1}/program"), os.O_RDONLY))
    judge(ALLOWED, process.under(EXECUTE_AND_READ).observe(Process.fexec, memfd))
