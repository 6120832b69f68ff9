# SPDX-License-Identifier: MIT
"""What landlock_add_rule(2) refuses, and what it looks at first.

Source: Documentation/userspace-api/landlock.rst, "Extending a ruleset"; security/landlock/
syscalls.c, landlock_add_rule().
"""

from dataclasses import dataclass

from suite.abi import FS, NET, RULE_NET_PORT, RULE_PATH_BENEATH
from suite.expectation import since
from suite.outcome import Allowed, Outcome, Rejected
from suite.process import Process
from suite.rows import Case, Judge, table
from suite.ruleset import Ruleset, net_port, path_beneath
from suite.session import Argument

FILES, PORTS = Ruleset(fs=FS.READ_FILE), Ruleset(net=NET.BIND_TCP)
NO_FD, NO_PORT = -1, 1 << 16
NO_ATTR, UNKNOWN_FLAG, UNKNOWN_KIND = 0, 1 << 31, 99
NOTHING, UNHANDLED = FS(0), FS.WRITE_FILE
BENEATH_NO_FD = path_beneath(FS.READ_FILE, NO_FD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Case):
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
    number: int, outcome: Outcome, rights: NET = NET.BIND_TCP, ruleset: Ruleset = PORTS
) -> Rule:
    expect = since(ruleset.features, outcome)
    return Rule(ruleset=ruleset, kind=RULE_NET_PORT, attr=net_port(rights, number), expect=expect)


INVALID, EMPTY = Rejected("add_rule", "EINVAL"), Rejected("add_rule", "ENOMSG")
CASES = {
    "unknown-kind-before-attr": beneath(NO_ATTR, "EINVAL", kind=UNKNOWN_KIND),
    "kind-0": beneath(NO_ATTR, "EINVAL", kind=0),
    "no-attr": beneath(NO_ATTR, "EFAULT"),
    "nothing-allowed-before-fd": beneath(
        path_beneath(NOTHING, NO_FD), "ENOMSG", "rule-empty-enomsg"
    ),
    "unhandled-before-fd": beneath(
        path_beneath(UNHANDLED, NO_FD), "EINVAL", "rule-unhandled-before-badfd"
    ),
    "unknown-flag-before-all": beneath(NO_ATTR, "EINVAL", flags=UNKNOWN_FLAG),
    "parent-last": beneath(BENEATH_NO_FD, "EBADF", "rule-badfd-ebadf"),
    "file-in-ruleset-for-ports": Rule(
        ruleset=PORTS,
        kind=RULE_PATH_BENEATH,
        attr=BENEATH_NO_FD,
        expect=since(PORTS.features, INVALID),
        answers="ruleset-fs-zero-net-only",
    ),
    "highest-port": port(NO_PORT - 1, Allowed()),
    "port-0": port(0, Allowed()),
    "port-too-high": port(NO_PORT, INVALID),
    "port-not-truncated": port((1 << 32) + 443, INVALID),
    "port-nothing-allowed-before-range": port(NO_PORT, EMPTY, rights=NET(0)),
    "port-unhandled": port(443, INVALID, rights=NET.CONNECT_TCP),
    "port-in-ruleset-for-files": port(443, INVALID, ruleset=FILES),
}


@table(CASES)
def test_rule(case: Rule, process: Process, judge: Judge) -> None:
    """Flags, kind, attribute, rights and place of a rule are looked at in this order."""
    ruleset = process.build(case.ruleset)
    judge(case.expect, process.observe(Process.add_rule, ruleset, case.kind, case.attr, case.flags))
