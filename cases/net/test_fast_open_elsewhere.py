# SPDX-License-Identifier: MIT
"""MSG_FASTOPEN for what is no stream of TCP.

Source: security/landlock/net.c, hook_socket_sendmsg().
"""

from socket import AF_INET, SOCK_DGRAM

from suite.case import (
    NET, Allowed, Judge, Need, Process, Ruleset, answers, covers, inet, needs, since,
)  # fmt: skip
from suite.process.uapi import MSG_FASTOPEN


@needs(Need.NET)
@answers("net-tfo-udp")
@covers(NET.CONNECT_TCP)
def test_datagram(process: Process, port: int, judge: Judge) -> None:
    """The flag means nothing for a datagram, and asks for no right of TCP."""
    sandboxed = process.under(Ruleset(net=NET.CONNECT_TCP))
    fd = sandboxed.socket(AF_INET, SOCK_DGRAM)
    observed = sandboxed.observe(Process.sendto, fd, b"x", inet(port), MSG_FASTOPEN)
    judge(since(NET.CONNECT_TCP, Allowed()), observed)
