# SPDX-License-Identifier: MIT
"""The events of rules that a rename comes across: on both folders, their mount, and the file.

Source: include/trace/events/landlock.h, landlock_check_rule_inode; security/landlock/fs.c,
current_check_refer_path(), collect_domain_accesses() and is_access_to_paths_allowed().
"""

from cases.trace.traces import check, flags, identity, traced
from suite.case import (
    CLONE_NEWNS, FS, Case, Judge, Need, Process, Seen, Trace, Tree, answers, needs, since, table,
    vm_only,
)  # fmt: skip

RENAMED = FS.MAKE_REG | FS.REMOVE_FILE | FS.REFER
READ, READ_WRITE = FS.READ_FILE, FS.READ_FILE | FS.WRITE_FILE
ALL, ABOVE = RENAMED | READ_WRITE, "ABOVE"


class Renamed(Case, frozen=True, kw_only=True):
    """The rules, and what the rename of d1/file to d2/new comes to."""

    rules: dict[str, FS]
    errno: str


def renamed(
    rules: dict[str, FS], *checks: tuple[str, FS], rest: FS = ALL, errno: str = ""
) -> Renamed:
    """A row; ``checks`` are the files whose rules are met, and what these grant.

    All but what is above the mount are asked for all that is handled, that for the ``rest``.
    """
    asked = {ABOVE: rest}
    texts = [check(name, asked.get(name, ALL), flags(grants)) for name, grants in checks]
    return Renamed(rules=rules, errno=errno, expect=since(ALL, Seen(" + ".join(texts))))


MOVES = {
    # The file's own rules are compared with what both folders lack.
    "file-with-rule": renamed(
        {"d1": RENAMED, "d2": RENAMED, "d1/file": READ},
        ("D1", RENAMED),
        ("D2", RENAMED),
        ("FILE", READ),
    ),
    "file-with-rule-all-allowed": renamed(
        {"d1": ALL, "d2": ALL, "d1/file": READ}, ("D1", ALL), ("D2", ALL)
    ),
    # A folder that allows all is not looked beyond.
    "one-folder-allows-all": renamed(
        {"d1": ALL, "d2": RENAMED, "": READ_WRITE},
        ("D1", ALL),
        ("D2", RENAMED),
        ("ROOT", READ_WRITE),
    ),
    # What neither folder allows, the file does not gain: once that is known, nobody looks on.
    "rule-on-root-of-mount": renamed(
        {"d1": RENAMED, "d2": RENAMED, "": READ},
        ("D1", RENAMED),
        ("ROOT", READ),
        ("D2", RENAMED),
        ("ROOT", READ),
    ),
    "allowed-above-the-mount": renamed(
        {"d1": FS.REFER, "d2": RENAMED, "..": FS.REMOVE_FILE},
        ("D1", FS.REFER),
        ("D2", RENAMED),
        (ABOVE, FS.REMOVE_FILE),
        rest=FS.REMOVE_FILE | FS.REFER,
    ),
    "gains-a-right": renamed(
        {"d1": RENAMED, "d2": ALL}, ("D1", RENAMED), ("D2", ALL), errno="EXDEV"
    ),
}


@vm_only
@answers("trc-check-rule")
@needs(Need.TRACEPOINTS, Need.MOUNT)
@table(MOVES)
def test_renames(case: Renamed, process: Process, tree: Tree, judge: Judge) -> None:
    """The folders are looked at up to the root of their mount, one after the other; then the file.

    What the call itself needs is enough as soon as the file is known to gain nothing.
    """
    process.unshare(CLONE_NEWNS)
    process.bind_mount(tree.path, tree.path)
    twin = tree.twin()
    control = process.observe(Process.rename, twin.file, f"{twin.d2}/new")
    paths = {
        "FILE": tree.file,
        "D1": tree.d1,
        "D2": tree.d2,
        "ROOT": tree.path,
        ABOVE: f"{tree.path}/..",
    }
    stats = {name: process.stat(path) for name, path in paths.items()}
    with Trace(process, "check_rule_inode") as trace:
        sandboxed = process.under(tree.layer(ALL, case.rules))
        tried = sandboxed.observe(Process.rename, tree.file, f"{tree.d2}/new")
        events = trace.take()
    names = {identity(stat): name for name, stat in stats.items()}
    judge(case.expect, traced(trace, events, tried, case.errno, names), control)
