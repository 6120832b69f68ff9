# SPDX-License-Identifier: MIT
"""What loads a program: the kernel, for another one, or user space, which maps files.

Source: include/uapi/linux/landlock.h, LANDLOCK_ACCESS_FS_EXECUTE; there is no hook for mmap(2) in
security/landlock/fs.c.
"""

from dataclasses import dataclass

from suite.process import elf
from cases.fs.executing import ALLOWED, DENIED, XR, Layer, R, X, map_code
from suite.case import (
    FS, Judge, Need, Process, Ruleset, Tree, answers, covers, needs, own_memory, table,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Programs:
    """A program in ``d1`` that is linked against an interpreter in ``d2``, and a library."""

    linked: str
    interpreter: str
    library: str


def put_programs(process: Process, tree: Tree) -> Programs:
    interpreter = tree.program(f"{tree.d2}/interpreter")
    header = process.read_file(interpreter, elf.HEADER)
    found = Programs(f"{tree.d1}/linked", interpreter, f"{tree.path}/library")
    process.write_file(found.linked, elf.linked(header, interpreter), 0o755)
    process.write_file(found.library, header, 0o644)
    return found


LINKED = {
    "linked": Layer(
        rules={"d1": XR, "d2": XR},
        expect=ALLOWED,
    ),
    "linked-without-its-interpreter": Layer(
        answers="exec-elf-interp-denied",
        rules={"d1": XR},
        expect=DENIED,
    ),
    "linked-whose-interpreter-has-read-file-alone": Layer(
        rules={"d1": XR, "d2": R},
        expect=DENIED,
    ),
    "linked-where-read-file-is-not-handled": Layer(
        answers="exec-elf-interp-x-only",
        handled=X,
        rules={"d1": X, "d2": X},
        expect=ALLOWED,
    ),
    "linked-without-its-interpreter-where-read-file-is-not-handled": Layer(
        answers="exec-elf-interp-x-only",
        handled=X,
        rules={"d1": X},
        expect=DENIED,
    ),
}


@needs(Need.LINKED)
@covers(FS.EXECUTE)
@table(LINKED)
def test_linked(case: Layer, process: Process, tree: Tree, judge: Judge) -> None:
    """The interpreter that an ELF file names is opened to be executed, as the file itself is."""
    linked = put_programs(process, tree).linked
    control = process.fork().observe(Process.exec, linked)
    sandboxed = process.under(tree.layer(case.handled, case.rules))
    judge(case.expect, sandboxed.observe(Process.exec, linked), control)


LIBRARIES = {
    "library-with-read-file": Layer(
        answers="exec-shared-lib-read-only",
        rules={"d1": XR, "d2": XR, "library": R},
        expect=ALLOWED,
    ),
    "library-not-allowed": Layer(
        answers="exec-shared-lib-denied",
        rules={"d1": XR, "d2": XR},
        expect=DENIED,
    ),
}


@needs(Need.LINKED)
@covers(FS.EXECUTE)
@table(LIBRARIES)
@own_memory
def test_library(case: Layer, process: Process, tree: Tree, judge: Judge) -> None:
    """A program that was executed maps a library's code if it may read the library."""
    programs = put_programs(process, tree)
    control = process.observe(map_code, programs.library)
    sandboxed = process.under(tree.layer(case.handled, case.rules))
    sandboxed.exec(programs.linked)
    judge(case.expect, sandboxed.observe(map_code, programs.library), control)


def load(process: Process, programs: Programs) -> None:
    """What ``ld.so PROGRAM`` does."""
    process.exec(programs.interpreter)
    map_code(process, programs.linked)


@answers("exec-via-ld-so", "gap-code-loading")
@needs(Need.LINKED)
@covers(FS.EXECUTE)
@own_memory
def test_run_by_its_interpreter(process: Process, tree: Tree, judge: Judge) -> None:
    """An interpreter that may be executed can load a program that may only be read."""
    programs = put_programs(process, tree)
    sandboxed = process.under(tree.layer(XR, {"d1": R, "d2": XR}))
    judge(ALLOWED, sandboxed.observe(load, programs))


@answers("exec-via-ld-so", "gap-code-loading")
@needs(Need.LINKED)
@covers(FS.EXECUTE)
def test_run_without_execute(process: Process, tree: Tree, judge: Judge) -> None:
    """The same program can't be executed by itself."""
    linked = put_programs(process, tree).linked
    control = process.fork().observe(Process.exec, linked)
    sandboxed = process.under(tree.layer(XR, {"d1": R, "d2": XR}))
    judge(DENIED, sandboxed.observe(Process.exec, linked), control)


@answers("exec-mmap-prot-exec", "gap-code-loading")
@covers(FS.EXECUTE)
@own_memory
def test_mapped(process: Process, tree: Tree, judge: Judge) -> None:
    """A file that may not be executed can be mapped with PROT_EXEC."""
    programs = put_programs(process, tree)
    judge(ALLOWED, process.under(Ruleset(fs=X)).observe(map_code, programs.linked))
