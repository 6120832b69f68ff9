# SPDX-License-Identifier: MIT
"""The table of Landlock's ABI: whole, consistent, and the same as the kernel's header."""

import re
from pathlib import Path

import pytest

from suite.judge.behaviours import behaviours
from suite.landlock.abi import (
    ABIS,
    ADD_RULE,
    CREATE,
    ERRATA,
    FEATURES,
    FS,
    FS_FILE,
    LIMITS,
    NET,
    NEWEST,
    PERMISSION,
    PREFIX,
    RELEASED,
    RESTRICT,
    SCOPE,
    SYS_ADD_RULE,
    SYS_CREATE_RULESET,
    SYS_RESTRICT_SELF,
    Erratum,
    Feature,
    known_bits,
)
from suite.process.syscalls import ARCHES, NUMBERS

HEADER = Path("/usr/include/linux/landlock.h")
KINDS: dict[str, type[Feature]] = {
    "ACCESS_FS": FS,
    "ACCESS_NET": NET,
    "SCOPE": SCOPE,
    "PERMISSION": PERMISSION,
    "CREATE_RULESET": CREATE,
    "ADD_RULE": ADD_RULE,
    "RESTRICT_SELF": RESTRICT,
}


def test_versions_follow_each_other() -> None:
    assert list(ABIS) == list(range(1, NEWEST + 1))
    assert all(version == row.version for version, row in ABIS.items())
    released = [row for row in ABIS.values() if not row.upcoming]
    releases = [tuple(map(int, row.release.split("."))) for row in released]
    assert releases == sorted(set(releases))
    assert len({row.source for row in ABIS.values()}) == NEWEST
    assert all(re.fullmatch("[0-9a-f]{12}", row.source) for row in released)


def test_what_no_release_has_comes_last() -> None:
    """So that all versions up to a released one are released."""
    upcoming = [row.version for row in ABIS.values() if row.upcoming]
    assert upcoming == [*range(RELEASED + 1, NEWEST + 1)]


def test_the_attribute_only_grows() -> None:
    sizes = [row.attr_size for row in ABIS.values()]
    assert sizes == sorted(sizes)
    assert all(size % 8 == 0 for size in sizes)


def test_features_are_single_bits_of_known_versions() -> None:
    for kind in PREFIX:
        bits = [int(bit) for bit in kind]
        assert bits == [1 << n for n in range(len(bits))]
        versions = [bit.since for bit in kind]
        assert versions == sorted(versions)
        assert set(versions) <= set(ABIS)


@pytest.mark.parametrize("kind", PREFIX)
def test_what_a_set_leaves_out(kind: type[Feature]) -> None:
    """``~`` gives all the other bits, which is wrong in Python 3.11.2."""
    every = sum(kind)
    for bit in (kind(0), *kind):
        assert int(~bit) == every & (every ^ int(bit))
        assert ~~bit == bit


def test_a_field_of_the_attribute_came_with_its_first_bits() -> None:
    for kind, end in ((FS, 8), (NET, 16), (SCOPE, 24), (PERMISSION, 56)):
        first = min(bit.since for bit in kind)
        assert ABIS[first].attr_size >= end
        assert first == 1 or ABIS[first - 1].attr_size < end


@pytest.mark.parametrize(
    ("kind", "masks"),
    [
        (FS, {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 5: 0xFFFF, 9: 0x1FFFF}),
        (NET, {1: 0, 4: 0b11, 10: 0b1111}),
        (SCOPE, {1: 0, 6: 0b11}),
        (PERMISSION, {1: 0, 12: 0b11}),
        (ADD_RULE, {1: 0, 10: 1}),
        (RESTRICT, {1: 0, 7: 0b111, 8: 0b1111, 11: 0b11111}),
    ],
)
def test_what_each_version_knows(kind: type[Feature], masks: dict[int, int]) -> None:
    expected = {abi: masks[max(start for start in masks if start <= abi)] for abi in ABIS}
    assert {abi: int(known_bits(kind, abi)) for abi in ABIS} == expected


def test_a_set_of_bits_is_as_new_as_its_newest() -> None:
    assert (FS.READ_FILE | FS.TRUNCATE).since == 3
    assert (NET.BIND_TCP | NET.BIND_UDP).since == 10
    assert FS(0).since == 1


def test_labels_are_the_kernel_s_short_names_in_bit_order() -> None:
    assert (FS.TRUNCATE | FS.EXECUTE).labels == ("fs.execute", "fs.truncate")
    assert SCOPE.ABSTRACT_UNIX_SOCKET.labels == ("scope.abstract_unix_socket",)
    assert (PERMISSION(3)).labels == ("namespace.use", "capability.use")
    assert FEATURES["net.bind_tcp"] is NET.BIND_TCP
    assert len(FEATURES) == sum(len(kind) for kind in PREFIX)


def test_the_rights_of_a_file() -> None:
    assert FS_FILE.labels == (
        "fs.execute",
        "fs.write_file",
        "fs.read_file",
        "fs.truncate",
        "fs.ioctl_dev",
        "fs.resolve_unix",
    )


def test_every_erratum_has_its_version_and_commit() -> None:
    assert set(ERRATA) == set(Erratum)
    assert [int(erratum) for erratum in Erratum] == list(range(1, len(Erratum) + 1))
    assert {erratum: fix.since for erratum, fix in ERRATA.items()} == {1: 4, 2: 6, 3: 1, 4: 1}
    assert all(re.fullmatch("[0-9a-f]{12}", fix.bug.commit or "") for fix in ERRATA.values())


def test_every_limit_rests_on_listed_behaviours() -> None:
    listed = behaviours()
    assert all(name in listed for limit in LIMITS.values() for name in limit.behaviours)


def test_the_system_calls_have_one_number_everywhere() -> None:
    numbers = [SYS_CREATE_RULESET, SYS_ADD_RULE, SYS_RESTRICT_SELF]
    assert numbers == [444, 445, 446]
    names = ["landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"]
    for arch in ARCHES:
        assert [NUMBERS[arch][name] for name in names] == numbers


@pytest.mark.skipif(not HEADER.exists(), reason="no kernel headers on this machine")
def test_bits_are_those_of_the_installed_header() -> None:
    """Whatever its age: what it defines is what we say."""
    defined = re.findall(
        r"^#define LANDLOCK_(\w+)\s+\(1U(?:LL)? << (\d+)\)", HEADER.read_text(), re.MULTILINE
    )
    assert defined
    for name, shift in defined:
        prefix = next(prefix for prefix in KINDS if name.startswith(f"{prefix}_"))
        member = KINDS[prefix][name.removeprefix(f"{prefix}_")]
        assert int(member) == 1 << int(shift)
        assert member.constants == (f"LANDLOCK_{name}",)
