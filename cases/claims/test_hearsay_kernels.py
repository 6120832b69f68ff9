# SPDX-License-Identifier: MIT
"""What is said of which kernels have what of Landlock: true or false, and what shows it.

Source: Documentation/userspace-api/landlock.rst, "Previous limitations".
"""

import os

from cases.claims.hearsay import DENIED, weigh
from cases.controls import refused
from cases.filters import FILTERED, install
from suite.case import (
    FS, SCOPE, Allowed, Case, Facts, Feature, Judge, Need, Outcome, Process, Rejected, Ruleset,
    Seen, Tree, answers, by_abi, needs, own_memory, since, table,
)  # fmt: skip
from suite.judge.expectation import refusal
from suite.landlock.abi import ABIS

READ = Ruleset(fs=FS.READ_FILE)


class Dated(Case, frozen=True, kw_only=True):
    """A ruleset, and the ABI version that is said to be the first that knows it."""

    ruleset: Ruleset
    said: int


def dated(ruleset: Ruleset, feature: Feature, said: int) -> Dated:
    def told(abi: int) -> Seen:
        known = abi >= feature.since
        outcome: Outcome = Allowed() if known else refusal(ruleset.features, abi)
        return Seen(f"{'true' if known == (abi >= said) else 'false'}: {outcome}")

    expect = by_abi(told, feature, SCOPE.SIGNAL, ABIS[said])
    return Dated(ruleset=ruleset, said=said, covers=feature, expect=expect)


DATED = {
    "refer-of-abi-5": dated(Ruleset(fs=FS.REFER), FS.REFER, 5),
    "scopes-of-abi-5": dated(Ruleset(scope=SCOPE.SIGNAL), SCOPE.SIGNAL, 5),
    "ioctl-dev-of-abi-4": dated(Ruleset(fs=FS.IOCTL_DEV), FS.IOCTL_DEV, 4),
}


@answers("claim-abi-of-feature")
@table(DATED)
def test_dated(case: Dated, facts: Facts, process: Process, judge: Judge) -> None:
    """Claim: the first ABI version that has a right or a scope is this one."""
    outcome = process.observe(Process.build, case.ruleset).outcome
    is_said = facts.abi >= case.said
    has = outcome == Allowed()
    if has or (facts.abi and isinstance(outcome, Rejected)):
        outcome = Seen(f"{'true' if has == is_said else 'false'}: {outcome}")
    judge(case.expect, outcome)


@needs(Need.NO_NEW_PRIVS_UNSET)
@answers("claim-unprivileged-since")
def test_unprivileged_since(process: Process, tree: Tree, judge: Judge) -> None:
    """Claim: without privileges, Linux 5.19 (ABI 2) is needed."""
    control = process.observe(Process.open, tree.file, os.O_RDONLY)
    user = process.fork()
    user.drop_capabilities()
    outcome = user.under(READ).observe(Process.open, tree.file, os.O_RDONLY).outcome
    if outcome == Allowed():
        outcome = Seen("not restricted")
    too_early = Rejected("restrict_self", "EPERM")
    expect = since(FS.READ_FILE, Seen("false: EACCES"))
    judge(expect, weigh(outcome, true=too_early, false=DENIED), control)


@needs(Need.SECCOMP)
@answers("claim-based-on-ebpf")
@own_memory
def test_based_on_ebpf(process: Process, tree: Tree, judge: Judge) -> None:
    """Claim: Landlock is based on eBPF, so that who has no bpf(2) has no Landlock."""
    user = process.fork()
    install(user, "bpf")
    control = refused(user.observe(Process.make_map), FILTERED)
    outcome = user.under(READ).observe(Process.open, tree.file, os.O_RDONLY).outcome
    expect = since(FS.READ_FILE, Seen("false: EACCES"))
    judge(expect, weigh(outcome, true=Allowed(), false=DENIED), control)
