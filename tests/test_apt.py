# SPDX-License-Identifier: MIT
"""The private apt state: where its mirror comes from, and what apt-get's complaints mean."""

import shutil
from pathlib import Path

import pytest

from suite.errors import InfrastructureError, UsageError
from tests.apt_machine import machine, uris
from vm import apt_sources
from vm.apt_says import failure
from vm.archives import DEBIAN
from vm.tools import FullError, GoneError, UnreachableError

__all__ = ["machine"]

needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs apt-get")


@pytest.fixture
def keyring(tmp_path: Path) -> Path:
    path = tmp_path / "keyring.gpg"
    path.touch()
    return path


DEB822 = """\
Types: deb
URIs: http://mirror.example.invalid/some/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://other.example.invalid/security
Suites: bookworm-security
Components: main
"""


@needs_apt
@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "debian.sources",
            DEB822,
            [
                "http://mirror.example.invalid/some/debian/",
                "http://other.example.invalid/security/",
            ],
        ),
        (
            "old.list",
            "deb http://tool.example.invalid/tool any main\n"
            "deb [arch=amd64] https://mirror.example.invalid/debian stable main contrib\n",
            [
                "https://mirror.example.invalid/debian/",
                "https://mirror.example.invalid/debian-security/",
            ],
        ),
        (
            "later.list",
            "deb http://mirror.example.invalid/debian duke main\n",
            [
                "http://mirror.example.invalid/debian/",
                "http://mirror.example.invalid/debian-security/",
            ],
        ),
    ],
    ids=["deb822", "one-line", "unknown-suite"],
)
def test_mirror_is_that_of_the_machine(
    machine: Path, keyring: Path, name: str, text: str, expected: list[str]
) -> None:
    (machine / name).write_text(text)
    assert uris(apt_sources.sources(keyring=keyring)) == expected


@needs_apt
def test_machine_without_a_debian_mirror_must_be_told_one(machine: Path, keyring: Path) -> None:
    (machine / "x.list").write_text("deb http://tool.example.invalid/ubuntu noble main\n")
    with pytest.raises(UsageError, match="name one with --mirror URL"):
        apt_sources.sources(keyring=keyring)


def test_named_mirror_is_used_with_its_security_archive(keyring: Path) -> None:
    text = apt_sources.sources("file:/srv/debian/", keyring)
    assert uris(text) == ["file:/srv/debian/", "file:/srv/debian-security/"]
    assert text.count(f"Signed-By: {keyring}\n") == 2
    assert "rusted" not in text


@pytest.mark.parametrize("mirror", ["srv/debian", "http://a b"])
def test_mirror_that_is_no_url_is_refused(mirror: str, keyring: Path) -> None:
    with pytest.raises(UsageError, match="is not a URL"):
        apt_sources.sources(mirror, keyring)


def test_missing_keyring_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="apt-get install debian-archive-keyring"):
        apt_sources.sources("file:/srv/debian", tmp_path / "none.gpg")


def test_a_download_knows_the_suite_of_its_build_alone(keyring: Path) -> None:
    text = apt_sources.sources("file:/srv/debian", keyring)
    for suite, uri in {"trixie": "debian", "trixie-security": "debian-security"}.items():
        one = apt_sources.of_suite(text, suite).splitlines()
        assert [line for line in one if line.startswith("Suites:")] == [f"Suites: {suite}"]
        assert f"URIs: file:/srv/{uri}/" in one
        assert f"Signed-By: {keyring}" in one
    assert apt_sources.of_suite(text, "warty") == ""


COMPLAINTS = {
    "resolve": (
        ["Err:1 http://h x InRelease", "  Could not resolve 'h'",
         "E: Failed to fetch http://h/debian/dists/x/InRelease  Could not resolve 'h'"],
        UnreachableError, "no network",
    ),
    "refused": (
        ["E: Failed to fetch u  Could not connect to 127.0.0.1:9. - connect (111: Connection"
         " refused)"],
        UnreachableError, "no network",
    ),
    "full": (["E: You don't have enough free space in /x/."], FullError, "LANDPROOF_STORE"),
    "write": (
        ["Err:1 u", "  Error writing to file - write (28: No space left on device)"],
        FullError, "no room left",
    ),
    "hash": (["E: Failed to fetch u  Hash Sum mismatch"], InfrastructureError, "its checksum"),
    "size": (
        ["E: Failed to fetch u  File has unexpected size (5 != 9). Mirror sync in progress?"],
        InfrastructureError, "its checksum",
    ),
    "key": (
        ["W: GPG error: u: The following signatures couldn't be verified because the public key"
         " is not available: NO_PUBKEY 6ED0E7B82643E131"],
        InfrastructureError, "its signature",
    ),
    "404": (["E: Failed to fetch u  404  Not Found [IP: 127.0.0.1 80]"], GoneError, "--refresh"),
    "version": (["E: Version '1' for 'linux-image-x' was not found"], GoneError, "--refresh"),
    "odd": (["E: Something odd"], InfrastructureError, "Something odd"),
    "silent": ([], InfrastructureError, "apt-get said nothing"),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "error", "text"), COMPLAINTS.values(), ids=COMPLAINTS.keys())
def test_complaint_of_apt_becomes_one_line(
    lines: list[str], error: type[InfrastructureError], text: str
) -> None:
    said = ["dlstatus:1:0.0:x", "Get:1 u", *lines]
    found = failure(said, "can't download x", DEBIAN.archive.row)
    assert type(found) is error
    assert str(found).startswith("can't download x: ")
    assert text in str(found)
    assert "\n" not in str(found)
