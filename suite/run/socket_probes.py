# SPDX-License-Identifier: MIT
"""Whether a target has the sockets that a case may need; probes as in ``suite.run.probes``."""

from __future__ import annotations

import socket
from collections.abc import Callable

from suite.judge.outcome import Allowed, Denied
from suite.process.calls.sockets import algorithm, inet6
from suite.process.calls.uring import Ring
from suite.process.process import Process
from suite.process.uapi import IP_LOCAL_PORT_RANGE
from suite.targets.base import Ground, Target
from suite.targets.modules import load_modules


def makes_sockets(
    family: int, protocol: int = 0, kind: int = socket.SOCK_STREAM, modules: tuple[str, ...] = ()
) -> Callable[[Ground, Target], bool]:
    """Whether there are such sockets, once their modules are loaded."""

    def ask(ground: Ground, target: Target) -> bool:
        load_modules(modules, ground, target)
        with ground.session.scope():
            return _makes(ground.root.fork(), family, kind, protocol)

    return ask


def _makes(
    process: Process, family: int, kind: int = socket.SOCK_STREAM, protocol: int = 0
) -> bool:
    def ask(process: Process) -> None:
        process.close(process.socket(family, kind, protocol))

    return process.observe(ask).outcome == Allowed()


def lacks_inet(process: Process) -> bool:
    """Whether the kernel was built without TCP/IP.

    A filter of seccomp may answer as such a kernel does (systemd's RestrictAddressFamilies=), but
    lets us see that there is TCP: /proc lists it wherever it is built.
    """
    if _makes(process, socket.AF_INET):
        return False
    listed: list[bytes] = []

    def look(process: Process) -> None:
        listed.extend(process.read_file("/proc/self/net/protocols").split())

    outcome = process.observe(look).outcome
    if outcome == Denied("ENOENT"):  # nor any other sockets (no CONFIG_NET), if it is not /proc
        return process.observe(Process.stat, "/proc/self/stat").outcome == Allowed()
    return outcome == Allowed() and b"TCP" not in listed


def sends_to_address(process: Process, ring: Ring) -> bool:
    """Whether it looks at the address, which is no good one, so that nothing is sent."""
    if not _makes(process, socket.AF_INET):
        return False
    fd = process.socket(socket.AF_INET, socket.SOCK_DGRAM)
    outcome = process.observe(ring.send, fd, b"", inet6(9)).outcome
    return outcome == Denied("EAFNOSUPPORT")


def sends_out_of_band(process: Process) -> bool:
    """Whether UNIX sockets have out-of-band data."""

    def ask(process: Process) -> None:
        ends = process.socketpair()
        process.sendto(ends[0], b"x", flags=socket.MSG_OOB)
        for end in ends:
            process.close(end)

    return process.observe(ask).outcome == Allowed()


def computes_digests(ground: Ground, target: Target) -> bool:
    """Whether AF_ALG has a hash, once the modules are loaded."""
    load_modules(("crypto-sha256", "af_alg", "algif_hash"), ground, target)

    def ask(process: Process) -> None:
        fd = process.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)
        process.bind(fd, algorithm("hash", "sha256"))

    with ground.session.scope():
        return ground.root.fork().observe(ask).outcome == Allowed()


def has_local_port_range(ground: Ground, _: Target) -> bool:
    """Whether a socket can be told the range of the ports that are chosen for it."""

    def ask(process: Process) -> None:
        fd = process.socket(socket.AF_INET, socket.SOCK_STREAM)
        process.setsockopt(fd, socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, 0)

    with ground.session.scope():
        return ground.root.fork().observe(ask).outcome == Allowed()
