# SPDX-License-Identifier: MIT
"""Every access right, scope and flag is accepted if and only if the claimed ABI version has it.

Source: include/uapi/linux/landlock.h; Documentation/userspace-api/landlock.rst, "Previous
limitations".
"""

from suite.case import (
    ADD_RULE, CREATE, FS, LANDLOCK, NET, RESTRICT, SCOPE, Allowed, Case, Clause, Expectation, Facts,
    Feature, Judge, Process, Rejected, Ruleset, Tree, answers, covers, since, table,
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
