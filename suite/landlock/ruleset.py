# SPDX-License-Identifier: MIT
"""A ruleset as a value: what it handles and what its rules allow."""

from __future__ import annotations

from dataclasses import dataclass, replace

from suite.landlock.abi import (
    ADD_RULE,
    FS,
    NET,
    PERMISSION,
    RESTRICT,
    RULESET_ATTR,
    SCOPE,
    Feature,
)
from suite.values import Fd, Pack


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Handled access rights, scopes and permissions, and the rules.

    A path in ``paths`` is opened with O_PATH by the process that builds the ruleset; a file
    descriptor that it has already may stand in its place.
    """

    fs: FS = FS(0)
    net: NET = NET(0)
    scope: SCOPE = SCOPE(0)
    paths: tuple[tuple[str | Fd, FS], ...] = ()
    ports: tuple[tuple[int, NET], ...] = ()
    flags: RESTRICT = RESTRICT(0)
    """Of landlock_restrict_self(2)."""
    quiet_fs: FS = FS(0)
    quiet_net: NET = NET(0)
    quiet_scope: SCOPE = SCOPE(0)
    """Of what is handled, what is not logged: these, where a rule is quiet or a scope denies."""
    quiet_paths: tuple[str | Fd, ...] = ()
    permissions: PERMISSION = PERMISSION(0)
    namespaces: tuple[tuple[int, int], ...] = ()
    """Of each rule on namespaces: the kinds that it allows and those that it keeps out of logs
    (CLONE_NEW*)."""
    capabilities: tuple[tuple[int, int], ...] = ()
    """The same of each rule on capabilities (``1 << CAP_*``)."""

    def allow(self, path: str | Fd, rights: FS) -> Ruleset:
        """With a rule on a file or a directory (and what is beneath)."""
        return replace(self, paths=(*self.paths, (path, rights)))

    def allow_port(self, port: int, rights: NET) -> Ruleset:
        """With a rule on a port."""
        return replace(self, ports=(*self.ports, (port, rights)))

    def quiet(self, path: str | Fd) -> Ruleset:
        """With a quiet rule on a file or a directory that allows nothing."""
        return replace(self, quiet_paths=(*self.quiet_paths, path))

    def allow_namespaces(self, kinds: int, quiet: int = 0) -> Ruleset:
        """With a rule on kinds of namespaces: which may be used, which are not logged."""
        return replace(self, namespaces=(*self.namespaces, (kinds, quiet)))

    def allow_capabilities(self, bits: int, quiet: int = 0) -> Ruleset:
        """With a rule on capabilities: which may be used, which are not logged."""
        return replace(self, capabilities=(*self.capabilities, (bits, quiet)))

    @property
    def features(self) -> tuple[Feature, ...]:
        """What a kernel must know to enforce it."""
        quiet = self.quiet_fs or self.quiet_net or self.quiet_scope
        handled = self.fs, self.net, self.scope, self.permissions
        return *handled, self.flags, ADD_RULE(bool(quiet))

    @property
    def handled(self) -> frozenset[str]:
        """The same by labels, such as ``fs.truncate``."""
        return frozenset(label for feature in self.features for label in feature.labels)

    def attr(self) -> Pack:
        """The struct landlock_ruleset_attr, no longer than what is handled asks for."""
        values: dict[str, Feature] = {
            "handled_access_fs": self.fs,
            "handled_access_net": self.net,
            "scoped": self.scope,
            "quiet_access_fs": self.quiet_fs,
            "quiet_access_net": self.quiet_net,
            "quiet_scoped": self.quiet_scope,
            "handled_permissions": self.permissions,
        }
        fields = [int(values[field.name]) for field in RULESET_ATTR]
        while len(fields) > 1 and not fields[-1]:
            fields.pop()
        return Pack(tuple((8, value) for value in fields))


def path_beneath(rights: FS, fd: Fd) -> Pack:
    """A struct landlock_path_beneath_attr: packed, 12 bytes."""
    return Pack(((8, int(rights)), (4, fd)))


def net_port(rights: NET, port: int) -> Pack:
    """A struct landlock_net_port_attr."""
    return Pack(((8, int(rights)), (8, port)))


def used(permission: PERMISSION | int, allowed: int, quiet: int = 0) -> Pack:
    """A struct landlock_namespace_attr or landlock_capability_attr, which have the same layout."""
    return Pack(((8, int(permission)), (8, allowed), (8, quiet)))
