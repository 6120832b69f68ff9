# SPDX-License-Identifier: MIT
"""Rules on files with LANDLOCK_ADD_RULE_QUIET: about the log alone, never about the access.

Source: include/uapi/linux/landlock.h, LANDLOCK_ADD_RULE_QUIET and quiet_access_fs.
"""

import os
from collections.abc import Mapping

from suite.packed import packed
from suite.case import (
    ADD_RULE, FS, O_PATH, RULE_PATH_BENEATH, Allowed, Call, Case, Denied, Judge, Process, Rejected,
    Row, Ruleset, Tree, answers, covers, path_beneath, since, table,
)  # fmt: skip

READ, NOTHING, QUIET = FS.READ_FILE, FS(0), ADD_RULE.QUIET
WITH_MASK, WITHOUT_MASK = Ruleset(fs=READ, quiet_fs=READ), Ruleset(fs=READ)
ALLOWED, DENIED = since(QUIET, Allowed()), since(QUIET, Denied("EACCES"))


def add_rule(process: Process, ruleset: Call, path: str, rights: FS) -> None:
    """Add a quiet rule."""
    attr = path_beneath(rights, process.open(path, O_PATH))
    process.add_rule(ruleset, RULE_PATH_BENEATH, attr, QUIET)


class Added(Row, frozen=True, kw_only=True):
    """A quiet rule."""

    path: str
    rights: FS


ADDED = {
    "nothing-on-folder": Added(path="d1", rights=NOTHING, answers="quiet-rule-empty-access"),
    "nothing-on-file": Added(path="d1/file", rights=NOTHING, answers="quiet-rule-empty-access"),
    "read-on-file": Added(path="d1/file", rights=READ, answers="quiet-flag-no-effect-on-access"),
}


@covers(QUIET)
@table(ADDED)
def test_with_a_mask(case: Added, process: Process, tree: Tree, judge: Judge) -> None:
    """A quiet rule is valid in a ruleset with a quiet mask, even if it allows nothing."""
    path = f"{tree.path}/{case.path}"
    judge(ALLOWED, process.observe(add_rule, process.build(WITH_MASK), path, case.rights))


@covers(QUIET)
@answers("quiet-rule-without-mask")
@table({f"{name}-without-mask": row for name, row in ADDED.items()})
def test_without_a_mask(case: Added, process: Process, tree: Tree, judge: Judge) -> None:
    """No rule can be quiet in a ruleset without a quiet mask; older kernels know no such flag."""
    path = f"{tree.path}/{case.path}"
    observed = process.observe(add_rule, process.build(WITHOUT_MASK), path, case.rights)
    judge(since(READ, Rejected("add_rule", "EINVAL")), observed)


class Rules(Case, frozen=True, kw_only=True):
    """Quiet rules, and whether d1/file can be read."""

    rules: Mapping[str, FS]


RULES = {
    "read": Rules(
        rules={"d1/file": READ}, expect=ALLOWED, answers="quiet-flag-no-effect-on-access"
    ),
    "read-on-other-file": Rules(
        rules={"d2/file": READ}, expect=DENIED, answers="quiet-flag-no-effect-on-access"
    ),
    "allows-nothing-on-folder": Rules(
        rules={"d1": NOTHING}, expect=DENIED, answers="quiet-rule-empty-access"
    ),
    "allows-nothing-on-file": Rules(
        rules={"d1/file": NOTHING}, expect=DENIED, answers="quiet-rule-empty-access"
    ),
    "takes-nothing": Rules(
        rules={"d1": READ, "d1/file": NOTHING},
        expect=ALLOWED,
        answers="quiet-flag-no-effect-on-access",
    ),
}


@covers(QUIET)
@table(RULES)
def test_access(case: Rules, process: Process, tree: Tree, judge: Judge) -> None:
    """A quiet rule allows what it carries, as any other rule does, and denies nothing."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    sandboxed = process.fork()
    ruleset = sandboxed.build(WITH_MASK)
    with sandboxed.session.gate():
        for path, rights in case.rules.items():
            add_rule(sandboxed, ruleset, f"{tree.path}/{path}", rights)
    sandboxed.no_new_privs()
    sandboxed.enforce(ruleset)
    judge(case.expect, sandboxed.observe(Process.open, tree.file, os.O_RDONLY), control)


class Mask(Case, frozen=True, kw_only=True):
    """The quiet mask of a ruleset that handles READ_FILE."""

    mask: FS


MASKS = {
    "mask-handled": Mask(mask=READ, expect=ALLOWED, answers="quiet-attr-lower-abi"),
    "mask-not-handled": Mask(
        mask=FS.WRITE_FILE,
        expect=since(QUIET, Rejected("create_ruleset", "EINVAL")),
        answers=("quiet-mask-not-subset", "quiet-attr-lower-abi"),
    ),
}


@covers(QUIET)
@table(MASKS)
def test_mask(case: Mask, process: Process, judge: Judge) -> None:
    """What is quiet must be handled; to older kernels the mask is an unknown field (E2BIG)."""
    attr = packed("6Q", READ, 0, 0, case.mask, 0, 0)
    judge(case.expect, process.observe(Process.create_ruleset, attr, len(attr)))
