# SPDX-License-Identifier: MIT
"""Addresses of what texts name: commits, CVEs, documentation, sources and releases of the kernel.

The patterns mean the same in Python and in JavaScript (ECMA-262, with the flag u), since the script
of the page for people uses them too. An address has ``$0`` for the whole match, ``$1`` for the
first group. Its host is always ours: a text chooses no host, but in an entry of the user's own list
of known deviations, which may cite any page.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from suite.landlock.bugs import COMMITS, CVES


class Link(NamedTuple):
    """What is linked, and where to."""

    pattern: str
    address: str


_LINUX = "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree"

COMMIT = Link(r"\b(?=[0-9]*[a-f])[0-9a-f]{12,40}\b", f"{COMMITS}$0")
CVE = Link(r"\bCVE-[0-9]{4}-[0-9]{4,}\b", f"{CVES}$0")
RELEASE = Link(
    r"(?<![0-9.])(?<!in no )([1-9][0-9]?)\.[0-9]+(?:\.[0-9]+)?(?![0-9.]*[0-9])",
    "https://cdn.kernel.org/pub/linux/kernel/v$1.x/ChangeLog-$0",
)
"""Only for texts that name nothing else with dots; the log of changes is what says more."""
PAGE = Link(r"\bDocumentation/([A-Za-z0-9_/-]+)\.rst\b", "https://docs.kernel.org/$1.html")
SOURCE = Link(
    r"\b(?:block|drivers|fs|include|io_uring|ipc|kernel|mm|net|security)/[A-Za-z0-9_/-]+\.[ch]\b",
    f"{_LINUX}/$0",
)
MANUAL = Link(r"\b(landlock[a-z_]*)\(([27])\)", "https://man7.org/linux/man-pages/man$2/$1.$2.html")
CITED = Link(r"""\bhttps://[^\s()<>"']*[^\s()<>"'.,;:]""", "$0")

TEXT = (CVE, COMMIT, PAGE, SOURCE, MANUAL)
"""For what says where an expectation comes from."""
BUG = (*TEXT, RELEASE)
LISTED = (CITED, CVE, COMMIT)
"""For what the user's own list says."""

KINDS = {"text": TEXT, "bug": BUG, "listed": LISTED}
"""By the kind of text."""

DOCUMENTS = (
    ("Landlock for programs", "https://docs.kernel.org/userspace-api/landlock.html"),
    ("Landlock for administrators", "https://docs.kernel.org/admin-guide/LSM/landlock.html"),
)
"""What the kernel says of Landlock."""


def pieces(text: str, links: tuple[Link, ...]) -> Iterator[tuple[str, str]]:
    """A text in pieces, each with its address; empty where there is none."""
    last = 0
    for match in re.finditer("|".join(f"(?:{it.pattern})" for it in links), text):
        if match.start() > last:
            yield text[last : match.start()], ""
        yield match[0], address(match[0], links)
        last = match.end()
    if last < len(text):
        yield text[last:], ""


def address(name: str, links: tuple[Link, ...]) -> str:
    """Where such a name leads; empty if it is none."""
    for link in links:
        if match := re.fullmatch(link.pattern, name):
            filled = link.address
            for number, group in enumerate((match[0], *match.groups())):
                filled = filled.replace(f"${number}", group)
            return filled
    return ""
