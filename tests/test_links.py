# SPDX-License-Identifier: MIT
"""What texts name, and where it is found."""

import pytest

from reports import links
from suite.landlock.bugs import BUGS

LINUX = "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree"
CHANGES = "https://cdn.kernel.org/pub/linux/kernel"


def _linked(text: str, kind: tuple[links.Link, ...]) -> dict[str, str]:
    assert "".join(piece for piece, _ in links.pieces(text, kind)) == text
    return {piece: to for piece, to in links.pieces(text, kind) if to}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("4b80320ca7ed", {"4b80320ca7ed": "https://git.kernel.org/linus/4b80320ca7ed"}),
        ("0" * 12 + " 123456789012, and " + "a" * 64, {}),
        (
            "(CVE-2026-72183)",
            {"CVE-2026-72183": "https://www.cve.org/CVERecord?id=CVE-2026-72183"},
        ),
        (
            "Documentation/admin-guide/LSM/landlock.rst.",
            {"Documentation/admin-guide/LSM/landlock.rst": links.DOCUMENTS[1][1]},
        ),
        (
            "include/uapi/linux/landlock.h, and log.c",
            {"include/uapi/linux/landlock.h": f"{LINUX}/include/uapi/linux/landlock.h"},
        ),
        (
            "landlock_add_rule(2), open(2)",
            {
                "landlock_add_rule(2)": (
                    "https://man7.org/linux/man-pages/man2/landlock_add_rule.2.html"
                )
            },
        ),
        ("javascript:alert(1) https://example.org/", {}),
        ("in 7.2, ABI 4, 127.0.0.1", {}),
    ],
)
def test_what_a_source_names_is_linked(text: str, found: dict[str, str]) -> None:
    assert _linked(text, links.TEXT) == found


def test_releases_are_linked_where_nothing_else_has_dots() -> None:
    found = _linked("fixed in 7.2, 7.1.5 and 6.12.101; 127.0.0.1, ABI 7.", links.BUG)
    assert found == {
        "7.2": f"{CHANGES}/v7.x/ChangeLog-7.2",
        "7.1.5": f"{CHANGES}/v7.x/ChangeLog-7.1.5",
        "6.12.101": f"{CHANGES}/v6.x/ChangeLog-6.12.101",
    }


@pytest.mark.parametrize("name", BUGS)
def test_all_that_a_bug_names_is_linked(name: str) -> None:
    bug = BUGS[name]
    named = {*bug.fixed_in.values(), *filter(None, (bug.commit, bug.cve))}
    assert named <= _linked(str(bug), links.BUG).keys()


def test_only_the_users_own_list_chooses_a_host() -> None:
    text = "not yet (https://example.org/a?b=c#d), see https://example.org."
    assert _linked(text, links.LISTED) == {
        "https://example.org/a?b=c#d": "https://example.org/a?b=c#d",
        "https://example.org": "https://example.org",
    }
    assert _linked(text, links.BUG) == {}
