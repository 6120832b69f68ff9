# SPDX-License-Identifier: MIT
"""connect(2) with an address that is a family of AF_UNSPEC and nothing else.

Source: "landlock: Fix TCP handling of short AF_UNSPEC addresses" (e4d82cbce225).
"""

from socket import AF_INET, AF_INET6, SOCK_STREAM

from suite.case import (
    NET, Allowed, ByBug, Case, Denied, Fd, Judge, Need, Process, Ruleset, answers, covers, loopback,
    needs, since, table, unspecified,
)  # fmt: skip
from suite.landlock.bugs import SHORT_UNSPEC

DISCONNECTED = since(NET.CONNECT_TCP, ByBug(SHORT_UNSPEC, before=Denied("EINVAL"), after=Allowed()))


class Disconnect(Case, frozen=True, kw_only=True):
    """An address family."""

    family: int


CASES = {
    "ipv4": Disconnect(family=AF_INET, expect=DISCONNECTED),
    "ipv6": Disconnect(family=AF_INET6, needs=(Need.IPV6,), expect=DISCONNECTED),
}


def connected(process: Process, address: bytes, family: int) -> Fd:
    fd = process.socket(family, SOCK_STREAM)
    process.connect(fd, address)
    return fd


@needs(Need.NET)
@covers(NET.CONNECT_TCP)
@answers("net-unspec-connect-len2", "llr-10")
@table(CASES)
def test_disconnect(case: Disconnect, process: Process, port: int, judge: Judge) -> None:
    """A TCP connection can be ended by connect(2) to the family AF_UNSPEC alone."""
    address = loopback(case.family, port)
    process.server(case.family, SOCK_STREAM, address)
    family_alone = unspecified(address[:2])
    control = process.observe(
        Process.connect, connected(process, address, case.family), family_alone
    )
    fd = connected(process, address, case.family)
    sandboxed = process.under(Ruleset(net=NET.CONNECT_TCP))
    judge(case.expect, sandboxed.observe(Process.connect, fd, family_alone), control)
