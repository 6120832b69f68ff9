# SPDX-License-Identifier: MIT
"""Every way to give a datagram its port: what the rules on the ports at both ends have to say.

Source: include/uapi/linux/landlock.h, "Network flags" and its note on sockets that are bound to
an ephemeral port; security/landlock/net.c, hook_socket_connect() and hook_socket_sendmsg().
"""

from dataclasses import dataclass
from socket import AF_INET, AF_INET6

from cases.net.udp import BIND, SEND, TCP, UDP, WAYS, Way, bound, udp
from suite.case import (
    NET, Allowed, Case, Denied, Judge, Need, Outcome, Process, Ruleset, loopback, needs, since,
    table,
)  # fmt: skip

NOTHING = NET(0)
DENIED, ALLOWED = Denied("EACCES"), Allowed()


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """What a domain handles, and allows: on the port of the peer, the next one, and port 0."""

    handled: NET
    owed: Outcome
    peer: NET = NOTHING
    next: NET = NOTHING
    chosen: NET = NOTHING
    bound: bool = False
    """Whether the socket has a port, from before the domain."""
    answers: tuple[str, ...] = ()


SENDING = ("udp-connect-deny", "udp-sendto-deny")
DOMAINS = {
    # The port of the peer needs a rule.
    "no-rule": Domain(handled=SEND, owed=DENIED, answers=(*SENDING, "udp-lowabi")),
    "rule": Domain(
        handled=SEND, peer=SEND, owed=ALLOWED, answers=(*SENDING, "udp-autobind-connonly")
    ),
    "rule-on-another-port": Domain(handled=SEND, next=SEND, owed=DENIED, answers=SENDING),
    "rule-on-port-0": Domain(handled=SEND, chosen=SEND, owed=DENIED, answers=SENDING),
    "rule-to-bind": Domain(handled=UDP, peer=BIND, chosen=BIND, owed=DENIED, answers=SENDING),
    # A socket without a port is given one, which needs a rule on port 0.
    "unbound": Domain(handled=UDP, peer=SEND, owed=DENIED, answers=("udp-connect-autobind",)),
    "unbound-rule-on-port-0": Domain(
        handled=UDP, peer=SEND, chosen=BIND, owed=ALLOWED, answers=("udp-autobind-port0",)
    ),
    "unbound-send-unhandled": Domain(handled=BIND, owed=DENIED, answers=("udp-bindonly-connect",)),
    "unbound-send-unhandled-rule-on-port-0": Domain(
        handled=BIND, chosen=BIND, owed=ALLOWED, answers=("udp-bindonly-connect",)
    ),
    "unbound-send-unhandled-rule-on-the-peer": Domain(
        handled=BIND, peer=BIND, owed=DENIED, answers=("udp-bindonly-connect",)
    ),
    "bound-before": Domain(
        handled=UDP, peer=SEND, bound=True, owed=ALLOWED, answers=("udp-autobind-prebound",)
    ),
    "bound-before-send-unhandled": Domain(
        handled=BIND, bound=True, owed=ALLOWED, answers=("udp-autobind-prebound",)
    ),
    # The rights on TCP are others.
    "tcp-handled": Domain(
        handled=TCP, owed=ALLOWED, answers=("udp-tcp-rights-separate", "net-udp-unaffected")
    ),
}
FAMILIES = {"ipv4": (AF_INET, ()), "ipv6": (AF_INET6, (Need.IPV6,))}


class Send(Case, frozen=True, kw_only=True):
    """A way to send, from a socket of this family in this domain."""

    way: Way
    family: int
    domain: Domain


CASES = {
    f"{way}-{family}-{domain}": Send(
        way=call,
        family=number,
        domain=row,
        covers=row.handled,
        needs=(*way_needs, *family_needs),
        answers=(*row.answers, "udp-io_uring") if "io-uring" in way else row.answers,
        expect=since(row.handled, row.owed),
    )
    for way, (call, way_needs) in WAYS.items()
    for family, (number, family_needs) in FAMILIES.items()
    for domain, row in DOMAINS.items()
}


@needs(Need.NET)
@table(CASES)
def test_ways(case: Send, process: Process, port: int, judge: Judge) -> None:
    """A datagram needs CONNECT_SEND_UDP on its port; a socket without a port BIND_UDP on port 0."""
    domain = case.domain
    rights = ((port, domain.peer), (port + 1, domain.next), (0, domain.chosen))
    ruleset = Ruleset(net=domain.handled, ports=tuple(rule for rule in rights if rule[1]))
    peer = loopback(case.family, port)
    sender = process.fork()
    control = sender.observe(case.way, udp(sender, case.family), peer)
    fd = bound(sender, case.family) if domain.bound else udp(sender, case.family)
    sender.restrict(ruleset)
    judge(case.expect, sender.observe(case.way, fd, peer), control)


class BoundInside(Case, frozen=True, kw_only=True):
    """A way to send, once the socket was bound where a rule is."""

    way: Way


BOUND_INSIDE = {
    f"{way}-bound-inside": BoundInside(
        way=call,
        needs=way_needs,
        covers=UDP,
        answers=("udp-autobind-prebound",),
        expect=since(UDP, ALLOWED),
    )
    for way, (call, way_needs) in WAYS.items()
}


@needs(Need.NET)
@table(BOUND_INSIDE)
def test_bound_inside(case: BoundInside, process: Process, port: int, judge: Judge) -> None:
    """A socket that was bound to a port with a rule needs none on port 0."""
    ruleset = Ruleset(net=UDP, ports=((port, SEND), (port + 1, BIND)))

    def bind_and_send(sandboxed: Process) -> None:
        fd = udp(sandboxed)
        sandboxed.bind(fd, loopback(AF_INET, port + 1))
        case.way(sandboxed, fd, loopback(AF_INET, port))

    judge(case.expect, process.under(ruleset).observe(bind_and_send))
