# SPDX-License-Identifier: MIT
"""Interpreters that binfmt_misc starts for files of a format.

Source: Documentation/admin-guide/binfmt-misc.rst, flag F; hook_file_open() in
security/landlock/fs.c; "landlock: Use f_cred in security_file_open() hook".
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cases.fs.executing import ALLOWED, DENIED, XR, X
from suite.case import (
    CLONE_NEWNS, CLONE_NEWUSER, FS, Allowed, Case, Denied, Either, Judge, Need, Process, Tree,
    covers, needs, since, table,
)  # fmt: skip
from suite.landlock.changes import OPENER_CREDENTIALS

MOUNT = "/proc/sys/fs/binfmt_misc"


@contextmanager
def handled_format(process: Process, tree: Tree, flags: str) -> Iterator[tuple[Process, str]]:
    """A process for which an interpreter in ``d2`` is registered, and a file for it in ``d1``."""
    magic = tree.path.replace("/", "-")
    interpreter = tree.program(f"{tree.d2}/interpreter")
    file = f"{tree.d1}/file-of-format"
    process.write_file(file, magic.encode(), 0o755)
    child = process.fork(CLONE_NEWUSER | CLONE_NEWNS)
    child.map_ids()  # the files of binfmt_misc belong to root
    if child.observe(Process.mount, "none", MOUNT, "binfmt_misc").outcome != Allowed():
        # Before Linux 6.7 all user namespaces have the same formats: in virtual machines only.
        child = process.fork(CLONE_NEWNS)
        child.mount("none", MOUNT, "binfmt_misc")
    fd = child.open(f"{MOUNT}/register", os.O_WRONLY)
    _ = child.write(fd, f":{magic}:M::{magic}::{interpreter}:{flags}".encode()).value
    try:
        yield child, file
    finally:
        _ = child.write(child.open(f"{MOUNT}/{magic}", os.O_WRONLY), b"-1").value


class Format(Case, frozen=True, kw_only=True):
    """The flags with which a format is registered, and what a layer allows."""

    flags: str = ""
    rules: Mapping[str, FS]


CASES = {
    "format": Format(
        answers="exec-binfmt-misc",
        rules={"d1": XR, "d2": XR},
        expect=ALLOWED,
    ),
    "format-without-its-interpreter": Format(
        answers="exec-binfmt-misc",
        rules={"d1": XR},
        expect=DENIED,
    ),
    # The interpreter is opened with the credentials of who registered it. The hook looked at those
    # of who executes until Linux 6.9, which has the ABI version of 6.8.
    "format-with-open-interpreter": Format(
        answers="exec-binfmt-misc-f-flag",
        flags="F",
        rules={"d1": XR},
        expect=since(X, Either(Denied("EACCES"), Allowed()), (OPENER_CREDENTIALS, Allowed())),
    ),
    "format-with-open-interpreter-alone": Format(
        answers="exec-binfmt-misc-f-flag",
        flags="F",
        rules={"d2": XR},
        expect=DENIED,
    ),
}


@needs(Need.ROOT, Need.BINFMT_MISC)
@covers(FS.EXECUTE)
@table(CASES)
def test_format(case: Format, process: Process, tree: Tree, judge: Judge) -> None:
    """A file's interpreter is checked as it is opened: when it starts or, with F, long before."""
    with handled_format(process, tree, case.flags) as (child, file):
        control = child.fork().observe(Process.exec, file)
        sandboxed = child.under(tree.layer(XR, case.rules))
        observed = sandboxed.observe(Process.exec, file).outcome
    judge(case.expect, observed, control)
