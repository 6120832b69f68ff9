# SPDX-License-Identifier: MIT
"""What is told of a denial: by which layer, for want of what, and whether at all.

Every denial is counted by the youngest layer that denied. A record is written unless the layer's
flags, a flag of an older layer or a quiet rule say otherwise.

Source: security/landlock/log.c, audit.c; Documentation/admin-guide/LSM/landlock.rst.
"""

from __future__ import annotations

from suite.landlock.abi import FS, NET, PREFIX, SCOPE, Feature
from suite.landlock.changes import LOGGING
from suite.model.landlock import Layer, Model
from suite.model.verdicts import PERMISSION_OF, Cause, Request


def denying(cause: Cause) -> Layer:
    """The layer whose domain is named, and that counts."""
    return cause.subject.domain[cause.layer]


def is_logged(model: Model, cause: Cause) -> bool:
    """Whether a record is written, if the system writes any."""
    layer = denying(cause)
    if model.abi < LOGGING.since or layer.muted:
        return False
    same = layer in cause.subject.same_exec
    if not (layer.logs_same_exec if same else layer.logs_new_exec):
        return False
    return not _is_quiet(cause, layer)


def _is_quiet(cause: Cause, layer: Layer) -> bool:
    """Whether a quiet rule covers all that was missing, or the scope is quiet."""
    quiet = layer.ruleset.quiet
    if cause.request is Request.FS_ACCESS:
        return cause.quiet and not cause.access & ~quiet.fs
    if cause.request is Request.NET_ACCESS:
        return cause.quiet and not cause.access & ~quiet.net
    if cause.request is Request.SIGNAL:
        return bool(quiet.scope & SCOPE.SIGNAL)
    if cause.request is Request.ABSTRACT_UNIX_SOCKET:
        return bool(quiet.scope & SCOPE.ABSTRACT_UNIX_SOCKET)
    if cause.request in PERMISSION_OF:
        return bool(layer.ruleset.uses(PERMISSION_OF[cause.request]).quiet & cause.access)
    return False


def names_own_addresses(model: Model) -> bool:
    """Whether a record of the network names the addresses that the socket has already, too.

    Source: "landlock: Set audit_net.sk for socket access checks".
    """
    return not model.has("audit-without-socket")


def blockers(cause: Cause) -> str:
    """What was missing, as a record names it: ``fs.read_file,fs.write_file``."""
    if cause.request is Request.FS_ACCESS:
        return _labels(FS, cause.access)
    if cause.request is Request.NET_ACCESS:
        return _labels(NET, cause.access)
    if cause.request in PERMISSION_OF:
        (label,) = PERMISSION_OF[cause.request].labels
        return label
    return _BLOCKERS[cause.request]


_BLOCKERS = {
    Request.CHANGE_TOPOLOGY: "fs.change_topology",
    Request.PTRACE: "ptrace",
    Request.ABSTRACT_UNIX_SOCKET: "scope.abstract_unix_socket",
    Request.SIGNAL: "scope.signal",
}
"""Of what is no right. Source: security/landlock/audit.c, get_blocker()."""


def _labels(kind: type[Feature], access: int) -> str:
    named = (f"{PREFIX[kind]}.{str(bit.name).lower()}" for bit in kind if access & bit)
    return ",".join(named)
