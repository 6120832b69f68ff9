# SPDX-License-Identifier: MIT
"""The rights that a rule on a file or a directory may carry.

Source: include/uapi/linux/landlock.h, struct landlock_path_beneath_attr and "Filesystem flags";
landlock_append_fs_rule() in security/landlock/fs.c.
"""

import os
import stat
from collections.abc import Callable

from suite.packed import packed
from suite.case import (
    FS, NEWEST, O_PATH, RULE_PATH_BENEATH, Allowed, Call, Case, Denied, Facts, Judge, Process,
    Rejected, Row, Ruleset, Tree, answers, by_abi, covers, known_bits, path_beneath, since, split,
    table,
)  # fmt: skip
from suite.landlock.abi import FS_FILE

INVALID = Rejected("add_rule", "EINVAL")
READ, READ_DIR = FS.READ_FILE, FS.READ_DIR


def add_rule(process: Process, handled: FS, path: str, rights: FS, flags: int = O_PATH) -> None:
    """Add a rule to a new ruleset."""
    attr = path_beneath(rights, process.open(path, flags))
    process.add_rule(process.build(Ruleset(fs=handled)), RULE_PATH_BENEATH, attr)


class Carried(Case, frozen=True, kw_only=True):
    """A right that a ruleset handles and a rule carries."""

    right: FS


def label(right: FS) -> str:
    return str(right.name).lower().replace("_", "-")


ON_FOLDER = {
    f"{label(right)}-on-folder": Carried(
        covers=right, right=right, expect=since(right, Allowed()), answers="rule-dir-valid-bits"
    )
    for right in FS
}


@table(split("rule", ON_FOLDER))
def test_on_folder(case: Carried, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on a folder may carry every right that is handled, those of files too."""
    judge(case.expect, process.observe(add_rule, case.right, tree.d1, case.right))


def on_file(right: FS) -> Carried:
    return Carried(
        covers=right,
        right=right,
        expect=since(right, Allowed() if right in FS_FILE else INVALID),
        answers=("rule-file-valid-bits", "rule-file-refer-einval")
        if right is FS.REFER
        else "rule-file-valid-bits",
    )


@table(split("rule", {f"{label(right)}-on-file": on_file(right) for right in FS}))
def test_on_file(case: Carried, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule on a file may carry those rights alone that say what is done with a file."""
    control = process.observe(add_rule, case.right, tree.d1, case.right)
    judge(case.expect, process.observe(add_rule, case.right, tree.file, case.right), control)


def named_pipe(process: Process, tree: Tree) -> str:
    process.mkfifo(f"{tree.d1}/fifo")
    return f"{tree.d1}/fifo"


def unix_socket(process: Process, tree: Tree) -> str:
    process.mknod(f"{tree.d1}/socket", stat.S_IFSOCK)
    return f"{tree.d1}/socket"


def symlink_to_folder(process: Process, tree: Tree) -> str:
    process.symlink("sub", f"{tree.d1}/symlink")
    return f"{tree.d1}/symlink"


class NoFolder(Row, frozen=True, kw_only=True):
    """Something that is no directory."""

    make: Callable[[Process, Tree], str]


NO_FOLDERS = {
    "mixed-on-regular-file": NoFolder(make=lambda process, tree: tree.file),
    "mixed-on-named-pipe": NoFolder(make=named_pipe),
    "mixed-on-unix-socket": NoFolder(make=unix_socket),
    "mixed-on-device": NoFolder(make=lambda process, tree: "/dev/null"),
    "mixed-on-symlink": NoFolder(make=symlink_to_folder),
}


@covers(READ, READ_DIR)
@answers("rule-file-mixed-bits-einval")
@table(NO_FOLDERS)
def test_mixed(case: NoFolder, process: Process, tree: Tree, judge: Judge) -> None:
    """One right of directories makes a rule on anything else invalid."""
    path = case.make(process, tree)
    flags = O_PATH | os.O_NOFOLLOW
    control = process.observe(add_rule, READ | READ_DIR, path, READ, flags)
    observed = process.observe(add_rule, READ | READ_DIR, path, READ | READ_DIR, flags)
    judge(since(READ, INVALID), observed, control)


@covers(READ, READ_DIR)
@answers("rule-file-mixed-bits-einval")
def test_mixed_adds_nothing(process: Process, tree: Tree, judge: Judge) -> None:
    """Of an invalid rule nothing is added, not even what the file might have."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    attr = path_beneath(READ | READ_DIR, process.open(tree.file, O_PATH))
    ruleset = process.build(Ruleset(fs=READ | READ_DIR))
    process.observe(Process.add_rule, ruleset, RULE_PATH_BENEATH, attr)
    process.no_new_privs()
    process.enforce(ruleset)
    observed = process.observe(Process.open, tree.file, os.O_RDONLY)
    judge(since(READ, Denied("EACCES")), observed, control)


class Unhandled(Row, frozen=True, kw_only=True):
    """The rights of a rule in a ruleset that handles READ_FILE alone."""

    rights: FS


UNHANDLED = {
    "handled-and-unhandled": Unhandled(
        rights=READ | FS.EXECUTE, answers="rule-unhandled-bit-einval"
    ),
    # Denied without being handled, but not allowed without.
    "refer-unhandled": Unhandled(rights=FS.REFER, answers="rule-refer-unhandled-einval"),
}


@table(UNHANDLED)
def test_unhandled(case: Unhandled, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule can't allow what its ruleset does not handle."""
    control = process.observe(add_rule, READ, tree.d1, READ)
    judge(since(READ, INVALID), process.observe(add_rule, READ, tree.d1, case.rights), control)


HIGHEST = 1 << 63


def next_right(abi: int) -> int:
    """The first bit that is no right of a kernel, as far as we know its ABI version."""
    return 1 << known_bits(FS, abi).bit_length() if abi <= NEWEST else HIGHEST


class Unknown(Row, frozen=True, kw_only=True):
    """A bit that is no right, given the kernel's ABI version."""

    bit: Callable[[int], int]


UNKNOWN = {
    "unknown-next": Unknown(bit=next_right),
    "unknown-bit-60": Unknown(bit=lambda _: 1 << 60),
    "unknown-highest": Unknown(bit=lambda _: HIGHEST),
}


@answers("rule-unknown-bit-einval")
@table({f"{name}-allowed": row for name, row in UNKNOWN.items()})
def test_unknown_allowed(
    case: Unknown, facts: Facts, process: Process, tree: Tree, judge: Judge
) -> None:
    """A rule can't carry an unknown right, even if the ruleset handles all that are known."""
    rights = known_bits(FS, max(facts.abi, 1))
    control = process.observe(add_rule, rights, tree.d1, rights)
    observed = process.observe(add_rule, rights, tree.d1, rights | case.bit(facts.abi))
    judge(by_abi(lambda _: INVALID), observed, control)


def handle(process: Process, rights: int) -> Call:
    return process.create_ruleset(packed("Q", rights), 8)


@answers("ruleset-unknown-bit-einval")
@table({f"{name}-handled": row for name, row in UNKNOWN.items()})
def test_unknown_handled(case: Unknown, facts: Facts, process: Process, judge: Judge) -> None:
    """A ruleset can't handle an unknown right."""
    rights = known_bits(FS, max(facts.abi, 1))
    control = process.observe(handle, rights)
    observed = process.observe(handle, rights | case.bit(facts.abi))
    judge(by_abi(lambda _: Rejected("create_ruleset", "EINVAL")), observed, control)
