# SPDX-License-Identifier: MIT
"""The archives beside Debian's: what their names mean, where they are, what of them is a kernel."""

import re
import shutil
from pathlib import Path

import pytest

from suite.errors import InfrastructureError, UsageError
from tests.apt_machine import machine, uris
from tests.fake_archive import stanza
from vm import apt_says, apt_sources
from vm.archives import DEBIAN, Part, archive
from vm.catalogue import Build, resolve
from vm.names import called
from vm.packaging import read_builds
from vm.store import Store
from vm.tools import UnreachableError

__all__ = ["machine"]

UBUNTU, SNAPSHOT = archive("ubuntu:"), archive("snapshot:")
NOBLE = Part(UBUNTU, "ubuntu:noble/", "noble")
JULY = Part(SNAPSHOT, "snapshot:2024-07-01/", "20240701T000000Z")


@pytest.mark.parametrize(
    ("name", "scheme", "version", "flavour"),
    [
        ("ubuntu:noble", "ubuntu:noble/", "", "generic"),
        ("ubuntu:noble/", "ubuntu:noble/", "", "generic"),
        ("ubuntu:noble+aws", "ubuntu:noble/", "", "aws"),
        ("ubuntu:jammy/5.15", "ubuntu:jammy/", "5.15", "generic"),
        ("ubuntu:jammy/6.8+generic", "ubuntu:jammy/", "6.8", "generic"),
        ("ubuntu:noble/6.8.0-45-generic", "ubuntu:noble/", "6.8.0-45", "generic"),
        ("snapshot:2024-07-01", "snapshot:2024-07-01/", "", "cloud-amd64"),
        ("snapshot:2024-07-01/6.8+amd64", "snapshot:2024-07-01/", "6.8", "amd64"),
        ("snapshot:20240701T000000Z/6.8", "snapshot:2024-07-01/", "6.8", "cloud-amd64"),
        ("snapshot:20240701T120000Z/6.8", "snapshot:20240701T120000Z/", "6.8", "cloud-amd64"),
        ("snapshot:2024-07-01T12:00:00Z", "snapshot:20240701T120000Z/", "", "cloud-amd64"),
    ],
)
def test_a_name_says_what_of_the_archive(
    name: str, scheme: str, version: str, flavour: str, tmp_path: Path
) -> None:
    mine = UBUNTU if name.startswith("ubuntu:") else SNAPSHOT
    wish = mine.wish(name)
    assert (wish.scheme, wish.version, wish.flavour) == (scheme, version, flavour)
    assert wish.named == (mine is UBUNTU and not version)
    assert Store(tmp_path / "store").has_scheme(scheme)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("ubuntu:", "does not begin with a release's name; write ubuntu:noble, "),
        ("ubuntu:24.04", "does not begin with a release's name; write ubuntu:noble, "),
        ("ubuntu:amd64", "does not begin with a release's name"),
        ("ubuntu:../x", "does not begin with a release's name"),
        ("ubuntu:arm64/6.8", "kernels of amd64 alone; Debian's of arm64 are called arm64/6.12"),
        ("ubuntu:noble+big", "no kernel flavour 'big' in Ubuntu's archive; choose one of generic"),
        ("ubuntu:noble/x", "is not a kernel name; write a version such as 6.12"),
        ("snapshot:6.8", "does not begin with a date; write snapshot:2024-07-01/6.8 or "),
        ("snapshot:2024-02-30/6.8", "does not begin with a date"),
        ("snapshot:20240701T250000Z/6.8", "does not begin with a date"),
        ("snapshot:2005-03-11/6.8", "Debian's snapshot archive begins at 2005-03-12; choose"),
        ("snapshot:9999-01-01/6.8", "that is still to come; choose a date of the past"),
    ],
)
def test_a_wrong_name_is_refused_in_one_line(name: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(line)) as caught:
        Store(tmp_path / "store").check(name)
    assert "\n" not in str(caught.value)


def test_kernels_are_called_by_their_names(tmp_path: Path) -> None:
    texts = ["ubuntu:noble", "old=ubuntu:jammy/5.15", "snapshot:2024-07-01/6.8+amd64"]
    assert called(texts, Store(tmp_path / "store")) == {
        "ubuntu:noble": "ubuntu:noble",
        "old": "ubuntu:jammy/5.15",
        "snapshot:2024-07-01/6.8+amd64": "snapshot:2024-07-01/6.8+amd64",
    }


def ubuntu(number: str, version: str, flavour: str = "generic", resigned: str = "") -> list[str]:
    """A kernel's packages, and what the headers and the image for debuggers are called."""
    release = f"{number}-{flavour}"
    modules = f"kmod, linux-base (>= 4.5ubuntu1~16.04.1), linux-modules-{release}"
    return [
        stanza(f"linux-headers-{release}", version),
        stanza(f"linux-image-unsigned-{release}", version, modules),
        stanza(f"linux-image-unsigned-{release}-dbgsym", version),
        stanza(f"linux-image-{release}", resigned or version, modules),
        stanza(f"linux-modules-{release}", version),
        stanza(f"linux-modules-iwlwifi-{release}", version),
    ]


OFFERED = list(
    read_builds(
        [
            *ubuntu("6.8.0-31", "6.8.0-31.31"),
            *ubuntu("6.8.0-45", "6.8.0-45.45", resigned="6.8.0-45.45+1"),
            *ubuntu("6.11.0-9", "6.11.0-9.9~24.04.1"),
            *ubuntu("6.8.0-1019", "6.8.0-1019.21", "aws"),
            *ubuntu("6.8.0-1019", "6.8.0-1019.21", "aws-64k"),
            stanza("linux-modules-extra-6.8.0-45-generic", "6.8.0-45.45"),
            stanza("linux-image-generic", "6.8.0-31.31", "linux-image-6.8.0-31-generic"),
            stanza("linux-image-generic", "6.8.0-45.45", "linux-image-6.8.0-45-generic, x"),
            stanza("linux-image-generic-hwe-24.04", "6.11.0-9.9", "linux-image-6.11.0-9-generic"),
            stanza("linux-image-aws", "6.8.0-1019.21", "linux-image-6.8.0-1019-aws"),
            *ubuntu("6.5.0-9", "6.5.0-9.9")[1:2],
        ],
        "noble-updates",
        NOBLE,
    )
)  # fmt: skip


def test_ubuntus_packages_are_read() -> None:
    meant = [it for build in OFFERED if (it := resolve(OFFERED, UBUNTU.wish(build.name)))]
    held = {build.release: [it.name for it in build.packages] for build in meant}
    assert held == {
        f"{it}": [f"linux-image-{it}", f"linux-modules-{it}"]
        for it in ("6.8.0-31-generic", "6.11.0-9-generic", "6.8.0-1019-aws")
    } | {
        "6.8.0-45-generic": [
            f"linux-{it}-6.8.0-45-generic" for it in ("image", "modules", "modules-extra")
        ],
        "6.5.0-9-generic": ["linux-image-unsigned-6.5.0-9-generic"],
    }
    assert [it.release for it in OFFERED if not it.whole] == ["6.5.0-9-generic"]
    assert {it.release for it in OFFERED if it.named} == {"6.8.0-45-generic", "6.8.0-1019-aws"}
    (again,) = {it.packages for it in meant if it.release == "6.8.0-45-generic"}
    assert [it.version for it in again] == ["6.8.0-45.45+1", *2 * ["6.8.0-45.45"]]


@pytest.mark.parametrize(
    ("name", "release"),
    [
        ("ubuntu:noble", "6.8.0-45-generic"),
        ("ubuntu:noble+aws", "6.8.0-1019-aws"),
        ("ubuntu:noble/6.8", "6.8.0-45-generic"),
        ("ubuntu:noble/6.8.0-31", "6.8.0-31-generic"),
        ("ubuntu:noble/6.8.0-31-generic", "6.8.0-31-generic"),
        ("ubuntu:noble/6.11", "6.11.0-9-generic"),
        ("ubuntu:noble/6.8.0-4", None),
        ("ubuntu:jammy/6.8", None),
    ],
)
def test_a_release_has_a_kernel_of_its_own_and_newer_ones(name: str, release: str | None) -> None:
    found = resolve(OFFERED, UBUNTU.wish(name))
    assert (found and found.release) == release


def test_a_build_is_named_so_that_the_name_means_it() -> None:
    for build in OFFERED:
        meant = resolve(OFFERED, UBUNTU.wish(build.name))
        assert meant is not None
        assert meant.release == build.release
        assert (
            resolve(OFFERED, UBUNTU.wish(f"{build.scheme}{build.upstream}+{build.flavour}"))
            == meant
        )


@pytest.mark.parametrize(
    ("release", "version", "upstream"),
    [
        ("6.8.0-45-generic", "6.8.0-45.45~22.04.1", "6.8.0-45"),
        ("6.1.0-50-generic", "6.1.176-1", "6.1.176"),
        ("7.4-generic", "7.4~rc1-1~exp1", "7.4-rc1"),
        ("7.4.1-generic", "7.4.1.1-1", "7.4.1.1"),
    ],
)
def test_builds_of_one_version_are_told_apart(release: str, version: str, upstream: str) -> None:
    assert Build(release, version, "generic", "s", ()).upstream == upstream


KEYS = Path("/dev/null")


def test_ubuntu_is_at_one_address_unless_another_is_named(
    machine: Path,
) -> None:
    (machine / "ppa.list").write_text(
        "deb http://ppa.example.invalid/somebody/tool/ubuntu noble main\n"
        "deb http://mirror.example.invalid/debian bookworm bookworm-updates main\n"
    )
    if shutil.which("apt-get") is None:
        pytest.skip("needs apt-get, which is of Debian and its kin")
    text = apt_sources.sources(None, KEYS, NOBLE)
    assert uris(text) == [f"{UBUNTU.row.address}/"]
    assert "Suites: noble noble-updates noble-security\n" in text
    assert "Valid" not in text
    (machine / "ubuntu.list").write_text(
        "deb http://mirror.example.invalid/ubuntu jammy main\n"
        "deb http://mirror.example.invalid/ubuntu jammy-updates main\n"
        "deb http://mirror.example.invalid/security jammy-security main\n"
    )
    assert uris(apt_sources.sources(None, KEYS, NOBLE)) == ["http://mirror.example.invalid/ubuntu/"]
    assert uris(apt_sources.sources("file:/srv/ubuntu", KEYS, NOBLE)) == ["file:/srv/ubuntu/"]


def test_a_moment_is_in_the_address_and_is_not_valid_any_more(
    machine: Path,
) -> None:
    (machine / "debian.list").write_text("deb http://mirror.example.invalid/debian sid main\n")
    stamp = "20240701T000000Z"
    for mirror, address in ((None, SNAPSHOT.row.address), ("file:/srv/d/", "file:/srv/d")):
        text = apt_sources.sources(mirror, KEYS, JULY)
        assert uris(text) == [f"{address}/{stamp}/", f"{address}-security/{stamp}/"]
        assert text.count("Check-Valid-Until: no\n") == 2
        for suite in ("sid", "bookworm-security"):
            assert "Check-Valid-Until: no" in apt_sources.of_suite(text, suite)
    assert "Valid" not in apt_sources.sources("file:/srv/d/", KEYS, DEBIAN)


def test_keys_of_the_past_are_taken_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt_sources, "_KEYRINGS", tmp_path)
    names = ("debian-archive-keyring.pgp", "debian-archive-removed-keys.gpg")
    (tmp_path / names[0]).touch()
    with pytest.raises(InfrastructureError, match=f"{names[1]} .* apt-get install debian-archive-"):
        apt_sources.sources("file:/srv/d", None, JULY)
    (tmp_path / names[1]).touch()
    keys = " ".join(str(tmp_path / it) for it in names)
    assert f"Signed-By: {keys}\n" in apt_sources.sources("file:/srv/d", None, JULY)
    assert f"Signed-By: {tmp_path / names[0]}\n" in apt_sources.sources("file:/srv/d", None)
    with pytest.raises(InfrastructureError) as caught:
        apt_sources.sources("file:/srv/u", None, NOBLE)
    assert str(caught.value) == (
        f"no keyring {tmp_path}/ubuntu-archive-keyring.gpg to verify the kernels of Ubuntu's"
        " archive with; run: apt-get install ubuntu-keyring (Debian 12 has none; --keyring names"
        " another file)"
    )


REFUSED = [
    "Err:1 http://h/forb noble InRelease",
    "  403  Forbidden [IP: 127.0.0.1 1]",
    "E: Failed to fetch http://h/forb/dists/noble/InRelease  403  Forbidden [IP: 127.0.0.1 1]",
    "E: The repository 'http://h/forb noble InRelease' is not signed.",
]


def test_what_a_proxy_refuses_is_not_called_unsigned() -> None:
    found = apt_says.failure(REFUSED, "can't do it", UBUNTU.row)
    assert type(found) is UnreachableError
    assert str(found).startswith(
        "can't do it: it is refused, by the archive or by a proxy before it"
    )
    assert apt_says.missing(REFUSED) == set()
