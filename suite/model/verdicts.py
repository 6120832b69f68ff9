# SPDX-License-Identifier: MIT
"""How Landlock denies: with which errno, and what is to be told of it.

A rule gives ``None`` if the access is allowed, as far as Landlock is concerned, else a ``Denial``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from suite.landlock.abi import PERMISSION
from suite.model.landlock import Missing, Subject


class Request(Enum):
    """What was asked for.

    Source: security/landlock/log.h, enum landlock_request_type.
    """

    FS_ACCESS = auto()
    NET_ACCESS = auto()
    CHANGE_TOPOLOGY = auto()
    PTRACE = auto()
    ABSTRACT_UNIX_SOCKET = auto()
    SIGNAL = auto()
    NAMESPACE = auto()
    CAPABILITY = auto()


PERMISSION_OF = {
    Request.NAMESPACE: PERMISSION.NAMESPACE_USE,
    Request.CAPABILITY: PERMISSION.CAPABILITY_USE,
}
"""The permission without which it is denied."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One record of a log: a layer and the rights that it lacked."""

    subject: Subject
    """Whose domain denied: as a rule that of the thread; of an open file, of who opened it."""
    request: Request
    layer: int
    """The youngest layer that denied, counted from 0."""
    access: int = 0
    """The rights that were missing in that layer, the kind of namespaces, or the capability; 0 for
    other requests."""
    quiet: bool = False
    """Whether a quiet rule of that layer holds for the object."""
    of_new: bool = False
    """Of a rename or link: whether it is about the folder that the file goes to."""


@dataclass(frozen=True, slots=True)
class Denial:
    """An access that is denied, or an argument that is refused (then without a cause)."""

    errno: int
    causes: tuple[Cause, ...] = ()


def youngest(missing: Missing, request: int) -> tuple[int, int]:
    """The youngest layer that lacks any right of a request, and what it lacks.

    Source: security/landlock/log.c, get_denied_layer().
    """
    lacking = [number for number, it in enumerate(missing) if it & request]
    return lacking[-1], missing[lacking[-1]] & request
