# SPDX-License-Identifier: MIT
"""A mirror that stalls is told of within seconds, and given up."""

import logging
import time
from pathlib import Path

import pytest

from tests.fake_archive import Archive, missing_tools
from tests.runs import MARK, marked
from vm import stall
from vm.stall import GIVEN_UP_AFTER_S, SAID_AFTER_S, Patience
from vm.store import Store
from vm.tools import UnreachableError

WAITS = "dlstatus:1:0.0000:Retrieving file 1 of 10"
TOLD = f"the mirror has not answered for {SAID_AFTER_S:g} s; given up after {GIVEN_UP_AFTER_S:g} s"


class Waiting:
    """A patience that is put to the test, with a clock of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.folder = folder
        self.warned: list[str] = []
        monkeypatch.setattr("vm.stall.time.monotonic", lambda: self.now)
        self._patience = Patience("can't do it", [folder], self.warned.append)

    def wait(self, seconds: float, line: str = WAITS) -> None:
        """Time goes by, and apt says twice a second that it waits."""
        for _ in range(round(seconds * 2)):
            self.now += 0.5
            self._patience.hear(line)

    def hear(self, line: str) -> None:
        """Another line."""
        self._patience.hear(line)


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Waiting:
    """Nothing has come yet."""
    return Waiting(tmp_path, monkeypatch)


def test_it_is_said_once_and_given_up_later(waiting: Waiting) -> None:
    waiting.wait(SAID_AFTER_S - 0.5)
    assert waiting.warned == []
    waiting.wait(GIVEN_UP_AFTER_S - SAID_AFTER_S)
    assert waiting.warned == [TOLD]
    said = r"^can't do it: the mirror has not answered for 60 s; try later, or name another with"
    with pytest.raises(UnreachableError, match=said):
        waiting.wait(0.5)


def test_a_slow_mirror_is_no_stalling_one(waiting: Waiting) -> None:
    for byte in range(100):
        (waiting.folder / "part").write_bytes(b"x" * byte)
        waiting.wait(SAID_AFTER_S - 0.5)
    assert waiting.warned == []
    waiting.hear("Get:1 http://mirror bookworm InRelease")
    waiting.wait(SAID_AFTER_S)
    waiting.hear("Get:2 http://mirror bookworm/main Packages")
    waiting.wait(SAID_AFTER_S)
    assert waiting.warned == [TOLD] * 2


def test_trying_again_is_no_answer(waiting: Waiting) -> None:
    (waiting.folder / "part").write_bytes(b"12345678")
    waiting.hear("Get:1 http://mirror bookworm InRelease")
    waiting.wait(1)

    def try_again() -> None:
        waiting.wait(GIVEN_UP_AFTER_S / 2 - 1)
        (waiting.folder / "part").unlink()
        waiting.hear("Ign:1 http://mirror bookworm InRelease")
        waiting.hear("  Connection timed out")
        (waiting.folder / "part").write_bytes(b"1234")
        waiting.hear("Get:1 http://mirror bookworm InRelease")

    try_again()
    try_again()
    with pytest.raises(UnreachableError):
        try_again()
    assert waiting.now <= GIVEN_UP_AFTER_S + 2


def test_apt_that_verifies_and_reads_is_not_blamed_on_the_mirror(waiting: Waiting) -> None:
    waiting.now += 10 * GIVEN_UP_AFTER_S
    waiting.hear("Reading package lists...")
    assert waiting.warned == []


@pytest.fixture
def hasty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Limits of seconds, and a mark on what this test starts."""
    monkeypatch.setenv(MARK, str(tmp_path))
    monkeypatch.setattr(stall, "SAID_AFTER_S", 1)
    monkeypatch.setattr(stall, "GIVEN_UP_AFTER_S", 4)
    return tmp_path


@pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")
@pytest.mark.parametrize(
    ("stalls", "doing"),
    [
        ("InRelease", "can't fetch the package index"),
        ("linux-image-6.12.43", "can't download 6.12.43"),
    ],
    ids=["index", "package"],
)
def test_a_real_apt_is_ended(  # noqa: PLR0917 (fixtures)
    store: Store,
    archive: Archive,
    hasty: Path,
    caplog: pytest.LogCaptureFixture,
    stalls: str,
    doing: str,
) -> None:
    archive.stall = stalls
    start = time.monotonic()
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(UnreachableError, match=f"^{doing}.*: the mirror has not answered for 4 s"),
    ):
        store.fetch("6.12")
    assert 4 <= time.monotonic() - start < 30
    message = caplog.messages[-1]
    assert message.endswith("the mirror has not answered for 1 s; given up after 4 s")
    assert marked(hasty) == []
    archive.stall = ""
    archive._go_on.set()
    assert store.fetch("6.12").build.release.startswith("6.12.43")
