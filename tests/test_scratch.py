# SPDX-License-Identifier: MIT
"""Temporary folders: gone after the run, or after the next one if it was killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.errors import Exit
from suite.targets.scratch import Scratch, sweep
from tests.runs import landproof, write_cases
from tests.runs import run as run_landproof

OWNER = """
import sys, time
from suite.targets.scratch import Scratch
folder = Scratch()
(folder.path / "file").touch()
print(folder.path, flush=True)
time.sleep(1000)
"""
LEAVES = '''\
"""Cases that leave what is hard to remove."""

from suite.judge.expectation import always
from suite.judge.outcome import Allowed
from suite.process.process import Process

def test_leaves(process, ground, judge):
    if not ground.private:
        process.mkdir(f"{ground.place}/closed", 0o700)
        process.mkdir(f"{ground.place}/closed/in", 0o700)
        process.chmod(f"{ground.place}/closed/in", 0)
        process.chmod(f"{ground.place}/closed", 0)
    judge(always(Allowed()), process.observe(Process.getpid))
'''


@pytest.fixture(autouse=True)
def tmpdir_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TMPDIR with nothing in it."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def owner() -> Iterator[subprocess.Popen[str]]:
    """A process that owns a folder, whose path it has said."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def path_of(owner: subprocess.Popen[str]) -> Path:
    """The folder of an owner."""
    assert owner.stdout
    return Path(owner.stdout.readline().strip())


def test_a_folder_is_there_until_its_block_ends(tmpdir_of_ours: Path) -> None:
    with Scratch() as folder:
        assert folder.parent == tmpdir_of_ours
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "file").touch()
    assert list(tmpdir_of_ours.iterdir()) == []


def test_closed_folders_are_removed_too(tmpdir_of_ours: Path) -> None:
    outside = tmpdir_of_ours / "outside"
    outside.mkdir(mode=0o500)
    with Scratch() as folder:
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "a" / "b" / "file").touch()
        (folder / "link").symlink_to(outside)
        (folder / "a" / "b").chmod(0)
        (folder / "a").chmod(0)
    assert list(tmpdir_of_ours.iterdir()) == [outside]
    assert outside.stat().st_mode & 0o777 == 0o500


def test_closed_folders_of_a_user_are_removed_too(tmpdir_of_ours: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become a user; as a user the test before shows it")
    for folder in (tmpdir_of_ours, *tmpdir_of_ours.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o777 if folder is tmpdir_of_ours else 0o755)
    checkout = Path(__file__).parents[1]
    script = (
        "import os\n"
        "from suite.targets.scratch import Scratch\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "from suite.targets.scratch import sweep\n"
        "def fill(f):\n"
        " f.mkdir(exist_ok=True)\n"
        " (f / 'a').mkdir(); (f / 'a' / 'b').touch(); (f / 'a').chmod(0); f.chmod(0)\n"
        "with Scratch() as f: fill(f)\n"
        "fill(f)\n"
        "assert sweep() == [f]\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=checkout, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert list(tmpdir_of_ours.iterdir()) == []


def test_the_next_run_removes_the_folder_of_a_dead_owner(owner: subprocess.Popen[str]) -> None:
    path = path_of(owner)
    assert sweep() == []
    assert (path / "file").exists(), "its owner lives"
    owner.kill()
    owner.wait()
    assert sweep() == [path]
    assert not path.exists()


def test_a_child_of_the_owner_is_no_owner(owner: subprocess.Popen[str]) -> None:
    """Descriptors are not inherited: what an owner has started may outlive it by a moment."""
    path = path_of(owner)
    links = [fd.readlink() for fd in Path(f"/proc/{owner.pid}/fd").iterdir()]
    assert path in links
    with Scratch() as mine:
        done = subprocess.run(
            ["ls", "-l", "/proc/self/fd"], check=True, capture_output=True, text=True
        )
        assert str(mine) not in done.stdout


@pytest.mark.parametrize(
    "name", ["landproof-results", "landproof-abcdefgh", "landproof-my-file.tmp", "other.tmp"]
)
def test_what_somebody_has_named_stays(tmpdir_of_ours: Path, name: str) -> None:
    (tmpdir_of_ours / name).mkdir()
    assert sweep() == []
    assert (tmpdir_of_ours / name).exists()


def test_links_files_and_folders_of_others_stay(tmpdir_of_ours: Path, tmp_path: Path) -> None:
    goal = tmp_path / "goal"
    goal.mkdir()
    (goal / "file").touch()
    (tmpdir_of_ours / "landproof-aaaaaaaa.tmp").symlink_to(goal)
    (tmpdir_of_ours / "landproof-bbbbbbbb.tmp").touch()
    theirs = tmpdir_of_ours / "landproof-cccccccc.tmp"
    theirs.mkdir()
    if os.geteuid() == 0:
        os.chown(theirs, 65534, 65534)
    swept = sweep()
    assert (goal / "file").exists()
    assert swept == ([] if os.geteuid() == 0 else [theirs])


def test_what_is_mounted_in_a_folder_is_not_removed(tmpdir_of_ours: Path, tmp_path: Path) -> None:
    goal = tmp_path / "goal"
    goal.mkdir()
    (goal / "file").touch()
    left = tmpdir_of_ours / "landproof-aaaaaaaa.tmp"
    (left / "mounted").mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "--bind", goal, left / "mounted"], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("only root can mount")
    try:
        assert sweep() == []
        assert (goal / "file").exists()
    finally:
        subprocess.run(["umount", left / "mounted"], check=True)
    assert sweep() == [left]
    assert (goal / "file").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_leaves_nothing(tmp_path: Path, tmpdir_of_ours: Path, workers: int) -> None:
    cases = write_cases(tmp_path, LEAVES)
    argv = landproof("matrix", "--full", "--target=local", f"-n{workers}", cases=cases)
    done = run_landproof(argv)
    assert done.returncode == Exit.CONFORMS, done.stderr
    assert list(tmpdir_of_ours.iterdir()) == []


def test_what_a_killed_run_leaves_goes_with_the_next(
    tmp_path: Path, tmpdir_of_ours: Path, owner: subprocess.Popen[str]
) -> None:
    left = path_of(owner)
    argv = landproof("check", "--full", cases=write_cases(tmp_path, LEAVES))
    assert run_landproof(argv).returncode == Exit.CONFORMS
    assert left.exists(), "its owner lives"
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert run_landproof(argv).returncode == Exit.CONFORMS
    assert list(tmpdir_of_ours.iterdir()) == []
