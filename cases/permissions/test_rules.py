# SPDX-License-Identifier: MIT
"""Rules on permissions: what landlock_add_rule(2) takes for them, and how it refuses the rest.

Source: landlock-lsm/linux issue 55, "landlock: Add namespace and capability permissions"; tools/
testing/selftests/landlock of the maintainer's tree, ns_test.c and cap_test.c.
"""

from cases.syscalls.memory import UNMAPPED
from suite.case import (
    ADD_RULE, CAP_SYS_ADMIN, CLONE_NEWUTS, FS, PERMISSION, RULE_CAPABILITY, RULE_NAMESPACE, Allowed,
    Argument, Case, Judge, Outcome, Process, Rejected, Ruleset, answers, by_abi, covers, since,
    table, used,
)  # fmt: skip

NAMESPACE, CAPABILITY = PERMISSION.NAMESPACE_USE, PERMISSION.CAPABILITY_USE
BOTH = NAMESPACE | CAPABILITY
UTS, ADMIN = CLONE_NEWUTS, 1 << CAP_SYS_ADMIN
UNKNOWN = 1 << 63
EMPTY, INVALID = Rejected("add_rule", "ENOMSG"), Rejected("add_rule", "EINVAL")


class Rule(Case, frozen=True, kw_only=True):
    """A rule in a ruleset that handles these permissions."""

    handled: PERMISSION = BOTH
    kind: int
    attr: Argument
    flags: int = 0


def rule(
    attr: Argument,
    outcome: Outcome,
    answers: str,
    *,
    kind: int = RULE_NAMESPACE,
    handled: PERMISSION = BOTH,
    flags: int = 0,
) -> Rule:
    return Rule(
        handled=handled,
        kind=kind,
        attr=attr,
        flags=flags,
        expect=since(handled, outcome),
        answers=answers,
        covers=NAMESPACE if kind == RULE_NAMESPACE else CAPABILITY,
    )


def capability(
    attr: Argument, outcome: Outcome, answers: str, handled: PERMISSION = BOTH, flags: int = 0
) -> Rule:
    return rule(attr, outcome, answers, kind=RULE_CAPABILITY, handled=handled, flags=flags)


MEMBERS, PERMISSIONS = "perm-unknown-members", "perm-rule-permissions"
RULES = {
    "namespace": rule(used(NAMESPACE, UTS), Allowed(), "perm-rule"),
    "namespace-quiet": rule(used(NAMESPACE, 0, UTS), Allowed(), "perm-rule-quiet-alone"),
    "namespace-allowed-and-quiet": rule(used(NAMESPACE, UTS, UTS), Allowed(), "perm-rule"),
    "namespace-nothing": rule(used(NAMESPACE, 0), EMPTY, "perm-rule-empty"),
    "namespace-no-permission": rule(used(0, UTS), EMPTY, "perm-rule-empty"),
    "namespace-unknown-permission": rule(used(UNKNOWN, UTS), INVALID, PERMISSIONS),
    "namespace-known-and-unknown-permission": rule(
        used(NAMESPACE | UNKNOWN, UTS), INVALID, PERMISSIONS
    ),
    "namespace-other-permission": rule(used(CAPABILITY, UTS), INVALID, PERMISSIONS),
    "namespace-both-permissions": rule(used(BOTH, UTS), INVALID, PERMISSIONS),
    "namespace-unhandled": rule(used(NAMESPACE, UTS), INVALID, PERMISSIONS, handled=CAPABILITY),
    "namespace-quiet-flag": rule(
        used(NAMESPACE, UTS), INVALID, "perm-rule-flag", flags=ADD_RULE.QUIET
    ),
    "namespace-null": rule(0, Rejected("add_rule", "EFAULT"), "perm-rule-efault"),
    "namespace-unmapped": rule(UNMAPPED, Rejected("add_rule", "EFAULT"), "perm-rule-efault"),
    "namespace-known-and-unknown": rule(used(NAMESPACE, UTS | UNKNOWN), Allowed(), MEMBERS),
    "namespace-flag-of-clone": rule(used(NAMESPACE, 1 << 8), Allowed(), MEMBERS),
    "namespace-unknown-quiet": rule(used(NAMESPACE, 0, UNKNOWN), Allowed(), MEMBERS),
    "capability": capability(used(CAPABILITY, ADMIN), Allowed(), "perm-rule"),
    "capability-quiet": capability(used(CAPABILITY, 0, ADMIN), Allowed(), "perm-rule-quiet-alone"),
    "capability-allowed-and-quiet": capability(
        used(CAPABILITY, ADMIN, ADMIN), Allowed(), "perm-rule"
    ),
    "capability-nothing": capability(used(CAPABILITY, 0), EMPTY, "perm-rule-empty"),
    "capability-no-permission": capability(used(0, ADMIN), EMPTY, "perm-rule-empty"),
    "capability-unknown-permission": capability(used(UNKNOWN, ADMIN), INVALID, PERMISSIONS),
    "capability-known-and-unknown-permission": capability(
        used(CAPABILITY | UNKNOWN, ADMIN), INVALID, PERMISSIONS
    ),
    "capability-other-permission": capability(used(NAMESPACE, ADMIN), INVALID, PERMISSIONS),
    "capability-both-permissions": capability(used(BOTH, ADMIN), INVALID, PERMISSIONS),
    "capability-unhandled": capability(
        used(CAPABILITY, ADMIN), INVALID, PERMISSIONS, handled=NAMESPACE
    ),
    "capability-quiet-flag": capability(
        used(CAPABILITY, ADMIN), INVALID, "perm-rule-flag", flags=ADD_RULE.QUIET
    ),
    "capability-null": capability(0, Rejected("add_rule", "EFAULT"), "perm-rule-efault"),
    "capability-unmapped": capability(UNMAPPED, Rejected("add_rule", "EFAULT"), "perm-rule-efault"),
    "capability-known-and-unknown": capability(
        used(CAPABILITY, ADMIN | UNKNOWN), Allowed(), MEMBERS
    ),
    "capability-after-the-last": capability(used(CAPABILITY, 1 << 60), Allowed(), MEMBERS),
    "capability-unknown-quiet": capability(used(CAPABILITY, 0, UNKNOWN), Allowed(), MEMBERS),
}


@table(RULES)
def test_rule(case: Rule, process: Process, judge: Judge) -> None:
    """A rule names its own permission, which is handled, and something that is allowed or quiet."""
    ruleset = process.build(Ruleset(permissions=case.handled))
    judge(case.expect, process.observe(Process.add_rule, ruleset, case.kind, case.attr, case.flags))


class Elsewhere(Case, frozen=True, kw_only=True):
    """A rule in a ruleset that handles no permission."""

    kind: int
    attr: Argument


REFUSED = by_abi(lambda _: INVALID)
ELSEWHERE = {
    "namespace-in-a-ruleset-of-files": Elsewhere(
        kind=RULE_NAMESPACE, attr=used(NAMESPACE, UTS), expect=REFUSED
    ),
    "capability-in-a-ruleset-of-files": Elsewhere(
        kind=RULE_CAPABILITY, attr=used(CAPABILITY, ADMIN), expect=REFUSED
    ),
}


@covers(FS.READ_FILE)
@answers("perm-rule-elsewhere")
@table(ELSEWHERE)
def test_elsewhere(case: Elsewhere, process: Process, judge: Judge) -> None:
    """Where no permission is handled, such rules are refused, as kernels without them do it."""
    ruleset = process.build(Ruleset(fs=FS.READ_FILE))
    control = process.observe(Process.build, Ruleset(fs=FS.READ_FILE).allow("/", FS.READ_FILE))
    judge(case.expect, process.observe(Process.add_rule, ruleset, case.kind, case.attr), control)
