# SPDX-License-Identifier: MIT
"""Rules on ports as a ruleset keeps them: each port once, in host order, as many as there are.

Source: include/uapi/linux/landlock.h, struct landlock_net_port_attr; landlock_append_net_rule() in
security/landlock/net.c; landlock_insert_rule() in security/landlock/ruleset.c.
"""

from collections.abc import Callable, Sequence
from socket import AF_INET, SOCK_STREAM, htons

from cases.net.calls import bind_tcp, connect_tcp
from suite.case import (
    NET, RULE_NET_PORT, Allowed, Case, Denied, Judge, Need, Process, Ruleset, answers, covers, inet,
    needs, net_port, since, table,
)  # fmt: skip

pytestmark = needs(Need.NET)

BIND, CONNECT = NET.BIND_TCP, NET.CONNECT_TCP
BOTH = BIND | CONNECT
ALLOWED, DENIED = since(BIND, Allowed()), since(BIND, Denied("EACCES"))
Call = Callable[[Process, int, int], object]


class Rules(Case, frozen=True, kw_only=True):
    """The rights of rules on one port, added one after the other, and what is called."""

    rights: Sequence[NET]
    call: Call


CASES = {
    "bind-then-connect-binds": Rules(rights=(BIND, CONNECT), call=bind_tcp, expect=ALLOWED),
    "bind-then-connect-connects": Rules(rights=(BIND, CONNECT), call=connect_tcp, expect=ALLOWED),
    "connect-then-bind-binds": Rules(rights=(CONNECT, BIND), call=bind_tcp, expect=ALLOWED),
    "both-then-bind-connects": Rules(rights=(BOTH, BIND), call=connect_tcp, expect=ALLOWED),
    "bind-twice-connects": Rules(rights=(BIND, BIND), call=connect_tcp, expect=DENIED),
}


@covers(BIND, CONNECT)
@answers("sys-ar-duplicate-union")
@table(CASES)
def test_one_port(case: Rules, process: Process, port: int, judge: Judge) -> None:
    """Rules on the same port add up, in whatever order they come."""
    if case.call is connect_tcp:
        process.server(AF_INET, SOCK_STREAM, inet(port))
    ruleset = Ruleset(net=BOTH)
    for rights in case.rights:
        ruleset = ruleset.allow_port(port, rights)
    control = process.observe(case.call, AF_INET, port)
    judge(case.expect, process.under(ruleset).observe(case.call, AF_INET, port), control)


@covers(BIND)
@answers("sys-ar-port-hostorder")
def test_network_order(process: Process, port: int, judge: Judge) -> None:
    """A port in the byte order of the network is another port to a rule."""
    port = port & 0xFE | 0x1300  # one byte is even and one odd: it is no palindrome
    control = process.observe(bind_tcp, AF_INET, port)
    ruleset = Ruleset(net=BIND).allow_port(htons(port), BIND)
    judge(DENIED, process.under(ruleset).observe(bind_tcp, AF_INET, port), control)


@covers(BIND)
@answers("sys-ar-port-hostorder")
def test_host_order(process: Process, port: int, judge: Judge) -> None:
    """A port in the byte order of the host is the one that bind(2) means."""
    ruleset = Ruleset(net=BIND).allow_port(port, BIND)
    judge(ALLOWED, process.under(ruleset).observe(bind_tcp, AF_INET, port))


EVERY, HIGHEST = 32, (1 << 16) - 1


@covers(BIND)
@answers("sys-ar-64k")
def test_thousands(process: Process, port: int, judge: Judge) -> None:
    """A ruleset holds thousands of rules on ports; each of them counts, and no port beside it."""
    ruleset = process.build(Ruleset(net=BIND))
    with process.session.gate():
        for number in (*range(0, HIGHEST, EVERY), HIGHEST):
            process.add_rule(ruleset, RULE_NET_PORT, net_port(BIND, number))
    process.no_new_privs()
    process.enforce(ruleset)

    def bind_with_rules(process: Process) -> None:
        for number in (EVERY * (port // EVERY), HIGHEST):
            bind_tcp(process, AF_INET, number)

    control = process.observe(bind_with_rules)
    judge(DENIED, process.observe(bind_tcp, AF_INET, EVERY * (port // EVERY) + 1), control)
