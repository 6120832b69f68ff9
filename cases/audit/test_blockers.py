# SPDX-License-Identifier: MIT
"""Which rights the log names where a call needs several, and some are allowed.

Source: Documentation/admin-guide/LSM/landlock.rst, "AUDIT_LANDLOCK_ACCESS"; security/landlock/
fs.c, hook_file_open() and current_check_refer_path(); log.c, get_denied_layer().
"""

import os
from collections.abc import Callable, Mapping

from cases.audit.logs import logged, logs, says, stats
from suite.case import (
    FS, RENAME_EXCHANGE, AuditLog, Case, Judge, Need, Process, Tree, answers, needs, table, vm_only,
)  # fmt: skip

READ, WRITE, EXECUTE = FS.READ_FILE, FS.WRITE_FILE, FS.EXECUTE
MAKE, REMOVE, REFER = FS.MAKE_REG, FS.REMOVE_FILE, FS.REFER
MOVE = MAKE | REMOVE | REFER


class Access(Case, frozen=True, kw_only=True):
    """A call on d1/file, what is handled, and the rules."""

    call: Callable[[Process, str], object]
    handled: FS
    rules: Mapping[str, FS] = {}
    errno: str = "EACCES"


def access(
    call: Callable[[Process, str], object],
    handled: FS,
    rules: Mapping[str, FS],
    *records: str,
    errno: str = "EACCES",
) -> Access:
    owed = says(*(f"blockers={record}" for record in records))
    return Access(
        call=call,
        handled=handled,
        covers=handled,
        rules=rules,
        errno=errno,
        answers="llr-17" if FS.REFER in handled else (),
        expect=logged([handled], owed),
    )


def open_both(process: Process, tree: str) -> None:
    process.open(f"{tree}/d1/file", os.O_RDWR)


def execute(process: Process, tree: str) -> None:
    process.exec(f"{tree}/d1/program")


def rename_here(process: Process, tree: str) -> None:
    process.rename(f"{tree}/d1/file", f"{tree}/d1/new")


def rename(process: Process, tree: str) -> None:
    process.rename(f"{tree}/d1/file", f"{tree}/d2/new")


def replace(process: Process, tree: str) -> None:
    process.rename(f"{tree}/d1/file", f"{tree}/d2/file")


def link(process: Process, tree: str) -> None:
    process.link(f"{tree}/d1/file", f"{tree}/d2/new")


def exchange(process: Process, tree: str) -> None:
    process.rename(f"{tree}/d1/file", f"{tree}/d2/file", RENAME_EXCHANGE)


def create(process: Process, tree: str) -> None:
    process.open(f"{tree}/d1/new", os.O_WRONLY | os.O_CREAT)


def of(path: str) -> str:
    return f' path="TREE/{path}" dev="tmpfs" ino=INODE'


FILE, PROGRAM, SOURCE, TARGET = of("d1/file"), of("d1/program"), of("d1"), of("d2")
FROM = f"fs.remove_file,fs.refer{SOURCE}"
TO = f"fs.make_reg,fs.refer{TARGET}"
CASES = {
    "open-rdwr": access(open_both, READ | WRITE, {}, f"fs.write_file,fs.read_file{FILE}"),
    "open-rdwr-may-read": access(open_both, READ | WRITE, {"d1": READ}, f"fs.write_file{FILE}"),
    "open-rdwr-may-write": access(open_both, READ | WRITE, {"d1": WRITE}, f"fs.read_file{FILE}"),
    "open-rdwr-without-truncate": access(
        open_both, READ | WRITE | FS.TRUNCATE, {"d1": READ}, f"fs.write_file{FILE}"
    ),
    "execute": access(execute, EXECUTE | READ, {}, f"fs.execute,fs.read_file{PROGRAM}"),
    "execute-may-read": access(execute, EXECUTE | READ, {"d1": READ}, f"fs.execute{PROGRAM}"),
    "create": access(create, MAKE | WRITE, {}, f"fs.make_reg{SOURCE}"),
    "create-may-make": access(create, MAKE | WRITE, {"d1": MAKE}, f"fs.write_file{of('d1/new')}"),
    "rename-here": access(rename_here, MOVE, {}, f"fs.remove_file,fs.make_reg{SOURCE}"),
    "rename-here-may-make": access(rename_here, MOVE, {"d1": MAKE}, f"fs.remove_file{SOURCE}"),
    "rename": access(rename, MOVE, {}, FROM, TO),
    "rename-may-refer": access(
        rename, MOVE, {"": REFER}, f"fs.remove_file{SOURCE}", f"fs.make_reg{TARGET}"
    ),
    "rename-may-leave": access(rename, MOVE, {"d1": REMOVE | REFER}, TO),
    "rename-may-arrive": access(rename, MOVE, {"d2": MAKE | REFER}, FROM),
    "rename-may-make": access(rename, MOVE, {"d2": MAKE}, FROM, f"fs.refer{TARGET}"),
    "rename-may-read-here": access(rename, MOVE | READ, {"d1": READ}, FROM, TO),
    # Where the file would gain rights, the log names all that the domain denies it.
    "rename-gains-read": access(
        rename,
        MOVE | READ,
        {"d1": MOVE, "d2": MOVE | READ},
        f"fs.read_file{SOURCE}",
        errno="EXDEV",
    ),
    "rename-gains-read-without-rights": access(
        rename,
        MOVE | READ,
        {"d2": READ},
        f"fs.read_file,fs.remove_file,fs.make_reg,fs.refer{SOURCE}",
        f"fs.remove_file,fs.make_reg,fs.refer{TARGET}",
    ),
    # REFER is named though nobody handles it: it is denied all the same.
    "rename-gains-read-refer-unhandled": access(
        rename,
        READ,
        {"d2": READ},
        f"fs.read_file,fs.refer{SOURCE}",
        f"fs.refer{TARGET}",
        errno="EXDEV",
    ),
    "replace": access(replace, MOVE, {}, FROM, f"fs.remove_file,fs.make_reg,fs.refer{TARGET}"),
    "link": access(link, MOVE, {}, f"fs.refer{SOURCE}", TO),
    "link-may-refer": access(link, MOVE, {"": REFER}, f"fs.make_reg{TARGET}"),
    "exchange": access(
        exchange,
        MOVE,
        {},
        f"fs.remove_file,fs.make_reg,fs.refer{SOURCE}",
        f"fs.remove_file,fs.make_reg,fs.refer{TARGET}",
    ),
}


@vm_only
@answers("aud-access-format", "llr-43")
@needs(Need.AUDIT)
@table(CASES)
def test_several(case: Access, process: Process, tree: Tree, judge: Judge) -> None:
    """Of what a call needs, the log names what lacks, and nothing else."""
    twin = tree.twin()
    for folder in (tree.d1, twin.d1):
        tree.program(f"{folder}/program")
    control = process.observe(case.call, twin.path)
    with AuditLog(process) as log:
        denied = process.under(tree.layer(case.handled, case.rules)).observe(case.call, tree.path)
        accesses = log.accesses()
        files = stats(process, tree.d1, tree.d2, tree.file, f"{tree.d1}/program", f"{tree.d1}/new")
    observed = logs(accesses, denied, case.errno, {tree.path: "TREE"}, files)
    judge(case.expect, observed, control)


class Layers(Case, frozen=True, kw_only=True):
    """What each layer handles, from the outermost on."""

    layers: tuple[FS, ...]


def layers(record: str, *handled: FS) -> Layers:
    expect = logged(handled, says(f"blockers={record}{FILE}"))
    return Layers(layers=handled, expect=expect)


LAYERS = {
    "layers-both": layers("fs.read_file", READ, READ),
    "layers-outer-read": layers("fs.write_file", READ, WRITE),
    "layers-outer-write": layers("fs.read_file", WRITE, READ),
    "layers-outer-both": layers("fs.read_file", READ | WRITE, READ),
    "layers-inner-both": layers("fs.write_file,fs.read_file", READ, READ | WRITE),
    "layers-inner-neither": layers("fs.read_file", READ, FS.MAKE_BLOCK),
}


@vm_only
@answers("aud-innermost-denier", "llr-43")
@needs(Need.AUDIT)
@table(LAYERS)
def test_layers(case: Layers, process: Process, tree: Tree, judge: Judge) -> None:
    """The log names what lacks in the innermost layer that denies the access."""
    control = process.observe(open_both, tree.path)
    with AuditLog(process) as log:
        sandboxed = process.under(*(tree.layer(handled, {}) for handled in case.layers))
        denied = sandboxed.observe(open_both, tree.path)
        accesses, files = log.accesses(), stats(process, tree.file)
    observed = logs(accesses, denied, names={tree.path: "TREE"}, stats=files)
    judge(case.expect, observed, control)
