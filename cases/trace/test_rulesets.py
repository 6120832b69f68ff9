# SPDX-License-Identifier: MIT
"""The events of a ruleset's life: it is created, gets rules, and is freed.

Source: include/trace/events/landlock.h; Documentation/trace/events-landlock.rst, "Ruleset
versioning"; security/landlock/syscalls.c, landlock_create_ruleset(); fs.c,
landlock_append_fs_rule(); net.c, landlock_append_net_rule().
"""

from collections.abc import Callable

from cases.trace.traces import absolute, flags, identity, traced
from suite.case import (
    FS, NET, O_PATH, RULE_NET_PORT, RULE_PATH_BENEATH, SCOPE, Allowed, Case, Expectation, Fd, Judge,
    Need, Process, Ruleset, Seen, Trace, Tree, answers, needs, net_port, path_beneath, since, split,
    table, vm_only,
)  # fmt: skip
from suite.packed import packed

ALL_FS, ALL_NET, ALL_SCOPES = ~FS(0), ~NET(0), ~SCOPE(0)
UNKNOWN_RIGHT = packed("Q", 1 << 63)
RULES = "add_rule_path_beneath", "add_rule_net_port"


def owed(ruleset: Ruleset, *events: str) -> Expectation:
    return since(ruleset.features, Seen(" + ".join(events)))


class Created(Case, frozen=True, kw_only=True):
    """What a ruleset handles."""

    ruleset: Ruleset


def created(ruleset: Ruleset) -> Created:
    fs, net, scope = (flags(kind) for kind in (ruleset.fs, ruleset.net, ruleset.scope))
    text = f"create_ruleset ruleset=R1.0 handled_fs={fs} handled_net={net} scoped={scope}"
    return Created(ruleset=ruleset, covers=ruleset.fs, expect=owed(ruleset, text))


CREATED = {
    "create-fs": created(Ruleset(fs=FS.READ_FILE)),
    "create-all-fs": created(Ruleset(fs=ALL_FS)),
    "create-all-net": created(Ruleset(net=ALL_NET)),
    "create-all-scopes": created(Ruleset(scope=ALL_SCOPES)),
    "create-all": created(Ruleset(fs=ALL_FS, net=ALL_NET, scope=ALL_SCOPES)),
    "create-quiet": created(Ruleset(fs=FS.READ_FILE, quiet_fs=FS.READ_FILE)),
}


@vm_only
@answers("trc-create-ruleset")
@needs(Need.TRACEPOINTS)
@table(split("trc-ruleset", CREATED))
def test_created(case: Created, process: Process, judge: Judge) -> None:
    """The event of a new ruleset names the access rights and scopes that it handles."""
    with Trace(process, "create_ruleset") as trace:
        built = process.observe(Process.build, case.ruleset)
        events = trace.take()
    judge(case.expect, traced(trace, events, built))


@vm_only
@answers("trc-create-ruleset")
@needs(Need.TRACEPOINTS)
def test_not_created(process: Process, judge: Judge) -> None:
    """A ruleset that is refused has no event."""
    known = Ruleset(fs=FS.READ_FILE)
    with Trace(process) as trace:
        built = process.observe(Process.build, known)
        refused = process.observe(Process.create_ruleset, UNKNOWN_RIGHT, 8)
        events = trace.take()
    observed = traced(trace, events, built)
    if refused.outcome == Allowed():
        observed = refused.outcome
    judge(
        owed(known, "create_ruleset ruleset=R1.0 handled_fs=read_file handled_net= scoped="),
        observed,
    )


class Rules(Case, frozen=True, kw_only=True):
    """A ruleset with rules."""

    ruleset: Callable[[Tree], Ruleset]


READ, READ_WRITE = FS.READ_FILE, FS.READ_FILE | FS.WRITE_FILE
BIND, CONNECT = NET.BIND_TCP, NET.CONNECT_TCP


def path_rule(version: int, rights: str, path: str) -> str:
    head = f"add_rule_path_beneath ruleset=R1.{version} access_rights={rights}"
    return f"{head} dev=DEV ino={path}_INODE path={path}"


def port_rule(version: int, rights: str, port: int) -> str:
    return f"add_rule_net_port ruleset=R1.{version} access_rights={rights} port={port}"


REST_OF_READ = absolute(READ, READ)
BOTH_PORTS = Ruleset(net=BIND | CONNECT)
RULE_ROWS = {
    "rule-folder": Rules(
        ruleset=lambda tree: Ruleset(fs=ALL_FS).allow(tree.d1, READ),
        expect=owed(Ruleset(fs=ALL_FS), path_rule(1, "read_file", "D1")),
    ),
    "rule-file": Rules(
        ruleset=lambda tree: Ruleset(fs=ALL_FS).allow(tree.file, READ_WRITE),
        expect=owed(Ruleset(fs=ALL_FS), path_rule(1, "write_file|read_file", "FILE")),
    ),
    "rule-with-all-that-is-not-handled": Rules(
        ruleset=lambda tree: Ruleset(fs=READ).allow(tree.d1, READ),
        expect=owed(Ruleset(fs=READ), path_rule(1, REST_OF_READ, "D1")),
        answers="trc-add-rule-absolute",
    ),
    # The access rights of the call, not those that the file has by now.
    "rules-on-one-file": Rules(
        ruleset=lambda tree: (
            Ruleset(fs=ALL_FS).allow(tree.file, READ).allow(tree.file, FS.WRITE_FILE)
        ),
        expect=owed(
            Ruleset(fs=ALL_FS),
            path_rule(1, "read_file", "FILE"),
            path_rule(2, "write_file", "FILE"),
        ),
        answers="trc-ruleset-version",
    ),
    "quiet-rule": Rules(
        ruleset=lambda tree: Ruleset(fs=ALL_FS, quiet_fs=READ).quiet(tree.d1),
        expect=owed(Ruleset(fs=ALL_FS, quiet_fs=READ), path_rule(1, "", "D1")),
    ),
    "port-rule": Rules(
        ruleset=lambda _: Ruleset(net=ALL_NET).allow_port(443, BIND),
        expect=owed(Ruleset(net=ALL_NET), port_rule(1, "bind_tcp", 443)),
        needs=(Need.INET,),
    ),
    "port-rule-with-all-that-is-not-handled": Rules(
        ruleset=lambda _: BOTH_PORTS.allow_port(443, BIND),
        expect=owed(BOTH_PORTS, port_rule(1, "bind_tcp|bind_udp|connect_send_udp", 443)),
        answers="trc-add-rule-absolute",
        needs=(Need.INET,),
    ),
    "port-rules-at-the-ends": Rules(
        ruleset=lambda _: Ruleset(net=ALL_NET).allow_port(0, BIND).allow_port(65535, BIND),
        expect=owed(
            Ruleset(net=ALL_NET), port_rule(1, "bind_tcp", 0), port_rule(2, "bind_tcp", 65535)
        ),
        needs=(Need.INET,),
    ),
    "rules-of-both-kinds": Rules(
        ruleset=lambda tree: (
            Ruleset(fs=ALL_FS, net=ALL_NET).allow(tree.d1, READ).allow_port(443, CONNECT)
        ),
        expect=owed(
            Ruleset(fs=ALL_FS, net=ALL_NET),
            path_rule(1, "read_file", "D1"),
            port_rule(2, "connect_tcp", 443),
        ),
        answers="trc-ruleset-version",
        needs=(Need.INET,),
    ),
}


@vm_only
@answers("trc-add-rule")
@needs(Need.TRACEPOINTS)
@table(split("trc", RULE_ROWS))
def test_rules(case: Rules, process: Process, tree: Tree, judge: Judge) -> None:
    """The event of a rule names its object and what it allows, and numbers the rules so far."""
    files = [
        (name, path, process.stat(path)) for name, path in (("FILE", tree.file), ("D1", tree.d1))
    ]
    with Trace(process, *RULES) as trace:
        built = process.observe(Process.build, case.ruleset(tree))
        events = trace.take()
    names: dict[str, str] = {}
    for name, path, stat in files:
        names |= {identity(stat): f"dev=DEV ino={name}_INODE", path: name}
    observed = traced(trace, events, built, names=names)
    judge(case.expect, observed)


class Refused(Case, frozen=True, kw_only=True):
    """A call that adds no rule."""

    call: Callable[[Process, Fd, Tree], object]


def add_path(process: Process, ruleset: Fd, path: str, rights: int, flags: int = 0) -> None:
    attr = path_beneath(FS(rights), process.open(path, O_PATH))
    process.add_rule(ruleset, RULE_PATH_BENEATH, attr, flags)


def add_port(process: Process, ruleset: Fd, port: int, rights: NET) -> None:
    process.add_rule(ruleset, RULE_NET_PORT, net_port(rights, port))


HANDLES = Ruleset(fs=ALL_FS, net=BIND)
UNTOUCHED = owed(HANDLES, port_rule(1, "bind_tcp|connect_tcp|bind_udp|connect_send_udp", 443))
REFUSED: dict[str, Refused] = {
    name: Refused(call=call, expect=UNTOUCHED, answers="trc-ruleset-version")
    for name, call in {
        "refused-rule-without-rights": lambda p, fd, tree: add_path(p, fd, tree.d1, 0),
        "refused-rule-of-folders-on-file": lambda p, fd, tree: add_path(
            p, fd, tree.file, FS.READ_DIR
        ),
        "refused-rule-with-unknown-flag": lambda p, fd, tree: add_path(
            p, fd, tree.d1, READ, 1 << 31
        ),
        "refused-port-rule-on-no-port": lambda p, fd, _: add_port(p, fd, 65536, BIND),
        "refused-port-rule-not-handled": lambda p, fd, _: add_port(p, fd, 443, CONNECT),
    }.items()
}


@vm_only
@needs(Need.TRACEPOINTS, Need.INET)
@table(REFUSED)
def test_refused_rules(case: Refused, process: Process, tree: Tree, judge: Judge) -> None:
    """A rule that is refused has no event, and no number."""
    with Trace(process, *RULES) as trace:
        ruleset = process.build(HANDLES)
        refused = process.observe(case.call, ruleset, tree)
        added = process.observe(add_port, ruleset, 443, BIND)
        events = trace.take()
    observed = traced(trace, events, added)
    if refused.outcome == Allowed():
        observed = refused.outcome
    judge(case.expect, observed)
