# SPDX-License-Identifier: MIT
"""Addresses of sockets, read from their bytes.

Source: include/uapi/linux: in.h, in6.h, un.h, netlink.h.
"""

from __future__ import annotations

import socket
import struct

from suite.process.nodes import Bytes, Node, Struct, Text
from suite.process.quoting import quoted
from suite.process.symbols import SYMBOLS, Word

_SOCKADDR = 16
"""Bytes of a struct sockaddr of no particular family."""
_UNIX_PATH = 108
"""Bytes of ``sun_path``."""


def sockaddr(raw: bytes) -> Struct | None:
    """A struct sockaddr as its family has it; None if it is too short to have one."""
    if len(raw) < 2:
        return None
    (number,) = struct.unpack_from("<H", raw)
    family = ("sa_family", SYMBOLS["af"].word(number))
    known = {
        socket.AF_INET: (16, _inet),
        socket.AF_INET6: (24, _inet6),
        socket.AF_UNIX: (3, _unix),
        socket.AF_NETLINK: (12, _netlink),
    }
    least, read = known.get(number, (1 << 16, _unix))
    if len(raw) >= least:
        return read(family, raw)
    rest = (("sa_data", Bytes(raw[2:])),) if len(raw) > 2 else ()
    return Struct("struct sockaddr" if len(raw) <= _SOCKADDR else "", (family, *rest))


def _port(raw: bytes) -> Word:
    return Word(f"htons({int.from_bytes(raw[2:4], 'big')})", {})


def _inet(family: tuple[str, Word], raw: bytes) -> Struct:
    address = Word(f'inet_addr("{socket.inet_ntop(socket.AF_INET, raw[4:8])}")', {})
    tag = "struct sockaddr_in" if raw[8:] == bytes(8) else ""
    return Struct(tag, (family, ("sin_port", _port(raw)), ("sin_addr", address)))


def _inet6(family: tuple[str, Word], raw: bytes) -> Struct:
    flow = Word(f"htonl({int.from_bytes(raw[4:8], 'big')})", {})
    text = socket.inet_ntop(socket.AF_INET6, raw[8:24])
    fields: list[tuple[str, Node]] = [
        family,
        ("sin6_port", _port(raw)),
        ("sin6_flowinfo", flow),
        ("", Word(f'inet_pton(AF_INET6, "{text}", &sin6_addr)', {})),
    ]
    if len(raw) >= 28:
        scope = int.from_bytes(raw[24:28], "little")
        fields.append(("sin6_scope_id", Word(str(scope), {})))
    return Struct("struct sockaddr_in6" if len(raw) == 28 else "", tuple(fields))


def _unix(family: tuple[str, Word], raw: bytes) -> Struct:
    name = raw[2:]
    if name[:1] == b"\0":
        tag = "struct sockaddr_un" if len(name) <= _UNIX_PATH else ""
        return Struct(tag, (family, ("sun_path", Word(f"@{quoted(name[1:])}", {}))))
    path = name.partition(b"\0")[0].decode(errors="replace")
    tag = "struct sockaddr_un" if name == path.encode() + b"\0" else ""
    return Struct(tag, (family, ("sun_path", Text(path))))


def _netlink(family: tuple[str, Word], raw: bytes) -> Struct:
    port, groups = struct.unpack_from("<II", raw, 4)
    return Struct(
        "struct sockaddr_nl",
        (
            family,
            ("nl_pid", Word(str(port), {})),
            ("nl_groups", Word(f"{groups:08x}" if groups else "00000000", {})),
        ),
    )
