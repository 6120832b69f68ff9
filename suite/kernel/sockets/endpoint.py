# SPDX-License-Identifier: MIT
"""What Landlock looks at of a socket; what it does is in the modules beside."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from suite.kernel.open_files import File
from suite.model import ports


@dataclass(slots=True, eq=False, repr=False)
class Endpoint(File):
    """The open file of a socket."""

    family: int = socket.AF_UNSPEC
    """AF_INET of a socket that was AF_INET6 before (IPV6_ADDRFORM)."""
    kind: int = 0
    """SOCK_STREAM and so on, without flags."""
    protocol: int = 0
    """IPPROTO_TCP, IPPROTO_UDP, IPPROTO_MPTCP; 0 of UNIX sockets."""
    port: int = 0
    """Of IPv4 and IPv6: the own one; 0 if it has none yet (inet_num)."""
    name: bytes = b""
    """Of UNIX: ``sun_path`` of its address, b"" if it has none. An abstract name begins with 0."""
    listener: int = 0
    """Of UNIX: the process that called listen(2), in the initial PID namespace (sk_peer_pid)."""
    peer: Endpoint | None = None
    """Of UNIX: what it is connected to."""

    @property
    def is_abstract(self) -> bool:
        """Whether it is a UNIX socket with an abstract name."""
        return self.name[:1] == b"\0"

    @property
    def as_ports_see(self) -> ports.Socket:
        """What the rules on ports look at.

        Source: sk_is_tcp() and sk_is_udp() in include/net/sock.h.
        """
        is_inet = self.family in (socket.AF_INET, socket.AF_INET6)
        is_stream = self.kind == socket.SOCK_STREAM
        is_udp = self.kind == socket.SOCK_DGRAM and self.protocol == socket.IPPROTO_UDP
        return ports.Socket(
            self.family,
            is_inet and is_stream and self.protocol == socket.IPPROTO_TCP,
            is_inet and is_udp,
            is_stream,
            bool(self.port),
        )
