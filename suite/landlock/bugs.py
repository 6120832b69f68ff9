# SPDX-License-Identifier: MIT
"""Known bugs that have no erratum: a kernel that shows one deviates, and is told so by name."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bug:
    """A fixed bug of Landlock."""

    name: str
    subject: str
    """Of the fixing commit."""
    commit: str | None
    """The fixing one in mainline; None if only changelogs of releases told us of it."""
    fixed_in: str
    """Releases that carry the fix."""
    cve: str = ""

    def __str__(self) -> str:
        cve = f", {self.cve}" if self.cve else ""
        commit = self.commit or "unknown commit"
        return f'{self.name}: "{self.subject}" ({commit}{cve}), fixed in {self.fixed_in}'


SIGIO_BYPASS = Bug(
    "sigio-bypass",
    "landlock: Fix LANDLOCK_SCOPE_SIGNAL bypass on the SIGIO path",
    "4b80320ca7ed",
    "7.2, 7.1.5, 6.18.40, 6.12.101",
    "CVE-2026-72183",
)
TCP_FAST_OPEN_BYPASS = Bug(
    "tcp-fast-open-bypass",
    "landlock: Fix TCP Fast Open connection bypass",
    "33cb713db016",
    "7.2, 6.12.112",
)
CRED_TRANSFER = Bug(
    "cred-transfer",
    "landlock: Don't lose track of restrictions on cred_transfer",
    "39705a6c29f8",
    "6.11, 6.10.3, 6.6.44, 6.1.103, 5.15.165",
    "CVE-2024-42318",
)
REFER_WITHOUT_RIGHT = Bug(
    "refer-without-right",
    "landlock: Fix file reparenting without explicit LANDLOCK_ACCESS_FS_REFER",
    "55e55920bbe3",
    "6.0, 5.19.8",
)
RULE_UNIONS = Bug(
    "rule-unions",
    "landlock: Fix same-layer rule unions",
    "8ba0005ff418",
    "5.19, 5.18.3, 5.15.46",
)
MANY_LAYERS = Bug(
    "many-layers",
    "landlock: Reduce the maximum number of layers to 16",
    "75c542d6c6cc",
    "5.19, 5.18.3",
)
SHORT_UNSPEC = Bug(
    "short-unspec",
    "landlock: Fix TCP handling of short AF_UNSPEC addresses",
    "e4d82cbce225",
    "6.19, 6.12.92",
)
TSYNC_WITHOUT_RULESET = Bug(
    "tsync-without-ruleset",
    "landlock: Allow TSYNC with LOG_SUBDOMAINS_OFF and fd=-1",
    "e75e38055b9d",
    "7.1, 7.0.4",
)
FLAGS_BEFORE_PRIVILEGES = Bug(
    "flags-before-privileges",
    "landlock: Change landlock_restrict_self(2) check ordering",
    "eba39ca4b155",
    "5.19, 5.18.3, 5.15.46",
)
ATTR_BEFORE_RULESET = Bug(
    "attr-before-ruleset",
    "landlock: Change landlock_add_rule(2) argument check ordering",
    "589172e5636c",
    "5.19, 5.18.3, 5.15.46",
)
LOG_SUBDOMAINS_ON = Bug(
    "log-subdomains-on",
    "landlock: Fix LOG_SUBDOMAINS_OFF inheritance across fork()",
    "874c8f83826c",
    "7.1, 7.0.4, 6.18.27",
)
AUDIT_WITHOUT_SOCKET = Bug(
    "audit-without-socket",
    "landlock: Set audit_net.sk for socket access checks",
    "d936e1a9170f",
    "7.2, 7.1.8, 6.18.44",
)
RULESET_LINK = Bug(
    "ruleset-link",
    'landlock: Use square brackets around "landlock-ruleset"',
    "aea0b9f2486d",
    "5.18",
)
DISABLED_SILENTLY = Bug(
    "disabled-silently",
    "landlock: Warn once if a Landlock action is requested while disabled",
    "782191c74875",
    "6.9, 6.7.12, 6.1.84",
)
PARENT_WALK = Bug(
    "parent-walk",
    "landlock: Fix d_parent walk",
    "88da52ccd66e",
    "6.10, 6.1.95",
    "CVE-2024-40938",
)
WEIRD_FILES = Bug(
    "weird-files",
    "landlock: Handle weird files",
    "49440290a093",
    "6.14, 6.13.2, 6.12.13, 6.6.76, 6.1.129, 5.15.179",
    "CVE-2025-21830",
)
FREED_PARENT = Bug(
    "freed-parent",
    "landlock: Fix use-after-free of the source's parent directory",
    "2c6dc7925382",
    "7.3, 7.2.7, 6.12.112, 6.1.191",
    "CVE-2026-97594",
)
FREED_SUPERBLOCK = Bug(
    "freed-superblock",
    "landlock: Fix superblock use-after-free in release_inode()",
    None,
    "7.3.2, 6.12.117",
)
FREED_INODE = Bug(
    "freed-inode",
    "lsm: add the inode_free_security_rcu() LSM implementation hook",
    "63dff3e48871",
    "6.12",
)
UNCHARGED_DETAILS = Bug(
    "uncharged-details",
    "landlock: Account all audit data allocations to user space",
    "b232bd12789f",
    "7.2, 7.1.8",
)
