# SPDX-License-Identifier: MIT
"""TCP Fast Open connects without connect(2).

Source: "landlock: Fix TCP Fast Open connection bypass" (33cb713db016).
"""

import socket

from cases.net.calls import fast_open
from suite.case import (
    NET, Allowed, ByBug, Case, Denied, Judge, Need, Process, Ruleset, answers, covers, loopback,
    since, table,
)  # fmt: skip
from suite.landlock.bugs import TCP_FAST_OPEN_BYPASS

EXPECT = since(
    NET.CONNECT_TCP, ByBug(TCP_FAST_OPEN_BYPASS, before=Allowed(), after=Denied("EACCES"))
)


class FastOpen(Case, frozen=True, kw_only=True):
    """An address family."""

    family: int


CASES = {
    "ipv4": FastOpen(family=socket.AF_INET, needs=(Need.NET,), expect=EXPECT),
    "ipv6": FastOpen(family=socket.AF_INET6, needs=(Need.NET, Need.IPV6), expect=EXPECT),
}


@covers(NET.CONNECT_TCP)
@answers("net-tfo", "llr-04")
@table(CASES)
def test_fast_open(case: FastOpen, process: Process, port: int, judge: Judge) -> None:
    """sendto(2) with MSG_FASTOPEN connects, and is denied as connect(2) is."""
    process.server(case.family, socket.SOCK_STREAM, loopback(case.family, port))
    control = process.observe(fast_open, case.family, port)
    sandboxed = process.under(Ruleset(net=NET.CONNECT_TCP))
    judge(case.expect, sandboxed.observe(fast_open, case.family, port), control)
