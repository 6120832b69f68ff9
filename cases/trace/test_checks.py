# SPDX-License-Identifier: MIT
"""The events of rules that a check comes across: what each of them grants, layer by layer.

Source: include/trace/events/landlock.h, landlock_check_rule_inode, landlock_check_rule_net_port
and __trace_landlock_fill_layers(); Documentation/trace/events-landlock.rst, "Interpreting
check_rule events".
"""

import os
from collections.abc import Callable
from socket import AF_INET, SOCK_STREAM

from cases.net.calls import bind_tcp, connect_tcp
from cases.trace.traces import NOTHING, check, flags, identity, traced
from suite.case import (
    FS, NET, Case, Judge, Need, Process, Ruleset, Seen, Trace, Tree, answers, loopback, needs,
    since, split, table, vm_only,
)  # fmt: skip

READ, WRITE, TRUNCATE = FS.READ_FILE, FS.WRITE_FILE, FS.TRUNCATE
READ_WRITE = READ | WRITE
BIND, CONNECT = NET.BIND_TCP, NET.CONNECT_TCP


class Opened(Case, frozen=True, kw_only=True):
    """Layers by their rules, such as ``{"d1": READ}``; the flags d1/sub/file is opened with."""

    handled: FS
    layers: tuple[dict[str, FS], ...]
    flags: int
    errno: str


def opened(
    handled: FS, layers: tuple[dict[str, FS], ...], flags: int, *checks: str, errno: str = ""
) -> Opened:
    return Opened(
        handled=handled,
        layers=layers,
        flags=flags,
        errno=errno,
        expect=since(handled, Seen(" + ".join(checks) or NOTHING)),
    )


OPENED = {
    "file-no-rule": opened(READ, ({},), os.O_RDONLY, errno="EACCES"),
    "file-rule": opened(
        READ, ({"d1/sub/file": READ},), os.O_RDONLY, check("FILE", READ, "read_file")
    ),
    "file-rule-above": opened(READ, ({"d1": READ},), os.O_RDONLY, check("D1", READ, "read_file")),
    # Nothing more is looked for than what grants the rest.
    "file-rules-nearest-is-enough": opened(
        READ, ({"d1": READ, "d1/sub": READ},), os.O_RDONLY, check("SUB", READ, "read_file")
    ),
    "file-rules-together": opened(
        READ_WRITE,
        ({"d1": WRITE, "d1/sub": READ},),
        os.O_RDWR,
        check("SUB", READ_WRITE, "read_file"),
        check("D1", READ_WRITE, "write_file"),
    ),
    "file-rule-not-enough": opened(
        READ_WRITE,
        ({"d1": READ},),
        os.O_RDWR,
        check("D1", READ_WRITE, "read_file"),
        errno="EACCES",
    ),
    "file-rule-of-other-right": opened(
        READ_WRITE, ({"d1": WRITE},), os.O_RDONLY, check("D1", READ, ""), errno="EACCES"
    ),
    # Whether it may be truncated later is asked when it is opened.
    "file-rule-with-later-right": opened(
        READ | TRUNCATE,
        ({"d1": READ | TRUNCATE},),
        os.O_RDONLY,
        check("D1", READ | TRUNCATE, "read_file|truncate"),
    ),
    # A file that is no device can't want IOCTL_DEV later: the rule above is not looked for.
    "file-rule-with-right-of-devices": opened(
        READ | FS.IOCTL_DEV,
        ({"d1/sub/file": READ, "d1": READ},),
        os.O_RDONLY,
        check("FILE", READ, "read_file"),
    ),
    "file-rule-of-nothing-asked-for": opened(WRITE, ({"d1/sub/file": WRITE},), os.O_RDONLY),
    "file-two-layers": opened(
        READ,
        ({"d1": READ}, {"d1": READ}),
        os.O_RDONLY,
        check("D1", READ, "read_file,read_file", 2),
    ),
    "file-two-layers-two-rules": opened(
        READ,
        ({"d1": READ}, {"d1/sub": READ}),
        os.O_RDONLY,
        check("SUB", READ, ",read_file", 2),
        check("D1", READ, "read_file,", 2),
    ),
    "file-three-layers-middle-denies": opened(
        READ,
        ({"d1": READ}, {}, {"d1": READ}),
        os.O_RDONLY,
        check("D1", READ, "read_file,,read_file", 3),
        errno="EACCES",
    ),
}


@vm_only
@answers("trc-check-rule")
@needs(Need.TRACEPOINTS)
@table(split("trc-check", OPENED))
def test_files(case: Opened, process: Process, tree: Tree, judge: Judge) -> None:
    """Each rule on the way from a file upwards tells what it grants of what is asked for."""
    control = process.observe(Process.open, tree.sub_file, case.flags)
    paths = {"FILE": tree.sub_file, "SUB": tree.sub, "D1": tree.d1}
    stats = {name: process.stat(path) for name, path in paths.items()}
    with Trace(process, "check_rule_inode") as trace:
        sandboxed = process.under(*(tree.layer(case.handled, rules) for rules in case.layers))
        tried = sandboxed.observe(Process.open, tree.sub_file, case.flags)
        events = trace.take()
    names = {identity(stat): name for name, stat in stats.items()}
    observed = traced(trace, events, tried, case.errno, names)
    judge(case.expect, observed, control)


class Port(Case, frozen=True, kw_only=True):
    """Layers by what each allows on the port; those that allow nothing have no rule."""

    call: Callable[[Process, int, int], object]
    layers: tuple[NET, ...]
    errno: str


def port_row(
    call: Callable[[Process, int, int], object],
    layers: tuple[NET, ...],
    check: str,
    errno: str = "",
) -> Port:
    text = f"check_rule_net_port {check}" if check else NOTHING
    return Port(
        call=call,
        layers=layers,
        errno=errno,
        expect=since(BIND | CONNECT, Seen(text)),
    )


PORTS = {
    "port-no-rule": port_row(bind_tcp, (NET(0),), "", "EACCES"),
    "port-rule": port_row(
        bind_tcp, (BIND,), "domain=D1 access_request=bind_tcp port=PORT grants={bind_tcp}"
    ),
    "port-rule-of-both": port_row(
        connect_tcp,
        (BIND | CONNECT,),
        "domain=D1 access_request=connect_tcp port=PORT grants={connect_tcp}",
    ),
    "port-rule-of-other-right": port_row(
        bind_tcp, (CONNECT,), "domain=D1 access_request=bind_tcp port=PORT grants={}", "EACCES"
    ),
    "port-three-layers-middle-denies": port_row(
        bind_tcp,
        (BIND, NET(0), BIND),
        "domain=D3 access_request=bind_tcp port=PORT grants={bind_tcp,,bind_tcp}",
        "EACCES",
    ),
    "port-two-layers-other-right": port_row(
        bind_tcp,
        (BIND, CONNECT),
        "domain=D2 access_request=bind_tcp port=PORT grants={bind_tcp,}",
        "EACCES",
    ),
}


def allowing(port: int, rights: NET) -> Ruleset:
    ruleset = Ruleset(net=BIND | CONNECT)
    return ruleset.allow_port(port, rights) if rights else ruleset


@vm_only
@answers("trc-check-rule")
@needs(Need.TRACEPOINTS)
@table(split("trc-check", PORTS))
def test_ports(case: Port, process: Process, port: int, judge: Judge) -> None:
    """The rule of a port tells what it grants, to each layer, of what is asked for."""
    if case.call is connect_tcp:
        process.server(AF_INET, SOCK_STREAM, loopback(AF_INET, port))
    control = process.observe(case.call, AF_INET, port)
    with Trace(process, "check_rule_net_port") as trace:
        sandboxed = process.under(*(allowing(port, rights) for rights in case.layers))
        tried = sandboxed.observe(case.call, AF_INET, port)
        events = trace.take()
    observed = traced(trace, events, tried, case.errno, {str(port): "PORT"})
    judge(case.expect, observed, control)


DEVICE = "/dev/null"


@vm_only
@answers("trc-check-rule")
@needs(Need.TRACEPOINTS)
def test_device(process: Process, judge: Judge) -> None:
    """Of a device, both what ftruncate(2) and what ioctl(2) need is asked when it is opened."""
    asked = READ | TRUNCATE | FS.IOCTL_DEV
    control = process.observe(Process.open, DEVICE, os.O_RDONLY)
    stat = process.stat(DEVICE)
    with Trace(process, "check_rule_inode") as trace:
        sandboxed = process.under(Ruleset(fs=asked).allow(DEVICE, asked))
        tried = sandboxed.observe(Process.open, DEVICE, os.O_RDONLY)
        events = trace.take()
    observed = traced(trace, events, tried, names={identity(stat): "DEVICE"})
    judge(since(asked, Seen(check("DEVICE", asked, flags(asked)))), observed, control)


RENAMED = FS.MAKE_REG | FS.REMOVE_FILE | FS.REFER


@vm_only
@answers("trc-check-rule")
@needs(Need.TRACEPOINTS)
def test_rename(process: Process, tree: Tree, judge: Judge) -> None:
    """A file that moves to another folder is checked with all that the domain handles."""
    twin = tree.twin()
    control = process.observe(Process.rename, twin.file, f"{twin.d2}/new")
    stats = process.stat(tree.d1), process.stat(tree.d2)
    with Trace(process, "check_rule_inode") as trace:
        sandboxed = process.under(tree.layer(RENAMED, {"d1": RENAMED, "d2": RENAMED}))
        tried = sandboxed.observe(Process.rename, tree.file, f"{tree.d2}/new")
        events = trace.take()
    names = dict(zip(map(identity, stats), ("D1", "D2"), strict=True))
    observed = traced(trace, events, tried, names=names)
    every = flags(RENAMED)
    checks = [check(name, RENAMED, every) for name in ("D1", "D2")]
    judge(since(RENAMED, Seen(" + ".join(checks))), observed, control)
