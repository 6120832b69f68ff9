# SPDX-License-Identifier: MIT
"""Core files: the kernel makes them as the process that dumps core, in its domain.

Source: hook_path_mknod(), hook_path_unlink() and hook_file_open() in security/landlock/fs.c, which
are called for do_coredump() in fs/coredump.c.
"""

from cases.fs.cores import core_file, dump_core
from suite.case import (
    CONTENT, FS, Allowed, Case, Denied, Either, Judge, Need, Process, Seen, Tree, answers, covers,
    needs, own_memory, since, table,
)  # fmt: skip

pytestmark = own_memory

NO_FILE, EMPTY, CORE = Denied("ENOENT"), Denied("ENXIO"), Allowed()


class Dump(Case, frozen=True, kw_only=True):
    """What a layer handles, and what it allows in the folder that the core goes to."""

    handled: FS
    rule: FS = FS(0)


CASES = {
    "core-without-make-reg": Dump(
        answers="async-coredump-file",
        covers=FS.MAKE_REG,
        handled=FS.MAKE_REG,
        expect=since(FS.MAKE_REG, NO_FILE),
    ),
    "core-without-write-file": Dump(
        answers="async-coredump-file",
        covers=FS.WRITE_FILE,
        handled=FS.WRITE_FILE,
        expect=since(FS.WRITE_FILE, EMPTY),
    ),
    "core-with-rule": Dump(
        answers="async-coredump-file",
        covers=(FS.MAKE_REG, FS.WRITE_FILE),
        handled=FS.MAKE_REG | FS.WRITE_FILE,
        rule=FS.MAKE_REG | FS.WRITE_FILE,
        expect=since(FS.MAKE_REG, CORE),
    ),
    # Until "coredump: require O_WRONLY instead of O_RDWR" (6.5) it was opened for reading, too. No
    # permission is asked for on a new file, so that nothing but Landlock's hook tells which.
    "core-without-read-file": Dump(
        answers="async-coredump-read-right",
        covers=FS.READ_FILE,
        handled=FS.READ_FILE,
        expect=since(FS.READ_FILE, Either(EMPTY, CORE)),
    ),
    "core-without-truncate": Dump(
        answers="async-coredump-truncate-right",
        covers=FS.TRUNCATE,
        handled=FS.TRUNCATE,
        expect=since(FS.TRUNCATE, CORE),
    ),
}


@needs(Need.CORE_FILES)
@table(CASES)
def test_core(case: Dump, process: Process, tree: Tree, judge: Judge) -> None:
    """A core file takes the rights to make and to write a file, in the working directory."""
    control = core_file(process, dump_core(process, tree.d2), f"{tree.d2}/core")
    layer = tree.layer(case.handled, {"d1": case.rule} if case.rule else {})
    ended = dump_core(process, tree.d1, layer)
    judge(case.expect, core_file(process, ended, f"{tree.d1}/core"), control)


@answers("async-coredump-existing")
@needs(Need.CORE_FILES)
@covers(FS.REMOVE_FILE)
def test_core_over_another_file(process: Process, tree: Tree, judge: Judge) -> None:
    """A core replaces an older file only if that may be removed."""
    for folder in (tree.d1, tree.d2):
        process.write_file(f"{folder}/core", CONTENT)
    control = core_file(process, dump_core(process, tree.d2), f"{tree.d2}/core")
    ended = dump_core(process, tree.d1, tree.layer(FS.REMOVE_FILE, {}))
    observed = core_file(process, ended, f"{tree.d1}/core")
    kept = process.read_file(f"{tree.d1}/core") == CONTENT
    judge(
        since(FS.REMOVE_FILE, Denied("ENXIO")),
        observed if kept else Seen("another content"),
        control,
    )
