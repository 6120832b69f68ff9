# SPDX-License-Identifier: MIT
"""The one table of Landlock's ABI: rights, scopes, flags, struct sizes, errata, and their origin.

ABI 12 is upcoming: it stands in a public tree of Landlock's maintainer, no release has it, and it
may change. That tree names all that it adds, and in this order. Assumed, since its header was not
at hand: that the new bits, the new kinds of rules and the new field of the attribute have the next
free places, as every version before has given them.

Source: include/uapi/linux/landlock.h; Documentation/userspace-api/landlock.rst;
security/landlock/errata/.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import cache
from itertools import pairwise
from typing import Self, TypeVar

from suite.landlock.bugs import BUGS, Bug, Impact

SYS_CREATE_RULESET = 444
SYS_ADD_RULE = 445
SYS_RESTRICT_SELF = 446

LANDLOCK_CALLS = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")

RULE_PATH_BENEATH = 1
RULE_NET_PORT = 2
RULE_NAMESPACE = 3
RULE_CAPABILITY = 4

MAX_LAYERS = 16


@dataclass(frozen=True, slots=True)
class Abi:
    """One ABI version: the release that made it, and the commit that merged it."""

    version: int
    release: str
    """Empty for an upcoming version: no release has it, and what it brings may change."""
    attr_size: int
    """Bytes of struct landlock_ruleset_attr that this version knows."""
    source: str
    """The commit; of an upcoming version, where it was read."""

    @property
    def upcoming(self) -> bool:
        """Whether no release has it yet."""
        return not self.release

    @property
    def since(self) -> int:
        """As of other things that come with an ABI version."""
        return self.version


ABIS = {
    row.version: row
    for row in (
        Abi(1, "5.13", 8, "17ae69aba89d"),
        Abi(2, "5.19", 8, "cb44e4f061e1"),
        Abi(3, "6.2", 8, "299e2b196757"),
        Abi(4, "6.7", 16, "136cc1e1f5be"),
        Abi(5, "6.10", 16, "2fc0e7892c10"),
        Abi(6, "6.12", 24, "e1b061b444fb"),
        Abi(7, "6.15", 24, "72885116069a"),
        Abi(8, "7.0", 24, "c22e26bd0906"),
        Abi(9, "7.1", 24, "b8f82cb0d84d"),
        Abi(10, "7.2", 48, "5e2e14749c3d"),
        Abi(11, "7.3", 48, "7199989f3f31"),
        Abi(12, "", 56, "the maintainer's tree, November 2026"),
    )
}
NEWEST = max(ABIS)
"""The newest ABI version that we know, be it upcoming."""
LANDLOCK = ABIS[1]
"""The first of all."""
RELEASED = max(row.version for row in ABIS.values() if not row.upcoming)
"""The newest ABI version that a release has."""
GROWTHS = tuple(now for was, now in pairwise(ABIS.values()) if was.attr_size < now.attr_size)
"""The ABI versions that made the attribute longer."""


class Feature(IntFlag):
    """A set of bits of one kind, each introduced by an ABI version.

    A member is declared as ``NAME = bit, abi``.
    """

    _since: int

    def __new__(cls, bit: int, since: int = 1) -> Self:
        """Make a named member from its row."""
        self = int.__new__(cls, bit)
        self._value_ = bit
        self._since = since
        return self

    def _members(self) -> list[Self]:
        """Its bits that have names, in order."""
        mask = self._value_  # an integer: Python's own iteration takes ten times as long
        return [bit for bit in type(self) if bit._value_ & mask]

    @property
    def since(self) -> int:
        """The lowest ABI version that knows every bit; 1 for none."""
        return _since(type(self), int(self))

    @property
    def constants(self) -> tuple[str, ...]:
        """The names in the kernel's header, in bit order."""
        prefix = CONSTANT[type(self)]
        return tuple(f"{prefix}_{bit.name}" for bit in self._members())

    @property
    def labels(self) -> tuple[str, ...]:
        """The short names as audit prints them, such as ``fs.truncate``, in bit order."""
        prefix = PREFIX[type(self)]
        return tuple(f"{prefix}.{str(bit.name).lower()}" for bit in self._members())


@cache
def _since(kind: type[Feature], bits: int) -> int:
    """Asked for the same few sets of bits by each of a thousand expectations."""
    return max((bit._since for bit in kind if bits & bit), default=1)


F = TypeVar("F", bound=Feature)


def _inverting(kind: type[F]) -> type[F]:
    """Give a kind of features its own ``~``: that of Python 3.11.2 (Debian 12) leaves bits out."""

    def others(self: F) -> F:
        return type(self)(sum(bit for bit in type(self) if bit not in self))

    kind.__invert__ = others  # type: ignore[method-assign,assignment]
    return kind


@_inverting
class FS(Feature):
    """LANDLOCK_ACCESS_FS_*."""

    EXECUTE = 1 << 0, 1
    WRITE_FILE = 1 << 1, 1
    READ_FILE = 1 << 2, 1
    READ_DIR = 1 << 3, 1
    REMOVE_DIR = 1 << 4, 1
    REMOVE_FILE = 1 << 5, 1
    MAKE_CHAR = 1 << 6, 1
    MAKE_DIR = 1 << 7, 1
    MAKE_REG = 1 << 8, 1
    MAKE_SOCK = 1 << 9, 1
    MAKE_FIFO = 1 << 10, 1
    MAKE_BLOCK = 1 << 11, 1
    MAKE_SYM = 1 << 12, 1
    REFER = 1 << 13, 2
    TRUNCATE = 1 << 14, 3
    IOCTL_DEV = 1 << 15, 5
    RESOLVE_UNIX = 1 << 16, 9


@_inverting
class NET(Feature):
    """LANDLOCK_ACCESS_NET_*."""

    BIND_TCP = 1 << 0, 4
    CONNECT_TCP = 1 << 1, 4
    BIND_UDP = 1 << 2, 10
    CONNECT_SEND_UDP = 1 << 3, 10


@_inverting
class SCOPE(Feature):
    """LANDLOCK_SCOPE_*."""

    ABSTRACT_UNIX_SOCKET = 1 << 0, 6
    SIGNAL = 1 << 1, 6


@_inverting
class PERMISSION(Feature):
    """LANDLOCK_PERMISSION_*: what a domain may use at all, of what its rules name by kind."""

    NAMESPACE_USE = 1 << 0, 12
    CAPABILITY_USE = 1 << 1, 12

    @property
    def labels(self) -> tuple[str, ...]:
        """As audit prints them: ``namespace.use``."""
        return tuple(str(bit.name).lower().replace("_", ".") for bit in self._members())


@_inverting
class CREATE(Feature):
    """LANDLOCK_CREATE_RULESET_*.

    ERRATA came with ABI 7 and was given to older stable kernels too, so no ABI version tells
    whether a kernel has it ("landlock: Add the errata interface", 15383a0d63db).
    """

    VERSION = 1 << 0, 1
    ERRATA = 1 << 1, 1


@_inverting
class ADD_RULE(Feature):  # noqa: N801 (named as its constants are)
    """LANDLOCK_ADD_RULE_*."""

    QUIET = 1 << 0, 10


@_inverting
class RESTRICT(Feature):
    """LANDLOCK_RESTRICT_SELF_*."""

    LOG_SAME_EXEC_OFF = 1 << 0, 7
    LOG_NEW_EXEC_ON = 1 << 1, 7
    LOG_SUBDOMAINS_OFF = 1 << 2, 7
    TSYNC = 1 << 3, 8
    NO_NEW_PRIVS = 1 << 4, 11


@dataclass(frozen=True, slots=True)
class AttrField:
    """A field of struct landlock_ruleset_attr: 8 bytes each, one behind the other."""

    name: str
    """In the kernel's header."""
    of: type[Feature]
    """What a ruleset has in it, or needs it for."""


RULESET_ATTR = (
    AttrField("handled_access_fs", FS),
    AttrField("handled_access_net", NET),
    AttrField("scoped", SCOPE),
    AttrField("quiet_access_fs", ADD_RULE),
    AttrField("quiet_access_net", ADD_RULE),
    AttrField("quiet_scoped", ADD_RULE),
    AttrField("handled_permissions", PERMISSION),
)
"""The layout of the attribute. A quiet rule needs a ruleset that has a mask of quiet rights."""
HANDLED = (FS, NET, SCOPE, PERMISSION)
"""The kinds that a ruleset handles: what is unknown of them is refused with the ruleset."""


def attr_end(kind: type[Feature]) -> int:
    """The bytes of the attribute up to the first field that is of a kind; the least for others."""
    ends = (8 * number for number, field in enumerate(RULESET_ATTR, 1) if field.of is kind)
    return next(ends, LIMITS["attr_size"].value)


ERRATA_PROMISED = 7
"""The ABI version of the release that brought CREATE.ERRATA."""

PREFIX: dict[type[Feature], str] = {
    FS: "fs",
    NET: "net",
    SCOPE: "scope",
    PERMISSION: "permission",
    CREATE: "create",
    ADD_RULE: "add_rule",
    RESTRICT: "restrict",
}

CONSTANT: dict[type[Feature], str] = {
    FS: "LANDLOCK_ACCESS_FS",
    NET: "LANDLOCK_ACCESS_NET",
    SCOPE: "LANDLOCK_SCOPE",
    PERMISSION: "LANDLOCK_PERMISSION",
    CREATE: "LANDLOCK_CREATE_RULESET",
    ADD_RULE: "LANDLOCK_ADD_RULE",
    RESTRICT: "LANDLOCK_RESTRICT_SELF",
}

TAKEN_BY: dict[type[Feature], str] = {
    FS: "create_ruleset",
    NET: "create_ruleset",
    SCOPE: "create_ruleset",
    PERMISSION: "create_ruleset",
    CREATE: "create_ruleset",
    ADD_RULE: "add_rule",
    RESTRICT: "restrict_self",
}
"""The call that takes a kind of features, as outcomes name it."""

FEATURES: dict[str, Feature] = {
    label: bit for kind in PREFIX for bit in kind for label in bit.labels
}
"""Every bit by its short name."""

FS_FILE = FS.EXECUTE | FS.WRITE_FILE | FS.READ_FILE | FS.TRUNCATE | FS.IOCTL_DEV | FS.RESOLVE_UNIX
"""The rights that a rule on a file may carry (security/landlock/fs.c, ACCESS_FILE)."""


def known_bits(kind: type[F], abi: int) -> F:
    """Every bit of a kind that an ABI version knows."""
    return kind(sum(bit for bit in kind if bit.since <= abi))


class Erratum(IntEnum):
    """A numbered fix; bit ``number - 1`` of LANDLOCK_CREATE_RULESET_ERRATA.

    Source: security/landlock/errata/abi-*.h.
    """

    TCP_SOCKET_IDENTIFICATION = 1
    SCOPED_SIGNAL_HANDLING = 2
    DISCONNECTED_DIRECTORIES = 3
    WHITEOUT_OBJECTS = 4


@dataclass(frozen=True, slots=True)
class Fix:
    """The fix of an erratum."""

    since: int
    """The ABI version from which the erratum applies."""
    bug: Bug
    """What was wrong."""


ERRATA = {
    Erratum.TCP_SOCKET_IDENTIFICATION: Fix(
        4,
        Bug(
            "erratum 1",
            "rules about TCP deny MPTCP, SMC and SCTP, too",
            "landlock: Fix non-TCP sockets restriction",
            "854277e2cc8c",
            {"6.14": "6.14", "6.12": "6.12.18"},
            Impact.OVER_DENIAL,
            since="6.7",
            brought_by="fff69fb03dde",
            issue=40,
            workaround="plain TCP sockets (GODEBUG=multipathtcp=0 for programs in Go)",
        ),
    ),
    Erratum.SCOPED_SIGNAL_HANDLING: Fix(
        6,
        Bug(
            "erratum 2",
            "signals between threads of a process are denied",
            "landlock: Always allow signals between threads of the same process",
            "18eb75f3af40",
            {"6.15": "6.15", "6.14": "6.14.3", "6.12": "6.12.24"},
            Impact.OVER_DENIAL,
            since="6.12",
            workaround="enforce rulesets before the first thread is made",
        ),
    ),
    Erratum.DISCONNECTED_DIRECTORIES: Fix(
        1,
        Bug(
            "erratum 3",
            "a directory that left its bind mount is judged by half of its rules",
            "landlock: Fix handling of disconnected directories",
            "49c9e09d9610",
            {
                "6.19": "6.19",
                "6.18": "6.18.2",
                "6.12": "6.12.80",
                "6.6": "6.6.143",
                "6.1": "6.1.189",
            },
            Impact.ESCAPE,
            since="5.13",
            cve="CVE-2025-68736",
        ),
    ),
    Erratum.WHITEOUT_OBJECTS: Fix(
        1,
        Bug(
            "erratum 4",
            "files (whiteouts) are made without MAKE_REG",
            "landlock: Require MAKE_REG for whiteout creation",
            "672fa082d48b",
            {"7.3": "7.3", "7.2": "7.2.6", "6.12": "6.12.110", "6.1": "6.1.188"},
            Impact.ESCAPE,
            since="5.13",
            cve="CVE-2026-89560",
        ),
    ),
}


ALL_BUGS: Mapping[str, Bug] = {**BUGS, **{fix.bug.name: fix.bug for fix in ERRATA.values()}}
"""Known bugs by name, those with an erratum among them."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The most, or the least, that the kernel takes of something."""

    value: int
    constant: str
    """In the kernel; empty where it has none of its own."""
    counts: str
    since: int
    """The ABI version that brought what it counts."""
    behaviours: tuple[str, ...]
    """Those of ``cases/behaviours.toml`` that tell where the limit is, by id."""
    source: str
    call: str
    """The one that takes what it counts, as outcomes name it."""
    least: bool = False
    """Whether it is the least; else it is the most."""
    without: tuple[str, ...] = ()
    """The behaviours that tell how kernels older than ``since`` refuse what it counts, by id."""


LIMITS = {
    "layers": Limit(
        MAX_LAYERS,
        "LANDLOCK_MAX_NUM_LAYERS",
        "rulesets that a thread and those it descends from enforced, at most",
        1,
        ("layer-limit-16",),
        'security/landlock/limits.h; Documentation/userspace-api/landlock.rst, "Ruleset layers"',
        "restrict_self",
    ),
    "rules": Limit(
        (1 << 32) - 1,
        "LANDLOCK_MAX_NUM_RULES",
        "rules of a ruleset, at most",
        1,
        ("lim-rules",),
        "security/landlock/limits.h",
        "add_rule",
    ),
    "port": Limit(
        (1 << 16) - 1,
        "U16_MAX",
        "the port of a rule, at most",
        NET.BIND_TCP.since,
        ("sys-ar-port-range",),
        "security/landlock/syscalls.c, add_rule_net_port()",
        "add_rule",
        without=("sys-ar-type-net-lowabi",),
    ),
    "attr_size": Limit(
        8,
        "",
        "bytes of struct landlock_ruleset_attr, at least",
        1,
        ("sys-cr-size-small", "sys-cr-size-exact-8"),
        "security/landlock/syscalls.c, copy_min_struct_from_user()",
        "create_ruleset",
        least=True,
    ),
}
"""By short name."""
