# SPDX-License-Identifier: MIT
"""What landlock_add_rule(2) refuses, and what it looks at first.

Source: Documentation/userspace-api/landlock.rst, "Extending a ruleset"; security/landlock/
syscalls.c, landlock_add_rule().
"""

import os

from cases.syscalls.rules import (
    BENEATH_NO_FD,
    EMPTY,
    FILES,
    INVALID,
    NO_ATTR,
    NO_FD,
    NO_PORT,
    RULES,
    UNKNOWN_FLAG,
    UNKNOWN_KIND,
    Rule,
    check_rule,
    port,
)
from suite.case import (
    FS, NET, RULE_PATH_BENEATH, Argument, ByBug, Case, Judge, Need, Process, Rejected, needs, since,
    table,
)  # fmt: skip
from suite.landlock.bugs import ATTR_BEFORE_RULESET


@table(RULES)
def test_rule(case: Rule, process: Process, judge: Judge) -> None:
    """Flags, kind, attribute, rights and place of a rule are looked at in this order."""
    check_rule(case, process, judge)


# What is wrong besides the file descriptor in the place of a ruleset.


class NoRuleset(Case, frozen=True, kw_only=True):
    """The arguments after a file descriptor that is no ruleset's."""

    fd: int
    kind: int = RULE_PATH_BENEATH
    attr: Argument = BENEATH_NO_FD
    flags: int = 0


FILE = 200
"""A file descriptor of a file."""


def no_ruleset(
    fd: int, errno: str, first: str, kind: int = RULE_PATH_BENEATH, attr: Argument = BENEATH_NO_FD
) -> NoRuleset:
    before, after = Rejected("add_rule", first), Rejected("add_rule", errno)
    expect = since(FS.READ_FILE, ByBug(ATTR_BEFORE_RULESET, before=before, after=after))
    answers = ("sys-ar-order", "sys-ar-order-abi1", "llr-21")
    return NoRuleset(fd=fd, kind=kind, attr=attr, expect=expect, answers=answers)


NO_RULESETS = {
    "no-fd-and-unknown-flag": NoRuleset(
        fd=NO_FD,
        flags=UNKNOWN_FLAG,
        expect=since(FS.READ_FILE, INVALID),
        answers=("sys-ar-order", "sys-ar-flags-unknown"),
    ),
    "no-fd-and-unknown-kind": no_ruleset(NO_FD, "EBADF", "EINVAL", kind=UNKNOWN_KIND),
    "no-fd-and-no-attr": no_ruleset(NO_FD, "EBADF", "EFAULT", attr=NO_ATTR),
    "file-and-unknown-kind": no_ruleset(FILE, "EBADFD", "EINVAL", kind=UNKNOWN_KIND),
    "file-and-no-attr": no_ruleset(FILE, "EBADFD", "EFAULT", attr=NO_ATTR),
}


@table(NO_RULESETS)
def test_no_ruleset(case: NoRuleset, process: Process, judge: Judge) -> None:
    """The ruleset is looked at before everything but the flags."""
    process.build(FILES)
    process.dup_to(process.open("/proc/self/status", os.O_RDONLY), FILE)
    judge(case.expect, process.observe(Process.add_rule, case.fd, case.kind, case.attr, case.flags))


# Kernels without TCP/IP, which know the rights on ports nevertheless.

WITHOUT_INET = {
    "without-inet": port(443, Rejected("add_rule", "EAFNOSUPPORT"), "sys-ar-no-inet"),
    "without-inet-port-too-high": port(NO_PORT, INVALID, "sys-ar-no-inet"),
    "without-inet-nothing-allowed": port(443, EMPTY, "sys-ar-no-inet", rights=NET(0)),
    "without-inet-unhandled": port(443, INVALID, "sys-ar-no-inet", rights=NET.CONNECT_TCP),
}


@needs(Need.NO_INET)
@table(WITHOUT_INET)
def test_without_inet(case: Rule, process: Process, judge: Judge) -> None:
    """Without TCP/IP a rule on a port is refused, after all else that can be wrong with it."""
    ruleset = process.build(case.ruleset)
    judge(case.expect, process.observe(Process.add_rule, ruleset, case.kind, case.attr))
