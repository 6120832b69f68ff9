# SPDX-License-Identifier: MIT
"""Known bugs: named plainly only where the kernel's release can have them."""

import re

import pytest

from suite.judge.records import CaseRecord, Verdict
from suite.landlock.abi import ALL_BUGS
from suite.landlock.bugs import (
    FREED_SUPERBLOCK,
    SIGIO_BYPASS,
    TCP_FAST_OPEN_BYPASS,
    Bug,
    labelled,
    name_of,
)
from suite.landlock.releases import Release, carries, of_mainline, parse

DEBIAN = "#1 SMP PREEMPT_DYNAMIC Debian {} (2026-11-01)"
TOLD = str(SIGIO_BYPASS).partition(": ")[2]


@pytest.mark.parametrize(
    ("release", "says"),
    [
        ("6.18.15+deb13-cloud-amd64", "fixed in 6.18.40"),
        ("6.16.12+deb13-cloud-amd64", "fixed in 6.18.40 and 6.12.101, in no 6.16"),
        ("5.14.0-611.el9.x86_64", "fixed in 7.2, 7.1.5, 6.18.40 and 6.12.101"),
    ],
)
def test_a_fix_is_told_for_the_series_that_is_run(release: str, says: str) -> None:
    assert SIGIO_BYPASS.fixed_for(release, "#1 SMP") == says


@pytest.mark.parametrize("bug", ALL_BUGS.values(), ids=ALL_BUGS)
def test_the_row_of_a_bug(bug: Bug) -> None:
    assert bug.subject.startswith(("landlock: ", "lsm: "))
    assert len(bug.does) < 80
    assert not bug.does.endswith(".")
    assert not bug.workaround.endswith(".")
    assert all(label and link.startswith("https://") for label, link in bug.links.items())
    assert bug.links or not bug.commit
    assert not bug.cve or re.fullmatch(r"CVE-20\d\d-\d+", bug.cve)
    for commit in (bug.commit, bug.brought_by):
        assert commit is None or re.fullmatch(r"[0-9a-f]{12}", commit)
    series = list(bug.fixed_in)
    assert series == sorted(series, key=parse, reverse=True)
    for name, release in bug.fixed_in.items():
        assert parse(release)[:2] == parse(name)[:2]
        assert not carries(bug.fixed_in.values(), parse(bug.since))


@pytest.mark.parametrize(
    ("release", "version", "expected"),
    [
        ("6.18.44", "#1 SMP", Release(6, 18, 44)),
        ("6.12.117+deb13-amd64", DEBIAN.format("6.12.117-1"), Release(6, 12, 117)),
        ("6.12.117+deb13-cloud-amd64", "#1", Release(6, 12, 117)),
        ("6.12.43+deb12u1-amd64", "#1", Release(6, 12, 43)),
        ("6.1.0-57-cloud-amd64", DEBIAN.format("6.1.192-3"), Release(6, 1, 192)),
        ("6.1.0-57-cloud-amd64", "#1 SMP", None),
        ("7.3.4+deb13-amd64", DEBIAN.format("7.3.4-1~bpo13+1"), Release(7, 3, 4)),
        ("5.14.0-611.el9.x86_64", "#1 SMP PREEMPT_DYNAMIC", None),
        ("6.8.0-45-generic", "#45-Ubuntu SMP", None),
        ("6.18.44-arch1-1", "#1 SMP", None),
        ("6.18.44+", "#1 SMP", None),
        ("7.4.0-rc3", "#1 SMP", None),
        ("7.4-rc3-amd64", DEBIAN.format("7.4~rc3-1~exp1"), None),
        ("", "", None),
    ],
)
def test_what_a_kernel_is_built_from(release: str, version: str, expected: Release | None) -> None:
    assert of_mainline(release, version) == expected


@pytest.mark.parametrize(
    ("release", "text"),
    [
        ("6.12.24", f"sigio-bypass: {TOLD}"),
        ("6.12.100", f"sigio-bypass: {TOLD}"),
        ("6.16.12", f"sigio-bypass: {TOLD}"),  # no fix was made for that series
        ("6.12.23", f"looks like sigio-bypass, which 6.12.23 is too old for: {TOLD}"),
        ("6.1.99", f"looks like sigio-bypass, which 6.1.99 is too old for: {TOLD}"),
        ("6.12.101", f"looks like sigio-bypass, which 6.12.101 carries the fix of: {TOLD}"),
        ("7.2.0", f"looks like sigio-bypass, which 7.2 carries the fix of: {TOLD}"),
        ("8.0.1", f"looks like sigio-bypass, which 8.0.1 carries the fix of: {TOLD}"),
        ("5.14.0-611.el9", f"looks like sigio-bypass: {TOLD}"),
    ],
)
def test_how_a_bug_is_named(release: str, text: str) -> None:
    assert SIGIO_BYPASS.seen_on(release, "#1 SMP") == text


def test_a_fix_whose_mainline_release_is_a_stable_one() -> None:
    """It came to mainline after 7.3: later series have it, 7.2 has not."""
    named = {it: FREED_SUPERBLOCK.seen_on(it, "") for it in ("7.2.13", "7.3.1", "7.3.2", "7.4.0")}
    assert [text.startswith("looks like") for text in named.values()] == [False, False, True, True]


def test_the_release_of_a_package_counts_more() -> None:
    """A release such as 6.12.0-9 names no stable release; the version of its package does."""
    named = TCP_FAST_OPEN_BYPASS.seen_on("6.12.0-9-amd64", DEBIAN.format("6.12.43-1"))
    assert named == str(TCP_FAST_OPEN_BYPASS)


@pytest.mark.parametrize(
    ("release", "name", "label"),
    [
        ("6.16.12", "sigio-bypass", "known bug"),
        ("5.14.0-611.el9", "sigio-bypass", "looks like"),
        ("6.12.101", "", "looks like"),
    ],
)
def test_what_can_not_be_is_no_known_bug(release: str, name: str, label: str) -> None:
    text = SIGIO_BYPASS.seen_on(release, "")
    assert name_of(text) == name
    assert labelled(text)[0] == label
    assert labelled(text)[1].startswith("sigio-bypass")
    assert CaseRecord(id="a/b[c]", verdict=Verdict.DEVIATES, bug=text).known_bug == name


def test_no_bug_has_no_name() -> None:
    assert name_of("") == ""
