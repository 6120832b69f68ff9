# SPDX-License-Identifier: MIT
"""quiet_access_fs, quiet_access_net and quiet_scoped of a ruleset, and quiet rules on ports.

Quiet rules on files are shown in the area ``fs``.

Source: include/uapi/linux/landlock.h, struct landlock_ruleset_attr and LANDLOCK_ADD_RULE_QUIET.
"""

from socket import AF_INET

from suite.packed import packed
from cases.net.calls import bind_tcp
from suite.case import (
    ADD_RULE, FS, NET, RULE_NET_PORT, RULE_PATH_BENEATH, SCOPE, Allowed, Case, Denied, Judge, Need,
    Outcome, Pack, Process, Rejected, Ruleset, answers, covers, needs, net_port, path_beneath,
    since, table,
)  # fmt: skip

READ, WRITE = int(FS.READ_FILE), int(FS.WRITE_FILE)
BIND, CONNECT = int(NET.BIND_TCP), int(NET.CONNECT_TCP)
SIGNAL, UNIX = int(SCOPE.SIGNAL), int(SCOPE.ABSTRACT_UNIX_SOCKET)
UNKNOWN = 1 << 63
INVALID = Rejected("create_ruleset", "EINVAL")


class Masks(Case, frozen=True, kw_only=True):
    """What is handled, and what of it is quiet: rights on files, rights on ports, scopes."""

    handled: tuple[int, int, int]
    quiet: tuple[int, int, int]


def masks(
    handled: tuple[int, int, int], quiet: tuple[int, int, int], outcome: Outcome, *answers: str
) -> Masks:
    expect = since(ADD_RULE.QUIET, outcome)
    return Masks(handled=handled, quiet=quiet, expect=expect, answers=answers)


EACH, SUBSET = (READ, BIND, SIGNAL), "sys-cr-quiet-subset"
CASES = {
    "fs": masks(EACH, (READ, 0, 0), Allowed(), SUBSET),
    "net": masks(EACH, (0, BIND, 0), Allowed(), SUBSET),
    "scope": masks(EACH, (0, 0, SIGNAL), Allowed(), SUBSET),
    "all": masks(EACH, EACH, Allowed(), SUBSET),
    "fs-other": masks(EACH, (WRITE, 0, 0), INVALID, SUBSET),
    "net-other": masks(EACH, (0, CONNECT, 0), INVALID, SUBSET),
    "scope-other": masks(EACH, (0, 0, UNIX), INVALID, SUBSET),
    "fs-and-other": masks(EACH, (READ | WRITE, 0, 0), INVALID, SUBSET),
    "net-and-other": masks(EACH, (0, BIND | CONNECT, 0), INVALID, SUBSET),
    "scope-and-other": masks(EACH, (0, 0, SIGNAL | UNIX), INVALID, SUBSET),
    "fs-unknown": masks(EACH, (READ | UNKNOWN, 0, 0), INVALID, SUBSET),
    "net-unknown": masks(EACH, (0, BIND | UNKNOWN, 0), INVALID, SUBSET),
    "scope-unknown": masks(EACH, (0, 0, SIGNAL | UNKNOWN), INVALID, SUBSET),
    "fs-alone": masks((0, 0, 0), (READ, 0, 0), INVALID, "sys-cr-quiet-only"),
    "net-alone": masks((0, 0, 0), (0, BIND, 0), INVALID, "sys-cr-quiet-only"),
    "scope-alone": masks((0, 0, 0), (0, 0, SIGNAL), INVALID, "sys-cr-quiet-only"),
}


@covers(ADD_RULE.QUIET)
@table(CASES)
def test_masks(case: Masks, process: Process, judge: Judge) -> None:
    """Only what is handled can be quiet; that is looked at before whether anything is handled."""
    attr = packed("6Q", *case.handled, *case.quiet)
    judge(case.expect, process.observe(Process.create_ruleset, attr, len(attr)))


FILES = Ruleset(fs=FS.READ_FILE, net=NET.BIND_TCP, quiet_fs=FS.READ_FILE)
PORTS = Ruleset(fs=FS.READ_FILE, net=NET.BIND_TCP, quiet_net=NET.BIND_TCP)
NO_PORT, NO_FD = 1 << 16, -1


class Rule(Case, frozen=True, kw_only=True):
    """A quiet rule."""

    ruleset: Ruleset
    kind: int
    attr: Pack


def port(
    ruleset: Ruleset, number: int, outcome: Outcome, *answers: str, rights: NET = NET(0)
) -> Rule:
    return Rule(
        ruleset=ruleset,
        kind=RULE_NET_PORT,
        attr=net_port(rights, number),
        expect=since(ADD_RULE.QUIET, outcome),
        answers=answers,
        needs=(Need.INET,) if outcome == Allowed() else (),
    )


def folder(ruleset: Ruleset, errno: str, rights: FS = FS(0)) -> Rule:
    """In the place of the folder there is no file descriptor."""
    attr, refused = path_beneath(rights, NO_FD), Rejected("add_rule", errno)
    return Rule(
        ruleset=ruleset,
        kind=RULE_PATH_BENEATH,
        attr=attr,
        expect=since(ADD_RULE.QUIET, refused),
        answers="sys-ar-quiet-nomask",
    )


USELESS = Rejected("add_rule", "EINVAL")
RULES = {
    "port": port(PORTS, 443, Allowed(), "sys-ar-quiet-empty"),
    "port-with-right": port(PORTS, 443, Allowed(), "sys-ar-quiet-empty", rights=NET.BIND_TCP),
    "port-too-high": port(PORTS, NO_PORT, USELESS, "sys-ar-quiet-port-range"),
    "port-unhandled": port(PORTS, 443, USELESS, "sys-ar-subset", rights=NET.CONNECT_TCP),
    "port-without-mask": port(FILES, 443, USELESS, "sys-ar-quiet-nomask"),
    "port-with-right-without-mask": port(
        FILES, 443, USELESS, "sys-ar-quiet-nomask", rights=NET.BIND_TCP
    ),
    "folder-without-mask-before-fd": folder(PORTS, "EINVAL"),
    "folder-with-right-without-mask-before-fd": folder(PORTS, "EINVAL", rights=FS.READ_FILE),
    "folder-with-mask": folder(FILES, "EBADF"),
}


@covers(ADD_RULE.QUIET)
@table(RULES)
def test_rule(case: Rule, process: Process, judge: Judge) -> None:
    """A rule can be quiet, and then empty, if its ruleset has quiet rights of the rule's kind."""
    ruleset = process.build(case.ruleset)
    observed = process.observe(Process.add_rule, ruleset, case.kind, case.attr, ADD_RULE.QUIET)
    judge(case.expect, observed)


class Bind(Case, frozen=True, kw_only=True):
    """What a quiet rule on the port allows."""

    rights: NET


BINDS = {
    "port-allows-nothing": Bind(
        rights=NET(0), expect=since(ADD_RULE.QUIET, Denied("EACCES")), answers="sys-ar-quiet-empty"
    ),
    "port-allows": Bind(rights=NET.BIND_TCP, expect=since(ADD_RULE.QUIET, Allowed())),
}


@needs(Need.NET)
@covers(ADD_RULE.QUIET)
@table(BINDS)
def test_bind(case: Bind, process: Process, port: int, judge: Judge) -> None:
    """A quiet rule on a port allows what it carries, and nothing if it is empty."""
    control = process.observe(bind_tcp, AF_INET, port)
    ruleset = process.build(PORTS)
    attr = net_port(case.rights, port)
    with process.session.gate():
        process.add_rule(ruleset, RULE_NET_PORT, attr, ADD_RULE.QUIET)
    process.no_new_privs()
    process.enforce(ruleset)
    judge(case.expect, process.observe(bind_tcp, AF_INET, port), control)


@needs(Need.NET)
@covers(ADD_RULE.QUIET)
@answers("sys-ar-quiet-nomask")
def test_refused_rule(process: Process, port: int, judge: Judge) -> None:
    """Of a quiet rule that is refused nothing is added, not even the right that it carries."""
    control = process.observe(bind_tcp, AF_INET, port)
    ruleset = process.build(FILES)
    attr = net_port(NET.BIND_TCP, port)
    process.observe(Process.add_rule, ruleset, RULE_NET_PORT, attr, ADD_RULE.QUIET)
    process.no_new_privs()
    process.enforce(ruleset)
    expect = since(ADD_RULE.QUIET, Denied("EACCES"))
    judge(expect, process.observe(bind_tcp, AF_INET, port), control)
