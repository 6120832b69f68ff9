# SPDX-License-Identifier: MIT
"""Rules that landlock_add_rule(2) refuses, most of them."""

from suite.packed import packed
from suite.case import (
    FS, NET, RULE_NET_PORT, RULE_PATH_BENEATH, SCOPE, Allowed, Argument, Case, Judge, Need, Outcome,
    Process, Rejected, Ruleset, by_abi, net_port, path_beneath, since,
)  # fmt: skip

FILES, PORTS = Ruleset(fs=FS.READ_FILE), Ruleset(net=NET.BIND_TCP)
SCOPES = Ruleset(scope=SCOPE.SIGNAL)
NO_FD, NO_PORT = -1, 1 << 16
NO_ATTR, UNKNOWN_FLAG, UNKNOWN_KIND = 0, 1 << 31, 99
NOTHING, UNHANDLED = FS(0), FS.WRITE_FILE
UNKNOWN_RIGHT_NO_FD = packed("Qi", FS.READ_FILE | 1 << 63, NO_FD)
BENEATH_NO_FD = path_beneath(FS.READ_FILE, NO_FD)


class Rule(Case, frozen=True, kw_only=True):
    """A rule, and the arguments that it is added with."""

    ruleset: Ruleset
    kind: int
    attr: Argument
    flags: int = 0


def beneath(
    attr: Argument, errno: str, *answers: str, kind: int = RULE_PATH_BENEATH, flags: int = 0
) -> Rule:
    expect = since(FS.READ_FILE, Rejected("add_rule", errno))
    return Rule(ruleset=FILES, kind=kind, attr=attr, flags=flags, expect=expect, answers=answers)


def port(
    number: int,
    outcome: Outcome,
    *answers: str,
    rights: NET = NET.BIND_TCP,
    ruleset: Ruleset = PORTS,
) -> Rule:
    return Rule(
        ruleset=ruleset,
        kind=RULE_NET_PORT,
        attr=net_port(rights, number),
        expect=since(ruleset.features, outcome),
        answers=answers,
        needs=(Need.INET,) if outcome == Allowed() else (),
    )


def in_ruleset_for_files(attr: Argument, errno: str, *answers: str) -> Rule:
    """A rule on a port; kernels that know no such rules look at nothing else."""

    def owed(abi: int) -> Outcome:
        return Rejected("add_rule", errno) if abi >= NET.BIND_TCP.since else INVALID

    return Rule(
        ruleset=FILES,
        kind=RULE_NET_PORT,
        attr=attr,
        expect=by_abi(owed, NET.BIND_TCP),
        answers=("sys-ar-type-net-lowabi", *answers),
    )


def on_ruleset(ruleset: Ruleset, *answers: str) -> Rule:
    """A rule on files in a ruleset that is about something else."""
    return Rule(
        ruleset=ruleset,
        kind=RULE_PATH_BENEATH,
        attr=BENEATH_NO_FD,
        expect=since(ruleset.features, INVALID),
        answers=answers,
    )


INVALID, EMPTY = Rejected("add_rule", "EINVAL"), Rejected("add_rule", "ENOMSG")
RULES = {
    "unknown-kind-before-attr": beneath(
        NO_ATTR, "EINVAL", "sys-ar-type-unknown", "sys-ar-order", kind=UNKNOWN_KIND
    ),
    "kind-0": beneath(NO_ATTR, "EINVAL", "sys-ar-type-unknown", kind=0),
    "kind-minus-1": beneath(NO_ATTR, "EINVAL", "sys-ar-type-unknown", kind=-1),
    "no-attr": beneath(NO_ATTR, "EFAULT", "sys-ar-null"),
    "nothing-allowed-before-fd": beneath(
        path_beneath(NOTHING, NO_FD),
        "ENOMSG",
        "rule-empty-enomsg",
        "sys-ar-empty",
        "gap-deny-rules",
    ),
    "unhandled-before-fd": beneath(
        path_beneath(UNHANDLED, NO_FD), "EINVAL", "rule-unhandled-before-badfd", "sys-ar-subset"
    ),
    "unknown-right-before-fd": beneath(UNKNOWN_RIGHT_NO_FD, "EINVAL", "sys-ar-subset"),
    "unknown-flag-before-all": beneath(
        NO_ATTR, "EINVAL", "sys-ar-flags-unknown", flags=UNKNOWN_FLAG
    ),
    "parent-last": beneath(BENEATH_NO_FD, "EBADF", "rule-badfd-ebadf", "sys-ar-parent-badf"),
    "file-in-ruleset-for-ports": on_ruleset(
        PORTS, "ruleset-fs-zero-net-only", "sys-ar-fs-on-netonly"
    ),
    "file-in-ruleset-for-scopes": on_ruleset(SCOPES, "sys-ar-fs-on-netonly"),
    "port-in-ruleset-for-files": in_ruleset_for_files(
        net_port(NET.BIND_TCP, 443), "EINVAL", "sys-ar-net-on-fsonly"
    ),
    "port-nothing-allowed-in-ruleset-for-files": in_ruleset_for_files(
        net_port(NET(0), NO_PORT), "ENOMSG", "sys-ar-net-on-fsonly", "sys-ar-empty"
    ),
    "port-no-attr-in-ruleset-for-files": in_ruleset_for_files(NO_ATTR, "EFAULT", "sys-ar-null"),
    "port-in-ruleset-for-scopes": port(443, INVALID, "sys-ar-net-on-fsonly", ruleset=SCOPES),
    "port-nothing-allowed-in-ruleset-for-scopes": port(
        443, EMPTY, "sys-ar-net-on-fsonly", rights=NET(0), ruleset=SCOPES
    ),
    "highest-port": port(NO_PORT - 1, Allowed(), "sys-ar-port-range"),
    "port-0": port(0, Allowed(), "sys-ar-port-0"),
    "port-too-high": port(NO_PORT, INVALID, "sys-ar-port-range"),
    "port-not-truncated": port((1 << 32) + 443, INVALID, "sys-ar-port-range"),
    "port-greatest": port((1 << 64) - 1, INVALID, "sys-ar-port-range"),
    "port-nothing-allowed-before-range": port(
        NO_PORT, EMPTY, "sys-ar-port-order", "sys-ar-empty", rights=NET(0)
    ),
    "port-unhandled": port(443, INVALID, "sys-ar-subset", rights=NET.CONNECT_TCP),
    "port-unhandled-and-too-high": port(
        NO_PORT, INVALID, "sys-ar-port-order", "sys-ar-subset", rights=NET.CONNECT_TCP
    ),
}


def check_rule(case: Rule, process: Process, judge: Judge) -> None:
    """What the kernel says to it."""
    ruleset = process.build(case.ruleset)
    judge(case.expect, process.observe(Process.add_rule, ruleset, case.kind, case.attr, case.flags))
