# SPDX-License-Identifier: MIT
"""Saved machines as files: found by all that they depend on, whole, the owner's alone, few."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from suite.agent import wire
from tests.kernels import NO_KERNEL
from vm import saved
from vm.rehearsal import Conversation
from vm.saved import MOST_STATES, REAL_BOOT_EVERY, States, UnusableError, compressed

TALK = Conversation(wire.Hello(wire.VERSION, 8, 4096), [])
MUCH = 8 << 20
RECIPE = ("qemu", "-m", "512M")
OTHER_KERNEL = replace(
    NO_KERNEL, build=msgspec.structs.replace(NO_KERNEL.build, sha256="0123456789abcdef" * 4)
)


@pytest.fixture(autouse=True)
def qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for QEMU."""
    file = tmp_path / "qemu"
    file.write_text("7.2")
    monkeypatch.setattr(saved, "find_qemu", lambda _: file)
    saved._warn.cache_clear()
    return file


@pytest.fixture
def states(tmp_path: Path) -> States:
    """An empty folder of states."""
    return States(tmp_path / "store")


def write(pipe: int, what: bytes) -> None:
    """As QEMU writes a state."""
    with open(pipe, "wb", closefd=False) as file:
        file.write(what)


def keep(states: States, what: bytes = b"state", recipe: tuple[str, ...] = RECIPE) -> Path:
    """Keep something as the state of a machine; its file."""
    before = set(files(states))
    states.keep(NO_KERNEL, recipe, TALK, compressed(lambda pipe: write(pipe, what)))
    (made,) = set(files(states)) - before or set(files(states))
    return made


def files(states: States) -> list[Path]:
    """The states that there are."""
    return sorted((states._folder).glob("*.state"))


def content(states: States, recipe: tuple[str, ...] = RECIPE) -> bytes | None:
    """What is kept as the state of a machine."""
    state = states.take(NO_KERNEL, recipe)
    if state is None:
        return None
    assert state.conversation == TALK
    with state.stream() as pipe, open(pipe, "rb", closefd=False) as file:
        return file.read()


def test_a_state_is_given_back(states: States) -> None:
    assert content(states) is None
    file = keep(states)
    assert content(states) == b"state"
    assert content(states) == b"state"
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_it_depends_on(states: States, qemu: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(states)
    assert content(states, (*RECIPE, "quiet")) is None
    assert states.take(OTHER_KERNEL, RECIPE) is None
    monkeypatch.setattr(saved, "FORMAT", saved.FORMAT + 1)
    assert content(states) is None
    monkeypatch.undo()
    monkeypatch.setattr(saved, "find_qemu", lambda _: qemu)
    assert content(states) == b"state"
    qemu.write_text("7.3")
    os.utime(qemu, ns=(1, 1))
    assert content(states) is None


def test_one_start_of_many_is_a_boot(states: States) -> None:
    keep(states)
    found = [content(states) is not None for _ in range(2 * REAL_BOOT_EVERY)]
    assert [number for number, was in enumerate(found, 1) if not was] == [
        REAL_BOOT_EVERY,
        2 * REAL_BOOT_EVERY,
    ]
    assert REAL_BOOT_EVERY == 20  # README and docs say so


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o660])
def test_a_file_that_others_may_use_is_refused(
    states: States, caplog: pytest.LogCaptureFixture, mode: int
) -> None:
    file = keep(states)
    file.chmod(mode)
    assert content(states) is None
    assert content(states) is None
    (told,) = caplog.messages
    assert told.startswith(f"{file} is not used, and replaced: others may")
    keep(states, b"anew")
    assert content(states) == b"anew"
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(states: States) -> None:
    os.chown(keep(states), 65534, 65534)
    assert content(states) is None
    keep(states, b"anew")
    assert content(states) == b"anew"


def test_a_link_is_refused(states: States, tmp_path: Path) -> None:
    file = keep(states)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert content(states) is None
    keep(states, b"anew")
    assert content(states) == b"anew"
    assert not file.is_symlink()


def test_another_machines_state_under_this_name_is_refused(states: States) -> None:
    other = keep(states, b"other", ("other",))
    mine = keep(states)
    other.replace(mine)
    assert content(states) is None


@pytest.mark.parametrize("left", [0, 3, 40, -1, -5])
def test_a_truncated_state_is_never_taken_for_a_whole_one(states: States, left: int) -> None:
    file = keep(states, os.urandom(3000))
    whole = file.read_bytes()
    file.write_bytes(whole[:left])
    try:
        assert content(states) is None
    except UnusableError as error:
        assert str(error) == "the state is damaged"  # noqa: PT017 (a long one is found so)
        assert left < 0


def test_a_changed_bit_is_found(states: States) -> None:
    file = keep(states, b"state" * 100)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1  # of the checksum
    file.write_bytes(data)
    state = states.take(NO_KERNEL, RECIPE)
    assert state
    with pytest.raises(UnusableError, match="the state is damaged"), state.stream() as pipe:
        os.read(pipe, 1000)


def children() -> set[str]:
    """Our processes, ended ones that nobody waited for among them."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {pid for task in tasks for pid in task.read_text(encoding="ascii").split()}


def test_a_reader_that_fails_leaves_no_process(states: States) -> None:
    keep(states, os.urandom(1 << 20))
    state = states.take(NO_KERNEL, RECIPE)
    assert state
    before = children()
    with pytest.raises(OSError, match="for a test"), state.stream():
        raise OSError("for a test")
    assert children() <= before


def test_a_dropped_state_is_gone_with_its_count(states: States) -> None:
    keep(states)
    assert content(states)
    states.drop(NO_KERNEL, RECIPE)
    assert list(states._folder.iterdir()) == []
    states.drop(NO_KERNEL, RECIPE)


def test_those_used_last_are_kept(states: States) -> None:
    recipes = [(str(number),) for number in range(MOST_STATES)]
    for age, recipe in enumerate(recipes):
        os.utime(keep(states, recipe=recipe), (age, age))
    assert content(states, recipes[0])
    keep(states)
    assert [content(states, it) is not None for it in (*recipes, RECIPE)] == [
        True, False, *[True] * (MOST_STATES - 2), True,
    ]  # fmt: skip


def test_a_full_disk_is_told_once_and_leaves_nothing(
    states: States, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    old = keep(states, b"old").read_bytes()
    monkeypatch.setattr("os.fsync", full)
    for _ in range(2):
        states.keep(NO_KERNEL, RECIPE, TALK, b"new")
    (told,) = caplog.messages
    assert told.endswith("No space left on device; each is booted")
    (file,) = states._folder.iterdir()
    assert file.read_bytes() == old


def test_a_store_that_is_only_read_is_no_fault(
    states: States, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keep(states)
    opened = os.open

    def read_only(path: Path, flags: int, *rest: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR) and str(path).startswith(str(states._folder)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path, flags, *rest)

    def no_time(_: int) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("os.open", read_only)
    monkeypatch.setattr("os.utime", no_time)
    assert content(states) == b"state"
    assert caplog.messages == []


KEEP_FOR_EVER = """
import itertools, sys
from pathlib import Path
from tests.kernels import NO_KERNEL
from tests.test_saved import MUCH, RECIPE, TALK, write
from vm import saved
saved.find_qemu = lambda _: Path(sys.argv[2])
states = saved.States(Path(sys.argv[1]))
for byte in itertools.cycle(b"ab"):
    packed = saved.compressed(lambda pipe: write(pipe, bytes([byte]) * MUCH))
    states.keep(NO_KERNEL, RECIPE, TALK, packed)
    print("kept", flush=True)
"""


@pytest.fixture
def keepers(tmp_path: Path, qemu: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes that keep the state of one machine, again and again."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", KEEP_FOR_EVER, str(tmp_path / "store"), str(qemu)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        for _ in range(2)
    ]
    yield started
    for process in started:
        process.kill()
        process.communicate()


def test_two_that_save_at_once_and_are_killed(
    states: States, keepers: list[subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved, "REAL_BOOT_EVERY", 1 << 30)
    for process in keepers:
        assert process.stdout
        assert process.stdout.readline() == "kept\n"
    for _ in range(10):
        assert content(states) in (b"a" * MUCH, b"b" * MUCH)
    for process in keepers:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert content(states) in (b"a" * MUCH, b"b" * MUCH)
    for left in states._folder.glob(".*"):
        os.utime(left, (1, 1))
    keep(states)
    assert content(states) == b"state"
    assert not list(states._folder.glob(".*"))


def test_prune_leaves_the_states_of_kept_kernels(states: States) -> None:
    mine = keep(states)
    states.keep(OTHER_KERNEL, RECIPE, TALK, b"")
    left, young = (states._folder / f".landproof-{number}.tmp" for number in range(2))
    for file in (left, young):
        file.write_bytes(b"half")
    os.utime(left, (1, 1))
    size = mine.stat().st_size
    assert states.size(NO_KERNEL.build.sha256) == size
    freed = states.prune([NO_KERNEL.build.sha256])
    assert freed > 4
    assert set(states._folder.iterdir()) == {mine, young}  # another process may be writing it
    young.unlink()
    assert states.prune([]) == size
    assert list(states._folder.iterdir()) == []
    assert states.prune([]) == 0


def test_what_can_not_be_written_is_not_taken_for_a_state() -> None:
    def fails(_: int) -> None:
        raise OSError(errno.EIO, "for a test")

    before = children()
    with pytest.raises(OSError, match="for a test"):
        compressed(fails)
    assert children() <= before


def test_without_zstd_nothing_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    assert saved.can_save()
    monkeypatch.setenv("PATH", "/nowhere")
    assert not saved.can_save()
    with pytest.raises(UnusableError, match="zstd is not installed"):
        compressed(lambda _: None)
