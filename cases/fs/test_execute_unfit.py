# SPDX-License-Identifier: MIT
"""execve(2) of what can't be executed anyway: what is looked at before Landlock, and after.

Source: hook_file_open() in security/landlock/fs.c, which is called when the file is opened.
"""

from collections.abc import Callable, Mapping

from cases.controls import refused
from suite.case import FS, Case, Denied, Judge, Process, Tree, answers, covers, since, table

X = FS.EXECUTE
WITH_RULE = {"d1": X}


def nothing(process: Process, path: str) -> None:
    pass


def no_program(process: Process, path: str) -> None:
    process.write_file(path, bytes(64), 0o755)


def file_without_x(process: Process, path: str) -> None:
    process.write_file(path, bytes(64), 0o644)


class Unfit(Case, frozen=True, kw_only=True):
    """What is put at a path, what its execution comes to outside, and what a layer allows."""

    put: Callable[[Process, str], object]
    outside: str
    rules: Mapping[str, FS] = {}


CASES = {
    "missing": Unfit(
        put=nothing,
        outside="ENOENT",
        expect=since(X, Denied("ENOENT")),
    ),
    "folder-with-rule": Unfit(
        put=Process.mkdir,
        outside="EACCES",
        rules=WITH_RULE,
        expect=since(X, Denied("EACCES")),
    ),
    "mode-without-x-with-rule": Unfit(
        put=file_without_x,
        outside="EACCES",
        rules=WITH_RULE,
        expect=since(X, Denied("EACCES")),
    ),
    "unknown-format": Unfit(
        put=no_program,
        outside="ENOEXEC",
        expect=since(X, Denied("EACCES")),
    ),
    "unknown-format-with-rule": Unfit(
        put=no_program,
        outside="ENOEXEC",
        rules=WITH_RULE,
        expect=since(X, Denied("ENOEXEC")),
    ),
}


@answers("exec-noexec-dir-enoent")
@covers(FS.EXECUTE)
@table(CASES)
def test_unfit(case: Unfit, process: Process, tree: Tree, judge: Judge) -> None:
    """Where a file is and its mode come before Landlock, its format comes after."""
    path = f"{tree.d1}/unfit"
    case.put(process, path)
    control = refused(process.observe(Process.exec, path), case.outside)
    sandboxed = process.under(tree.layer(X, case.rules))
    judge(case.expect, sandboxed.observe(Process.exec, path), control)
