# SPDX-License-Identifier: MIT
"""Network access rights are independent of each other; UDP sockets that the kernel binds.

Source: include/uapi/linux/landlock.h, "Network flags", LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP.
"""

from collections.abc import Callable
from socket import AF_INET, SOCK_STREAM

from cases.net.calls import (
    bind_and_sendto_udp,
    bind_tcp,
    bind_udp,
    connect_tcp,
    connect_udp,
    listen_tcp,
    sendto_udp,
)
from suite.case import (
    NET, Allowed, Case, Denied, Judge, Need, Outcome, Process, Ruleset, inet, needs, since, table,
)  # fmt: skip

Call = Callable[[Process, int, int], object]
NOTHING = NET(0)


class Rights(Case, frozen=True, kw_only=True):
    """Access rights that a domain handles, those that a rule allows on the port, and on port 0."""

    call: Call
    handled: NET
    port: NET
    port_0: NET


def rights(
    call: Call,
    handled: NET,
    owed: Outcome,
    *,
    port: NET = NOTHING,
    port_0: NET = NOTHING,
    answers: str | tuple[str, ...] = (),
) -> Rights:
    return Rights(
        call=call,
        handled=handled,
        covers=handled,
        port=port,
        port_0=port_0,
        expect=since(handled, owed),
        answers=answers,
    )


ALLOWED, DENIED = Allowed(), Denied("EACCES")
BIND_TCP, CONNECT_TCP = NET.BIND_TCP, NET.CONNECT_TCP
BIND_UDP, SEND_UDP = NET.BIND_UDP, NET.CONNECT_SEND_UDP
TCP, UDP = BIND_TCP | CONNECT_TCP, BIND_UDP | SEND_UDP
CASES = {
    # A right that is not handled is not restricted.
    "bind-tcp-unhandled": rights(bind_tcp, CONNECT_TCP, ALLOWED, answers="net-unhandled-right"),
    "connect-tcp-unhandled": rights(connect_tcp, BIND_TCP, ALLOWED, answers="net-unhandled-right"),
    "bind-udp-unhandled": rights(bind_udp, SEND_UDP, ALLOWED),
    "bind-udp-only-tcp-handled": rights(
        bind_udp, TCP, ALLOWED, answers=("net-udp-unaffected", "gap-udp")
    ),
    "connect-udp-only-tcp-handled": rights(
        connect_udp, TCP, ALLOWED, answers=("net-udp-unaffected", "gap-udp")
    ),
    "sendto-udp-only-tcp-handled": rights(
        sendto_udp, TCP, ALLOWED, answers=("net-udp-unaffected", "gap-udp")
    ),
    "bind-tcp-only-udp-handled": rights(bind_tcp, UDP, ALLOWED),
    "connect-tcp-only-udp-handled": rights(connect_tcp, UDP, ALLOWED),
    # A rule allows what it names, and nothing else on the port.
    "bind-tcp-with-connect-rule": rights(
        bind_tcp, TCP, DENIED, port=CONNECT_TCP, answers="net-bind-connect-independent"
    ),
    "connect-tcp-with-bind-rule": rights(
        connect_tcp, TCP, DENIED, port=BIND_TCP, answers="net-bind-connect-independent"
    ),
    "bind-udp-with-send-rule": rights(bind_udp, UDP, DENIED, port=SEND_UDP),
    "connect-udp-with-bind-rule": rights(connect_udp, UDP, DENIED, port=BIND_UDP, port_0=BIND_UDP),
    "sendto-udp-with-bind-rule": rights(sendto_udp, UDP, DENIED, port=BIND_UDP, port_0=BIND_UDP),
    # Port 0 is where the kernel chooses; it stands for no other port.
    "bind-tcp-with-rule-on-port-0": rights(
        bind_tcp, BIND_TCP, DENIED, port_0=BIND_TCP, answers="net-bind-port0"
    ),
    "connect-tcp-with-rule-on-port-0": rights(
        connect_tcp, CONNECT_TCP, DENIED, port_0=CONNECT_TCP, answers="net-connect-port0"
    ),
    # TCP connects, and listens, from ports that the kernel chooses, whatever is handled.
    "connect-tcp-unbound": rights(
        connect_tcp, TCP, ALLOWED, port=CONNECT_TCP, answers="net-connect-autobind"
    ),
    "listen-tcp-unbound": rights(
        listen_tcp, TCP, ALLOWED, answers=("net-listen-autobind", "gap-sockets")
    ),
    # UDP needs BIND_UDP on port 0 to send from a port that the kernel chooses.
    "connect-udp-unbound": rights(connect_udp, UDP, DENIED, port=SEND_UDP),
    "sendto-udp-unbound": rights(sendto_udp, UDP, DENIED, port=SEND_UDP),
    "connect-udp-unbound-send-unhandled": rights(connect_udp, BIND_UDP, DENIED),
    "sendto-udp-unbound-send-unhandled": rights(sendto_udp, BIND_UDP, DENIED),
    "connect-udp-unbound-with-rules": rights(
        connect_udp, UDP, ALLOWED, port=SEND_UDP, port_0=BIND_UDP
    ),
    "sendto-udp-unbound-with-rules": rights(
        sendto_udp, UDP, ALLOWED, port=SEND_UDP, port_0=BIND_UDP
    ),
    "sendto-udp-bound": rights(bind_and_sendto_udp, UDP, ALLOWED, port=UDP),
}


@needs(Need.NET)
@table(CASES)
def test_rights(case: Rights, process: Process, port: int, judge: Judge) -> None:
    """Each access right restricts, and each rule allows, what it names."""
    if case.call is connect_tcp:
        process.server(AF_INET, SOCK_STREAM, inet(port))
    control = process.observe(case.call, AF_INET, port)
    ruleset = Ruleset(net=case.handled)
    for number, allowed in ((port, case.port), (0, case.port_0)):
        if allowed:
            ruleset = ruleset.allow_port(number, allowed)
    judge(case.expect, process.under(ruleset).observe(case.call, AF_INET, port), control)
