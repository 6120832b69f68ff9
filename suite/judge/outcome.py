# SPDX-License-Identifier: MIT
"""What one step gave: a value, an errno, or what was seen. They are values, never exceptions."""

import errno as errnos
from typing import TypeAlias

import msgspec

_KERNELS = {errnos.EOPNOTSUPP: "EOPNOTSUPP", errnos.EDEADLK: "EDEADLK"}
"""Of two names, Python knows the one that the kernel does not use."""


def errno_name(number: int) -> str:
    """``EACCES`` for 13; the number itself where the C library has no name for it."""
    return _KERNELS.get(number) or errnos.errorcode.get(number, str(number))


_NAMES = frozenset(map(errno_name, errnos.errorcode))


def is_errno(text: str) -> bool:
    """Whether it is what ``errno_name`` gives."""
    return text in _NAMES or (text.isascii() and text.isdigit())


class Allowed(msgspec.Struct, frozen=True, tag="allowed", tag_field="outcome"):
    """The action was done; ``value``, a number, is kept where a row is about it."""

    value: int | None = None

    def __str__(self) -> str:
        return "allowed" if self.value is None else f"allowed({self.value})"


class Denied(msgspec.Struct, frozen=True, tag="denied", tag_field="outcome"):
    """The action, in a domain, failed with this errno (by name, such as ``EACCES``)."""

    errno: str

    def __post_init__(self) -> None:
        # A sentence, or a slip of the pen, would never be what a call comes to.
        if not is_errno(self.errno):
            raise ValueError(f"{self.errno!r} is no errno")

    def __str__(self) -> str:
        return self.errno


class Rejected(msgspec.Struct, frozen=True, tag="rejected", tag_field="outcome"):
    """A landlock_* call (``create_ruleset``, ``add_rule``, ``restrict_self``) refused."""

    syscall: str
    errno: str

    def __str__(self) -> str:
        return f"{self.syscall}: {self.errno}"


class Seen(msgspec.Struct, frozen=True, tag="seen", tag_field="outcome"):
    """What was seen, in words: ``{"outcome": "seen", "what": "EACCES, no record"}``."""

    what: str

    def __str__(self) -> str:
        return f"seen({self.what})"


Outcome: TypeAlias = Allowed | Denied | Rejected | Seen
