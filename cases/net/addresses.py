# SPDX-License-Identifier: MIT
"""Addresses for a port that are malformed, or of another family than their socket."""

from collections.abc import Callable
from socket import AF_INET

from suite.packed import packed
from suite.case import Need, inet, inet6, unix, unspecified

Addressing = Callable[[int], bytes]
"""An address for a port."""


def first(size: int, address: Addressing) -> Addressing:
    return lambda port: address(port)[:size]


def long_inet(port: int) -> bytes:
    """As long as an IPv6 address."""
    return inet(port).ljust(28, b"\0")


def unspec(port: int) -> bytes:
    return unspecified(inet(port))


def unspec6(port: int) -> bytes:
    return unspecified(inet6(port))


def local(port: int) -> bytes:
    return unix("/nowhere").ljust(110, b"\0")


def beyond_a_byte(port: int) -> bytes:
    """Of a family that has no name, and of which the lower byte alone is that of IPv4."""
    return packed("H", 0x100 | AF_INET) + inet(port)[2:]


def of_its_own(address: Addressing) -> tuple[Need, ...]:
    """What an address needs besides the socket that it is given to.

    Landlock tells addresses of IPv6 from those of unknown families only in kernels with IPv6.
    """
    return (Need.IPV6,) if address is inet6 else ()
