# SPDX-License-Identifier: MIT
"""Which kernel build a name means."""

import itertools
import shutil
import subprocess

import pytest

from suite.errors import UsageError
from tests.fake_archive import stanza
from vm.archives import DEBIAN, FLAVOURS
from vm.catalogue import DEFAULT_FLAVOUR, DEFAULT_SET, Build, choose, newest, resolve, version_key
from vm.packaging import read_builds

wish = DEBIAN.archive.wish

VERSIONS = [
    "5.10.223-1", "6.1.176-1", "6.1.192-1~deb11u1", "6.1.192-1", "6.1.192-2", "6.12.9-1",
    "6.12.43-1~bpo12+1", "6.12.90-1", "6.12.90-2", "6.12.117-1~deb12u1", "6.12.117-1",
    "7.3~rc7-1~exp1", "7.3~rc10-1~exp1", "7.3-1", "7.3.4-1~bpo13+1", "7.3.4+b-1", "1:1.0-1",
]  # fmt: skip


def build(release: str, version: str, flavour: str = "cloud-amd64") -> Build:
    return Build(f"{release}-{flavour}", version, flavour, "trixie", ())


BUILDS = [
    build("5.10.0-32", "5.10.223-1"),
    build("6.1.0-50", "6.1.176-1"),
    build("6.1.0-56", "6.1.192-2"),
    build("6.12.9+deb13", "6.12.9-1"),
    build("6.12.43+deb12", "6.12.43-1~bpo12+1"),
    build("6.12.90+deb13", "6.12.90-1"),
    build("6.12.90+deb13.1", "6.12.90-2"),
    build("6.12.43+deb12", "6.12.43-1~bpo12+1", "rt-amd64"),
    build("6.12.43+deb12", "6.12.43-1~bpo12+1", "amd64"),
    build("7.2.12+deb13", "7.2.12-1~bpo13+1"),
    build("7.3", "7.3~rc7-1~exp1"),
    build("7.3.4+deb13", "7.3.4-1~bpo13+1"),
    build("7.4", "7.4~rc1-1~exp1"),
    build("7.4", "7.4~rc2-1~exp1"),
]

NAMES = {
    "5.10": "5.10.223-1",
    "6.1": "6.1.192-2",
    "6.1.0-50": "6.1.176-1",
    "6.1.176": "6.1.176-1",
    "6.1.176-1": "6.1.176-1",
    "6.12": "6.12.90-2",
    "6": "6.12.90-2",
    "6.12.9": "6.12.9-1",
    "6.12.43": "6.12.43-1~bpo12+1",
    "6.12.90": "6.12.90-2",
    "6.12.90-1": "6.12.90-1",
    "6.12.90+deb13-cloud-amd64": "6.12.90-1",
    "7.3": "7.3.4-1~bpo13+1",
    "7.3-rc7": "7.3~rc7-1~exp1",
    "7.3~rc7": "7.3~rc7-1~exp1",
    "7.3-cloud-amd64": "7.3~rc7-1~exp1",  # the whole release of the candidate
    "7.4": "7.4~rc2-1~exp1",  # nothing but candidates
}


@pytest.mark.parametrize(("name", "version"), NAMES.items(), ids=NAMES.keys())
def test_name_means_newest_build_that_begins_so(name: str, version: str) -> None:
    found = resolve(BUILDS, wish(name))
    assert found is not None
    assert (found.version, found.flavour) == (version, "cloud-amd64")


@pytest.mark.parametrize(
    ("name", "flavour"),
    [
        ("6.12.43+amd64", "amd64"),
        ("6.12+rt-amd64", "rt-amd64"),
        ("6.12-rt-amd64", "rt-amd64"),
        ("6.12.43+deb12-amd64", "amd64"),
        ("6.12.43+deb12+amd64", "amd64"),
    ],
)
def test_name_may_end_in_a_flavour(name: str, flavour: str) -> None:
    found = resolve(BUILDS, wish(name))
    assert found is not None
    assert found.release == f"6.12.43+deb12-{flavour}"


def test_flavour_of_names_without_one_can_be_chosen() -> None:
    found = resolve(BUILDS, wish("6.12", "rt-amd64"))
    assert found is not None
    assert found.flavour == "rt-amd64"


@pytest.mark.parametrize("name", ["6.13", "6.1.17", "6.12.4", "7.3-rc8", "6.16+amd64"])
def test_name_of_no_build_means_nothing(name: str) -> None:
    assert resolve(BUILDS, wish(name)) is None


@pytest.mark.parametrize("name", ["", "latest", "6.12; rm", "6.12/../x", "-6", "6.12 ", "6.12\n"])
def test_name_that_is_no_version_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not a kernel name"):
        wish(name)


def test_unknown_flavour_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="cloud-amd64, amd64, rt-amd64"):
        wish("6.12", "cloud")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("6.13", "there are: 6.1, 6.12$"),
        ("6.12.44", "there are: 6.12.9, 6.12.43, 6.12.90$"),
        ("9.9", "there are: 5.10, 6.1, 6.12, 7.2, 7.3, 7.4$"),
        ("7.4-rc3", "there are: 7.2, 7.3, 7.4$"),
        ("6.1+rt-amd64", "no rt-amd64 kernel .* there are: 6.12$"),
    ],
)
def test_unknown_name_says_which_near_ones_exist(name: str, near: str) -> None:
    with pytest.raises(UsageError, match=near):
        choose(BUILDS, wish(name))


def test_newest_gives_one_build_a_series_and_flavour() -> None:
    shown = [b.upstream for b in newest(BUILDS) if b.flavour == "cloud-amd64"]
    assert sorted(shown) == ["5.10.223", "6.1.192", "6.12.90", "7.2.12", "7.3.4", "7.4-rc2"]
    assert len([b for b in newest(BUILDS) if b.series == "6.12"]) == 3


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="needs dpkg to compare with")
def test_versions_sort_as_dpkg_sorts_them() -> None:
    for one, other in itertools.pairwise(VERSIONS):
        assert version_key(one) < version_key(other)
        subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=True)


def test_default_set_is_names_of_distinct_series() -> None:
    assert len({wish(name).version for name in DEFAULT_SET}) == len(DEFAULT_SET) == 11
    assert DEFAULT_FLAVOUR in FLAVOURS
    assert len(set(DEBIAN.suites)) == len(DEBIAN.suites)


def test_both_packagings_are_read() -> None:
    split = "linux-binary-7.3.4-amd64 (= 7.3.4-1), linux-modules-7.3.4-amd64 (= 7.3.4-1)"
    stanzas = [
        stanza("linux-image-6.12.9-amd64", "6.12.9-1", "kmod, linux-base (>= 4.12~)"),
        stanza("linux-image-6.18.9-amd64", "6.18.9-1", "linux-base-6.18.9-amd64 (= 6.18.9-1)"),
        stanza("linux-image-7.3.4-amd64", "7.3.4-1", f"dracut | x, {split}"),
        stanza("linux-binary-7.3.4-amd64", "7.3.4-1"),
        stanza("linux-modules-7.3.4-amd64", "7.3.4-1"),
    ]
    found = {b.release: b for b in read_builds(stanzas, "trixie")}
    held = {name: [p.name for p in b.packages] for name, b in found.items()}
    assert held == {
        "6.12.9-amd64": ["linux-image-6.12.9-amd64"],
        "6.18.9-amd64": ["linux-image-6.18.9-amd64"],
        "7.3.4-amd64": ["linux-binary-7.3.4-amd64", "linux-modules-7.3.4-amd64"],
    }
    assert all(b.whole for b in found.values())
    assert found["7.3.4-amd64"].size == 20


def test_build_whose_modules_left_the_archive_is_not_whole() -> None:
    needs = "linux-binary-7.0.4-amd64 (= 7.0.4-1), linux-modules-7.0.4-amd64 (= 7.0.4-1)"
    binary = stanza("linux-binary-7.0.4-amd64", "7.0.4-1")
    shell = stanza("linux-image-7.0.4-amd64", "7.0.4-1", needs)
    (found,) = read_builds([shell, binary], "trixie")
    assert not found.whole
    assert list(read_builds([shell], "trixie")) == []


def test_signed_twin_is_preferred_and_other_packages_are_not_builds() -> None:
    stanzas = [
        stanza("linux-image-6.1.0-50-amd64-unsigned", "6.1.176-1"),
        stanza("linux-image-6.1.0-50-amd64", "6.1.176-1"),
        stanza("linux-image-6.1.0-50-amd64-dbg", "6.1.176-1"),
        stanza("linux-image-6.1.0-51-amd64-unsigned", "6.1.180-1"),
        stanza("linux-image-amd64", "6.1.176-1", "linux-image-6.1.0-50-amd64 (= 6.1.176-1)"),
        stanza("linux-image-6.1-amd64", "6.1.176-1", "linux-image-6.1.0-50-amd64 (= 6.1.176-1)"),
        stanza("linux-headers-6.1.0-50-amd64", "6.1.176-1"),
    ]
    found = {b.release: b.packages[0].name for b in read_builds(stanzas, "bookworm")}
    assert found == {
        "6.1.0-50-amd64": "linux-image-6.1.0-50-amd64",
        "6.1.0-51-amd64": "linux-image-6.1.0-51-amd64-unsigned",
    }
