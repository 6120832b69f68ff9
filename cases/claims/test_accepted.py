# SPDX-License-Identifier: MIT
"""Every access right, scope and flag is accepted if and only if the claimed ABI version has it.

Source: include/uapi/linux/landlock.h; Documentation/userspace-api/landlock.rst, "Previous
limitations".
"""

from suite.case import (
    ADD_RULE, CREATE, FS, LANDLOCK, NET, O_PATH, PERMISSION, RESTRICT, RULE_PATH_BENEATH, SCOPE,
    Allowed, Case, Clause, Expectation, Facts, Feature, Judge, Process, Rejected, Ruleset, Tree,
    answers, covers, path_beneath, since, table,
)  # fmt: skip
from suite.landlock.abi import FEATURES
from suite.landlock.changes import ERRATA_INTERFACE

CASES = {
    label.translate(str.maketrans("._", "--")): Case(
        covers=feature, expect=since(feature, Allowed())
    )
    for label, feature in FEATURES.items()
    if feature is not CREATE.ERRATA
}


def ask_for(process: Process, feature: Feature, path: str) -> None:
    """Make the calls that need the feature, and nothing newer."""
    match feature:
        case FS():
            process.build(Ruleset(fs=feature))
        case NET():
            process.build(Ruleset(net=feature))
        case SCOPE():
            process.build(Ruleset(scope=feature))
        case PERMISSION():
            process.build(Ruleset(permissions=feature))
        case ADD_RULE():
            process.build(Ruleset(fs=FS.READ_FILE, quiet_fs=FS.READ_FILE).quiet(path))
        case RESTRICT():
            process.restrict(Ruleset(fs=FS.READ_FILE, flags=feature))
        case CREATE():
            process.create_ruleset(0, 0, feature)


@table(CASES)
def test_accepted(case: Case, process: Process, tree: Tree, judge: Judge) -> None:
    """A feature of the claimed ABI version is accepted, and a newer one is refused."""
    judge(case.expect, process.observe(ask_for, case.covers, tree.path))


WITH_INTERFACE = since(CREATE.ERRATA, Allowed())
WITHOUT_INTERFACE = Expectation(
    Clause(None, until=LANDLOCK, absent=True),
    Clause(Rejected("create_ruleset", "EINVAL"), LANDLOCK, ERRATA_INTERFACE, absent=True),
    Clause(Allowed(), since=ERRATA_INTERFACE),
)


@covers(CREATE.ERRATA)
@answers("sys-cr-errata")
def test_create_errata(process: Process, facts: Facts, judge: Judge) -> None:
    """A kernel may have the errata interface from any ABI version on, and must from ABI 7 on.

    Source: "landlock: Add the errata interface" (15383a0d63db).
    """
    expect = WITHOUT_INTERFACE if facts.errata is None else WITH_INTERFACE
    judge(expect, process.observe(Process.create_ruleset, 0, 0, CREATE.ERRATA))


QUIET_FLAG = Expectation(
    Clause(None, until=LANDLOCK, absent=True),
    Clause(Rejected("add_rule", "EINVAL"), LANDLOCK, ADD_RULE.QUIET, absent=True),
    Clause(Allowed(), since=ADD_RULE.QUIET),
)


@covers(ADD_RULE.QUIET)
@answers("sys-ar-flag-quiet-lowabi")
def test_quiet_flag(process: Process, tree: Tree, facts: Facts, judge: Judge) -> None:
    """A rule that is accepted without the flag of quiet rules shows whether the flag is.

    What is quiet is named only where the attribute has room for it: elsewhere the kernel would
    refuse the attribute, and never see the flag.

    Source: landlock_add_rule() in security/landlock/syscalls.c, "No flag for now".
    """
    quiet = FS.READ_FILE if facts.abi >= ADD_RULE.QUIET.since else FS(0)
    ruleset = process.build(Ruleset(fs=FS.READ_FILE, quiet_fs=quiet))
    rule = path_beneath(FS.READ_FILE, process.open(tree.path, O_PATH))
    control = process.observe(Process.add_rule, ruleset, RULE_PATH_BENEATH, rule)
    observed = process.observe(Process.add_rule, ruleset, RULE_PATH_BENEATH, rule, ADD_RULE.QUIET)
    judge(QUIET_FLAG, observed, control)
