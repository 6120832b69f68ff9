# SPDX-License-Identifier: MIT
"""Archives of ours, unpacked by programs of others; the kernel itself does it at each boot."""

import shutil
import subprocess
from pathlib import Path

import pytest

from vm import cpio

FILES = {
    "init": (b"\x7fELF the agent", 0o755),
    "modules/00-virtio.ko": (b"\x7fELF of a length that is a multiple of four" + bytes(3), 0o644),
    "modules/empty": (b"", 0o600),
    "modules/large": (bytes(range(256)) * 4099, 0o444),
}
"""Names and data of all lengths modulo four."""
ENTRIES = [
    cpio.folder("modules"),
    *(cpio.file(name, data, mode) for name, (data, mode) in FILES.items()),
    cpio.folder("empty", 0o700),
]


@pytest.fixture(params=["cpio", "bsdcpio"])
def foreign(request: pytest.FixtureRequest) -> str:
    """A program that reads cpio archives."""
    name: str = request.param
    if shutil.which(name) is None:
        pytest.skip(f"needs {name} (apt-get install cpio libarchive-tools)")
    return name


def run(program: str, *options: str, folder: Path) -> str:
    done = subprocess.run(
        [program, *options],
        cwd=folder,
        input=cpio.archive(ENTRIES),
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


def test_others_list_it(foreign: str, tmp_path: Path) -> None:
    listed = run(foreign, "--list", "--quiet", folder=tmp_path)
    assert listed.splitlines() == [entry.name for entry in ENTRIES]


def test_others_unpack_it(foreign: str, tmp_path: Path) -> None:
    run(foreign, "--extract", "--quiet", folder=tmp_path)
    found = set(tmp_path.rglob("*"))
    assert found == {tmp_path / entry.name for entry in ENTRIES}
    for name, (data, mode) in FILES.items():
        path = tmp_path / name
        assert (path.read_bytes(), path.stat().st_mode & 0o777) == (data, mode), name
        assert path.stat().st_nlink == 1, name
    assert (tmp_path / "empty").stat().st_mode & 0o777 == 0o700


def test_the_same_entries_are_the_same_bytes() -> None:
    whole = cpio.archive(ENTRIES)
    assert whole == cpio.archive(ENTRIES)
    assert len(whole) % 512 == 0
    # The whole of a small one, as the format's description has it.
    assert cpio.archive([cpio.file("a", b"b", 0o755)]) == (
        b"070701"
        b"00000000" b"000081ED" b"00000000" b"00000000" b"00000001" b"00000000" b"00000001"
        b"00000000" b"00000000" b"00000000" b"00000000" b"00000002" b"00000000"
        b"a\0" b"b\0\0\0"
        b"070701"
        b"00000000" b"00000000" b"00000000" b"00000000" b"00000001" b"00000000" b"00000000"
        b"00000000" b"00000000" b"00000000" b"00000000" b"0000000B" b"00000000"
        b"TRAILER!!!\0"
    ).ljust(512, b"\0")  # fmt: skip


def test_what_the_format_has_no_room_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpio, "_MOST", 3)
    assert cpio.archive([cpio.file("a", b"123")])
    with pytest.raises(ValueError, match=r"^a: 4 bytes are too many"):
        cpio.archive([cpio.file("a", b"1234")])
