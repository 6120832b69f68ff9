# SPDX-License-Identifier: MIT
"""File systems made on the host: tools that are missing or fail, and what of them travels."""

import os
from pathlib import Path

import pytest

from suite.distribution import advice
from suite.errors import InfrastructureError
from suite.targets import disks
from suite.targets.disks import MissingError, Mkfs, extents, make_image

PICKY = """#!/bin/sh
for word; do image=$word; done
[ "$1" = -good ] && echo "$@" >"$image.log" && exit 0
echo "no option $1"
exit 1
"""


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to be, and a mkfs that knows one option."""
    tool = tmp_path / "mkfs.picky"
    tool.write_text(PICKY)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    return tmp_path / "image"


def test_a_missing_tool_is_told_with_its_package(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(disks, "_ADMIN_PATH", "/nowhere")
    with pytest.raises(MissingError) as raised:
        make_image(Mkfs("mkfs.f2fs", 1), image)
    assert str(raised.value) == f"needs mkfs.f2fs on the host; {advice('mkfs.f2fs')}"


def test_administrators_tools_need_not_be_on_the_path(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(disks, "_ADMIN_PATH", f"{image.parent}:/bin")
    make_image(Mkfs("mkfs.picky", 1, (("-good",),)), image)


def test_what_one_version_does_not_know_is_tried_otherwise(image: Path) -> None:
    make_image(Mkfs("mkfs.picky", 3, (("-new",), ("-good", "-q"))), image)
    assert image.stat().st_size == 3 << 20
    assert Path(f"{image}.log").read_text() == f"-good -q {image}\n"


def test_a_tool_may_make_it_of_a_folder(image: Path) -> None:
    folder = image.parent / "content"
    words = ("-good", "{folder}", "-q", "{image}")
    make_image(Mkfs("mkfs.picky", 3, (words,), of_folder=True), image, folder)
    assert Path(f"{image}.log").read_text() == f"-good {folder} -q {image}\n"


def test_a_tool_that_fails_in_every_way_is_quoted(image: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"mkfs\.picky failed: no option -b"):
        make_image(Mkfs("mkfs.picky", 1, (("-a",), ("-b",))), image)


@pytest.mark.parametrize("sparse", [True, False])
def test_what_is_not_zero_travels(tmp_path: Path, sparse: bool) -> None:
    """Whether or not the host's file system keeps holes."""
    parts = {0: b"boot", 8192: b"x" * 5000, (1 << 20) - 3: b"end"}
    file = tmp_path / "file"
    with file.open("wb") as image:
        if not sparse:
            image.write(bytes(1 << 20))
        for offset, data in parts.items():
            image.seek(offset)
            image.write(data)
    copy = bytearray(file.stat().st_size)
    sent = 0
    for offset, data in extents(file):
        copy[offset : offset + len(data)] = data
        sent += len(data)
    assert bytes(copy) == file.read_bytes()
    assert sent <= 4 * 4096 + 3


def test_nothing_of_an_empty_file_travels(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        file.truncate(1 << 30)
    assert not list(extents(tmp_path / "file"))
