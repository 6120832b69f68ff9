# SPDX-License-Identifier: MIT
"""What the log says of denied accesses to the network: the right, the addresses and the ports.

Source: security/landlock/net.c, current_check_access_socket(); security/lsm_audit.c,
audit_log_lsm_data(), LSM_AUDIT_DATA_NET.
"""

from collections.abc import Callable
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM

from suite.packed import packed
from cases.audit.logs import UNLOGGED, logged, logs, says
from cases.net.calls import (
    bind_port_0,
    bind_tcp,
    bind_udp,
    connect_tcp,
    connect_udp,
    fast_open,
    sendto_udp,
)
from suite.case import (
    NET, Allowed, AuditLog, ByBug, Case, Fd, Judge, Need, Out, Process, Ruleset, answers, covers,
    inet, inet6, loopback, needs, split, table, unspecified, vm_only,
)  # fmt: skip
from suite.landlock.bugs import AUDIT_WITHOUT_SOCKET, TCP_FAST_OPEN_BYPASS

Call = Callable[[Process, int, int], object]


class Access(Case, frozen=True, kw_only=True):
    """A call on a port of the loopback address, in a domain that handles these rights."""

    call: Call
    handled: NET
    family: int


def access(
    call: Call,
    handled: NET,
    record: str,
    family: int = AF_INET,
    answers: str | tuple[str, ...] = (),
) -> Access:
    return Access(
        call=call,
        handled=handled,
        covers=handled,
        family=family,
        answers=answers,
        needs=(Need.IPV6,) if family == AF_INET6 else (),
        expect=logged([handled], says(f"blockers={record}")),
    )


def bind_any(process: Process, family: int, port: int) -> None:
    address = "0.0.0.0" if family == AF_INET else "::"  # noqa: S104 (what the case is about)
    process.bind(
        process.socket(family, SOCK_STREAM),
        inet(port, address) if family == AF_INET else inet6(port, address),
    )


BIND_TCP, CONNECT_TCP = NET.BIND_TCP, NET.CONNECT_TCP
BIND_UDP, SEND_UDP = NET.BIND_UDP, NET.CONNECT_SEND_UDP
CASES = {
    "bind-tcp": access(
        bind_tcp, BIND_TCP, "net.bind_tcp saddr=127.0.0.1 src=PORT", answers="aud-net-bind-fields"
    ),
    "bind-tcp-ipv6": access(
        bind_tcp, BIND_TCP, "net.bind_tcp saddr=::1 src=PORT", AF_INET6, "aud-net-bind-fields"
    ),
    "bind-tcp-any-address": access(bind_any, BIND_TCP, "net.bind_tcp src=PORT"),
    "bind-tcp-any-address-ipv6": access(bind_any, BIND_TCP, "net.bind_tcp src=PORT", AF_INET6),
    "bind-tcp-port-0": access(bind_port_0, BIND_TCP, "net.bind_tcp saddr=127.0.0.1"),
    "connect-tcp": access(
        connect_tcp,
        CONNECT_TCP,
        "net.connect_tcp daddr=127.0.0.1 dest=PORT",
        answers="aud-net-connect-fields",
    ),
    "connect-tcp-ipv6": access(
        connect_tcp,
        CONNECT_TCP,
        "net.connect_tcp daddr=::1 dest=PORT",
        AF_INET6,
        "aud-net-connect-fields",
    ),
    "bind-udp": access(bind_udp, BIND_UDP, "net.bind_udp saddr=127.0.0.1 src=PORT"),
    "connect-udp": access(connect_udp, SEND_UDP, "net.connect_send_udp daddr=127.0.0.1 dest=PORT"),
    "sendto-udp": access(sendto_udp, SEND_UDP, "net.connect_send_udp daddr=127.0.0.1 dest=PORT"),
    "sendto-udp-ipv6": access(
        sendto_udp, SEND_UDP, "net.connect_send_udp daddr=::1 dest=PORT", AF_INET6
    ),
    # The kernel chooses the port that it is sent from.
    "connect-udp-unbound": access(
        connect_udp, BIND_UDP, "net.bind_udp", answers="aud-net-autobind"
    ),
    "sendto-udp-unbound": access(sendto_udp, BIND_UDP, "net.bind_udp", answers="aud-net-autobind"),
    "sendto-udp-unbound-ipv6": access(
        sendto_udp, BIND_UDP, "net.bind_udp", AF_INET6, "aud-net-autobind"
    ),
}


@vm_only
@needs(Need.AUDIT)
@table(split("aud-port", CASES))
def test_address(case: Access, process: Process, port: int, judge: Judge) -> None:
    """The record of a denial names the right, and address and port that were asked for."""
    if case.call is connect_tcp:
        process.server(case.family, SOCK_STREAM, loopback(case.family, port))
    control = process.observe(case.call, case.family, port)
    with AuditLog(process) as log:
        denied = process.under(Ruleset(net=case.handled)).observe(case.call, case.family, port)
        accesses = log.accesses()
    observed = logs(accesses, denied, names={str(port): "PORT"})
    judge(case.expect, observed, control)


class Bound(Case, frozen=True, kw_only=True):
    """A socket that is bound before it connects, and what the log adds of it."""

    family: int
    address: bytes = b""
    listening: bool = False


def bound(family: int, local: str, address: bytes = b"", *, listening: bool = False) -> Bound:
    target = f"daddr={'127.0.0.1' if family == AF_INET else '::1'} dest=PORT"
    return Bound(
        family=family,
        address=address,
        listening=listening,
        needs=(Need.IPV6,) if family == AF_INET6 else (),
        expect=logged(
            [CONNECT_TCP],
            ByBug(
                AUDIT_WITHOUT_SOCKET,
                before=says(f"blockers=net.connect_tcp {target}"),
                after=says(f"blockers=net.connect_tcp {local} {target}"),
            ),
        ),
    )


ANY4, ANY6 = inet(0, "0.0.0.0"), inet6(0, "::")  # noqa: S104 (what the case is about)
BOUND = {
    "connect-tcp-bound": bound(AF_INET, "laddr=127.0.0.1 lport=LOCAL"),
    "connect-tcp-bound-ipv6": bound(AF_INET6, "laddr=::1 lport=LOCAL"),
    "connect-tcp-bound-any-address": bound(AF_INET, "lport=LOCAL", ANY4),
    "connect-tcp-bound-any-address-ipv6": bound(AF_INET6, "lport=LOCAL", ANY6),
    "connect-tcp-listening": bound(AF_INET, "laddr=127.0.0.1 lport=LOCAL", listening=True),
}


def local_port(process: Process, fd: Fd) -> str:
    name = process.syscall("getsockname", fd, Out(128), packed("I", 128))
    return str(int.from_bytes(name.data[2:4], "big"))


@vm_only
@answers("aud-net-lport", "llr-42")
@covers(CONNECT_TCP)
@needs(Need.AUDIT)
@table(split("aud-port", BOUND))
def test_bound(case: Bound, process: Process, port: int, judge: Judge) -> None:
    """The record of a denied connect(2) of a bound socket names its own address and port too."""
    process.server(case.family, SOCK_STREAM, loopback(case.family, port))
    control = process.observe(connect_tcp, case.family, port)
    fd = process.socket(case.family, SOCK_STREAM)
    process.bind(fd, case.address or loopback(case.family, 0))
    if case.listening:
        process.listen(fd)
    names = {str(port): "PORT", local_port(process, fd): "LOCAL"}
    with AuditLog(process) as log:
        sandboxed = process.under(Ruleset(net=CONNECT_TCP))
        denied = sandboxed.observe(Process.connect, fd, loopback(case.family, port))
        accesses = log.accesses()
    observed = logs(accesses, denied, names=names)
    judge(case.expect, observed, control)


class FastOpen(Case, frozen=True, kw_only=True):
    """An address family, and its loopback address."""

    family: int


def fast_opened(family: int, address: str) -> FastOpen:
    record = says(f"blockers=net.connect_tcp daddr={address} dest=PORT")
    return FastOpen(
        family=family,
        needs=(Need.IPV6,) if family == AF_INET6 else (),
        expect=logged(
            [CONNECT_TCP],
            ByBug(TCP_FAST_OPEN_BYPASS, before=Allowed(), after=record),
            unlogged=ByBug(TCP_FAST_OPEN_BYPASS, before=Allowed(), after=UNLOGGED),
        ),
    )


FAST_OPEN = {
    "fast-open": fast_opened(AF_INET, "127.0.0.1"),
    "fast-open-ipv6": fast_opened(AF_INET6, "::1"),
}


@vm_only
@answers("aud-net-tfo")
@covers(CONNECT_TCP)
@needs(Need.AUDIT)
@table(split("aud-port", FAST_OPEN))
def test_fast_open(case: FastOpen, process: Process, port: int, judge: Judge) -> None:
    """A denied sendto(2) with MSG_FASTOPEN is logged as the connect(2) that it is."""
    process.server(case.family, SOCK_STREAM, loopback(case.family, port))
    control = process.observe(fast_open, case.family, port)
    with AuditLog(process) as log:
        denied = process.under(Ruleset(net=CONNECT_TCP)).observe(fast_open, case.family, port)
        accesses = log.accesses()
    observed = logs(accesses, denied, names={str(port): "PORT"})
    judge(case.expect, observed, control)


def connected(process: Process, port: int) -> Fd:
    fd = process.socket(AF_INET6, SOCK_DGRAM)
    process.connect(fd, inet6(port))
    return fd


@vm_only
@answers("aud-net-unspec6")
@covers(SEND_UDP)
@needs(Need.AUDIT, Need.IPV6)
def test_unspecified_ipv6(process: Process, port: int, judge: Judge) -> None:
    """Of a denied sendto(2) to AF_UNSPEC on an IPv6 socket the log names the socket's own alone."""
    address = unspecified(inet6(port))
    process.server(AF_INET6, SOCK_DGRAM, inet6(port))
    control = process.observe(Process.sendto, connected(process, port), b"x", address)
    fd = connected(process, port)
    names = {str(port): "PORT", local_port(process, fd): "LOCAL"}
    with AuditLog(process) as log:
        denied = process.under(Ruleset(net=SEND_UDP)).observe(Process.sendto, fd, b"x", address)
        accesses = log.accesses()
    observed = logs(accesses, denied, names=names)
    local = "laddr=::1 lport=LOCAL faddr=::1 fport=PORT"
    judge(logged([SEND_UDP], says(f"blockers=net.connect_send_udp {local}")), observed, control)
