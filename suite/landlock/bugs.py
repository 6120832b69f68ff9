# SPDX-License-Identifier: MIT
"""Known bugs that have no erratum: a kernel that shows one deviates, and is told so by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from suite.landlock.releases import Release, carries, of_mainline, parse

COMMITS = "https://git.kernel.org/linus/"
CVES = "https://www.cve.org/CVERecord?id="
ISSUES = "https://github.com/landlock-lsm/linux/issues/"
"""Where each is found, by what comes after: a commit of mainline, a CVE, a number."""

_LIKE = "looks like "


class Impact(Enum):
    """What a bug does to who relies on Landlock."""

    ESCAPE = "escape"
    """Something is allowed that a domain denies."""
    OVER_DENIAL = "over-denial"
    """Something is refused that is allowed."""
    LOG = "log only"
    MEMORY_SAFETY = "memory safety"
    COST = "cost"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Bug:
    """A fixed bug of Landlock."""

    name: str
    does: str
    """What a kernel that has it does, in a few words."""
    subject: str
    """Of the fixing commit."""
    commit: str | None
    """The fixing one in mainline; None if only changelogs of releases told us of it."""
    fixed_in: Mapping[str, str]
    """The first release with the fix, by series; the newest series first."""
    impact: Impact
    since: str
    """The first release that had it; of several series the oldest."""
    brought_by: str | None = None
    """The commit that brought it, where it is known."""
    cve: str = ""
    issue: int | None = None
    """Of Landlock's issue tracker."""
    workaround: str = ""
    """What helps who must go on with such a kernel; empty where nothing does but the fix."""

    def __str__(self) -> str:
        return f"{self.name}: {self._told()}"

    @property
    def releases(self) -> str:
        """Those with the fix, the newest series first."""
        return ", ".join(self.fixed_in.values())

    @property
    def mainline(self) -> str:
        """The first release of mainline with the fix."""
        return next(iter(self.fixed_in.values()))

    @property
    def links(self) -> dict[str, str]:
        """Addresses of what was written about it, by a label for each."""
        links = {}
        if self.commit:
            links[self.commit] = f"{COMMITS}{self.commit}"
        if self.cve:
            links[self.cve] = f"{CVES}{self.cve}"
        if self.issue:
            links[f"issue #{self.issue}"] = f"{ISSUES}{self.issue}"
        return links

    def _told(self) -> str:
        cve = f", {self.cve}" if self.cve else ""
        commit = self.commit or "unknown commit"
        return f'"{self.subject}" ({commit}{cve}), fixed in {self.releases}'

    def seen_on(self, release: str, version: str) -> str:
        """How it is named where a kernel that says so of itself (uname(2)) does what it did.

        Plainly only if that release can have it. Vendors choose what they take from newer
        releases, so that theirs tell nothing of it.
        """
        kernel = of_mainline(release, version)
        if kernel is None:
            return f"{_LIKE}{self}"
        if unlike := self._unlike(kernel):
            return f"{_LIKE}{self.name}, which {unlike}: {self._told()}"
        return str(self)

    def is_in(self, release: str, version: str) -> bool:
        """Whether a kernel that says so of itself (uname(2)) is known to have it."""
        kernel = of_mainline(release, version)
        return kernel is not None and not self._unlike(kernel)

    def fixed_for(self, release: str, version: str) -> str:
        """Where the fix is, for who runs a kernel that says so of itself (uname(2))."""
        kernel = of_mainline(release, version)
        if kernel is None:
            return f"fixed in {_listed([*self.fixed_in.values()])}"
        if first := self.fixed_in.get(kernel.series):
            return f"fixed in {first}"
        # The nearest one on either side is enough to know where to go.
        newer = [it for it in self.fixed_in.values() if parse(it) > kernel]
        older = [it for it in self.fixed_in.values() if parse(it) < kernel]
        return f"fixed in {_listed([*newer[-1:], *older[:1]])}, in no {kernel.series}"

    def fix_in_series(self, release: str, version: str) -> str | None:
        """The release that fixes it in the series of such a kernel: empty if none does.

        None if the kernel does not tell of which series it is.
        """
        kernel = of_mainline(release, version)
        return None if kernel is None else self.fixed_in.get(kernel.series, "")

    def _unlike(self, kernel: Release) -> str:
        if carries(self.fixed_in.values(), kernel):
            return f"{kernel} carries the fix of"
        return "" if carries([self.since], kernel) else f"{kernel} is too old for"


def _listed(releases: Sequence[str]) -> str:
    *firsts, last = releases
    return f"{', '.join(firsts)} and {last}" if firsts else last


def name_of(text: str) -> str:
    """The name in a text that tells of a bug; empty if the kernel's release can't have it."""
    name = text.partition(":")[0]
    return "" if name.startswith(_LIKE) and ", which " in name else name.removeprefix(_LIKE)


def labelled(text: str) -> tuple[str, str]:
    """Such a text with a label in front: ``known bug`` or ``looks like``."""
    like = text.startswith(_LIKE)
    return (_LIKE.strip(), text.removeprefix(_LIKE)) if like else ("known bug", text)


SIGIO_BYPASS = Bug(
    "sigio-bypass",
    "SIGIO reaches processes outside of the scope",
    "landlock: Fix LANDLOCK_SCOPE_SIGNAL bypass on the SIGIO path",
    "4b80320ca7ed",
    {"7.2": "7.2", "7.1": "7.1.5", "6.18": "6.18.40", "6.12": "6.12.101"},
    Impact.ESCAPE,
    since="6.12.24",
    brought_by="18eb75f3af40",
    cve="CVE-2026-72183",
)
TCP_FAST_OPEN_BYPASS = Bug(
    "tcp-fast-open-bypass",
    "TCP Fast Open connects to any port",
    "landlock: Fix TCP Fast Open connection bypass",
    "33cb713db016",
    {"7.2": "7.2", "6.12": "6.12.112"},
    Impact.ESCAPE,
    since="6.7",
    brought_by="fff69fb03dde",
    issue=41,
    workaround="sysctl -w net.ipv4.tcp_fastopen=0, in each network namespace",
)
CRED_TRANSFER = Bug(
    "cred-transfer",
    "keyctl(2) in a child takes the domain from its parent",
    "landlock: Don't lose track of restrictions on cred_transfer",
    "39705a6c29f8",
    {"6.11": "6.11", "6.10": "6.10.3", "6.6": "6.6.44", "6.1": "6.1.103", "5.15": "5.15.165"},
    Impact.ESCAPE,
    since="5.13",
    cve="CVE-2024-42318",
    workaround="a seccomp filter that refuses keyctl(2)",
)
REFER_WITHOUT_RIGHT = Bug(
    "refer-without-right",
    "files move to other directories without REFER",
    "landlock: Fix file reparenting without explicit LANDLOCK_ACCESS_FS_REFER",
    "55e55920bbe3",
    {"6.0": "6.0", "5.19": "5.19.8"},
    Impact.ESCAPE,
    since="5.19",
    brought_by="b91c3e4ea756",
    workaround="handle LANDLOCK_ACCESS_FS_REFER in every ruleset",
)
RULE_UNIONS = Bug(
    "rule-unions",
    "two rules that grant a request together do not",
    "landlock: Fix same-layer rule unions",
    "8ba0005ff418",
    {"5.19": "5.19", "5.18": "5.18.3", "5.15": "5.15.46"},
    Impact.OVER_DENIAL,
    since="5.13",
    brought_by="cb2c7d1a1776",
    workaround="one rule with all the rights",
)
MANY_LAYERS = Bug(
    "many-layers",
    "more than 16 layers are taken",
    "landlock: Reduce the maximum number of layers to 16",
    "75c542d6c6cc",
    {"5.19": "5.19", "5.18": "5.18.3"},
    Impact.OTHER,
    since="5.13",
)
SHORT_UNSPEC = Bug(
    "short-unspec",
    "connections can't be dissolved by a short AF_UNSPEC address",
    "landlock: Fix TCP handling of short AF_UNSPEC addresses",
    "e4d82cbce225",
    {"6.19": "6.19", "6.12": "6.12.92"},
    Impact.OVER_DENIAL,
    since="6.7",
    brought_by="fff69fb03dde",
    workaround="pass a whole struct sockaddr to connect(2)",
)
TSYNC_WITHOUT_RULESET = Bug(
    "tsync-without-ruleset",
    "TSYNC without a ruleset is refused",
    "landlock: Allow TSYNC with LOG_SUBDOMAINS_OFF and fd=-1",
    "e75e38055b9d",
    {"7.1": "7.1", "7.0": "7.0.4"},
    Impact.OVER_DENIAL,
    since="7.0",
    brought_by="42fc7e6543f6",
)
FLAGS_BEFORE_PRIVILEGES = Bug(
    "flags-before-privileges",
    "unknown flags are refused before lacking privileges",
    "landlock: Change landlock_restrict_self(2) check ordering",
    "eba39ca4b155",
    {"5.19": "5.19", "5.18": "5.18.3", "5.15": "5.15.46"},
    Impact.OTHER,
    since="5.13",
)
ATTR_BEFORE_RULESET = Bug(
    "attr-before-ruleset",
    "a wrong rule is refused before a wrong ruleset",
    "landlock: Change landlock_add_rule(2) argument check ordering",
    "589172e5636c",
    {"5.19": "5.19", "5.18": "5.18.3", "5.15": "5.15.46"},
    Impact.OTHER,
    since="5.13",
)
LOG_SUBDOMAINS_ON = Bug(
    "log-subdomains-on",
    "children do not inherit LOG_SUBDOMAINS_OFF, so too much is logged",
    "landlock: Fix LOG_SUBDOMAINS_OFF inheritance across fork()",
    "874c8f83826c",
    {"7.1": "7.1", "7.0": "7.0.4", "6.18": "6.18.27"},
    Impact.LOG,
    since="6.15",
    brought_by="ead9079f7569",
)
AUDIT_WITHOUT_SOCKET = Bug(
    "audit-without-socket",
    "denials of bound sockets are logged without their address",
    "landlock: Set audit_net.sk for socket access checks",
    "d936e1a9170f",
    {"7.2": "7.2", "7.1": "7.1.8", "6.18": "6.18.44"},
    Impact.LOG,
    since="6.15",
)
RULESET_LINK = Bug(
    "ruleset-link",
    "the descriptor of a ruleset has another name in /proc",
    'landlock: Use square brackets around "landlock-ruleset"',
    "aea0b9f2486d",
    {"5.18": "5.18"},
    Impact.OTHER,
    since="5.13",
)
DISABLED_SILENTLY = Bug(
    "disabled-silently",
    "the kernel does not log that Landlock was asked for and is off",
    "landlock: Warn once if a Landlock action is requested while disabled",
    "782191c74875",
    {"6.9": "6.9", "6.7": "6.7.12", "6.1": "6.1.84"},
    Impact.LOG,
    since="5.13",
)
PARENT_WALK = Bug(
    "parent-walk",
    "a link or rename of the root of a mount makes the kernel warn",
    "landlock: Fix d_parent walk",
    "88da52ccd66e",
    {"6.10": "6.10", "6.1": "6.1.95"},
    Impact.OTHER,
    since="5.19",
    brought_by="b91c3e4ea756",
    cve="CVE-2024-40938",
)
WEIRD_FILES = Bug(
    "weird-files",
    "files of an unknown type, on a corrupted file system, are not denied",
    "landlock: Handle weird files",
    "49440290a093",
    {
        "6.14": "6.14",
        "6.13": "6.13.2",
        "6.12": "6.12.13",
        "6.6": "6.6.76",
        "6.1": "6.1.129",
        "5.15": "5.15.179",
    },
    Impact.ESCAPE,
    since="5.13",
    brought_by="cb2c7d1a1776",
    cve="CVE-2025-21830",
    workaround="mount no file system of others",
)
FREED_PARENT = Bug(
    "freed-parent",
    "a rename that races with another one uses freed memory",
    "landlock: Fix use-after-free of the source's parent directory",
    "2c6dc7925382",
    {"7.3": "7.3", "7.2": "7.2.7", "6.12": "6.12.112", "6.1": "6.1.191"},
    Impact.MEMORY_SAFETY,
    since="5.19",
    cve="CVE-2026-97594",
)
FREED_SUPERBLOCK = Bug(
    "freed-superblock",
    "an unmount that races with the end of a domain uses freed memory",
    "landlock: Fix superblock use-after-free in release_inode()",
    None,
    {"7.3": "7.3.2", "6.12": "6.12.117"},
    Impact.MEMORY_SAFETY,
    since="5.13",
)
FREED_INODE = Bug(
    "freed-inode",
    "a look-up that races with a removal uses freed memory",
    "lsm: add the inode_free_security_rcu() LSM implementation hook",
    "63dff3e48871",
    {"6.12": "6.12"},
    Impact.MEMORY_SAFETY,
    since="5.13",
)
UNCHARGED_DETAILS = Bug(
    "uncharged-details",
    "memory for the log is charged to no cgroup",
    "landlock: Account all audit data allocations to user space",
    "b232bd12789f",
    {"7.2": "7.2", "7.1": "7.1.8"},
    Impact.COST,
    since="6.15",
)
BUGS: Mapping[str, Bug] = {it.name: it for it in list(vars().values()) if isinstance(it, Bug)}
"""All of them, by name."""
