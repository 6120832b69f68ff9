# SPDX-License-Identifier: MIT
"""How files are written where others may write, too; and which folders are trusted."""

from __future__ import annotations

import os
import re
import stat
import threading
from pathlib import Path

import pytest

from reports.results import write as write_results
from suite import files
from suite.errors import Exit, InfrastructureError, UsageError
from tests.kernels import stored
from tests.runs import landproof, run
from vm.store import Store

NOBODY = 65534
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: gives files to another user")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder like /tmp, of somebody else."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def theirs(path: Path) -> Path:
    os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return path


def test_links_under_any_name_that_can_be_foretold_are_not_followed(
    shared: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in (f".landproof-{os.getpid()}.tmp", f"results.{os.getpid()}", "results.json.tmp"):
        (shared / name).symlink_to(victim)
    before = set(shared.iterdir())
    files.write(shared / "results.json", b"new")
    assert victim.read_text() == "precious"
    assert {*shared.iterdir()} - before == {shared / "results.json"}


def test_no_name_is_used_twice(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever did foretell one still gains nothing.
    monkeypatch.setattr("secrets.token_hex", lambda _: "known")
    (shared / ".landproof-known.tmp").symlink_to(tmp_path / "victim")
    with pytest.raises(FileExistsError):
        files.write(shared / "results.json", b"new")
    assert not (tmp_path / "victim").exists()


@ROOT_ONLY
def test_a_planted_link_at_the_place_itself_is_refused(shared: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    link = shared / "results.json"
    link.symlink_to(victim)
    theirs(link)
    with pytest.raises(UsageError, match="a link that another user has put in a folder of every"):
        write_results(link, b"new")
    assert (victim.read_text(), link.is_symlink()) == ("precious", True)


@ROOT_ONLY
def test_a_planted_pipe_is_refused(shared: Path) -> None:
    os.mkfifo(shared / "results.json")
    with pytest.raises(UsageError, match="a pipe that another user has put"):
        write_results(theirs(shared / "results.json"), b"new")


def test_a_link_of_the_user_stays_one(shared: Path, tmp_path: Path) -> None:
    place = tmp_path / "nightly.json"
    (shared / "hop").symlink_to(place)
    (shared / "results.json").symlink_to("hop")
    for data in (b"first", b"second"):
        files.write(shared / "results.json", data)
        assert (place.read_bytes(), (shared / "results.json").is_symlink()) == (data, True)


def test_links_that_lead_in_a_circle_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(UsageError, match="Too many levels of symbolic links"):
        write_results(tmp_path / "a", b"")


def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        files.write(tmp_path / "new", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


def test_an_old_file_keeps_its_mode(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("secret")
    old.chmod(0o600)
    files.write(old, b"new")
    assert (old.read_bytes(), stat.S_IMODE(old.stat().st_mode)) == (b"new", 0o600)


@ROOT_ONLY
def test_an_old_file_keeps_its_owner_under_sudo(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.touch()
    files.write(theirs(old), b"new")
    assert (old.read_bytes(), old.stat().st_uid) == (b"new", NOBODY)


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    files.write(pipe, b"data")
    reader.join()
    assert (read, stat.S_ISFIFO(pipe.lstat().st_mode)) == ([b"data"], True)


@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}"])
def test_a_descriptor_of_ours_goes_on_where_it_is(tmp_path: Path, name: str) -> None:
    """As ``--results /dev/stdout > file`` needs it: what comes afterwards is not lost."""
    with (tmp_path / "file").open("wb", buffering=0) as file:
        file.write(b"before ")
        files.write(Path(name.format(file.fileno())), b"data")
        file.write(b" after")
    assert (tmp_path / "file").read_bytes() == b"before data after"


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old"
    old.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InfrastructureError, match="No space left on device; the old file is kept"):
        write_results(old, b"new")
    assert ([*tmp_path.iterdir()], old.read_text()) == ([old], "old")


def _refused(store: Path) -> str:
    done = run(landproof("kernels", "list", f"--store={store}"))
    assert (done.returncode, done.stdout) == (Exit.INFRASTRUCTURE, "")
    (line,) = done.stderr.splitlines()
    assert "choose another with --store" in line
    return line


@ROOT_ONLY
@pytest.mark.parametrize("part", ["", "kernels", "apt"])
def test_a_store_of_somebody_else_is_refused(tmp_path: Path, part: str) -> None:
    store = tmp_path / "store"
    (store / part).mkdir(parents=True)
    theirs(store / part)
    assert re.search("belongs to (nobody|uid 65534), not to root: not trusted", _refused(store))


def test_a_store_that_everybody_can_write_to_is_refused(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    store.chmod(0o777)
    assert f"{store} can be written by everybody: not trusted" in _refused(store)


@ROOT_ONLY
def test_a_group_may_write_only_if_it_is_one_users_own(tmp_path: Path) -> None:
    tmp_path.chmod(0o775)
    os.chown(tmp_path, 0, NOBODY)
    assert files.why_not_ours(tmp_path) == "can be written by its group"
    os.chown(tmp_path, 0, 0)
    assert files.why_not_ours(tmp_path) == ""


def test_a_store_is_made_for_one_user_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.make_folder(tmp_path / "cache" / "store")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "cache" / "store").stat().st_mode) == 0o755
    assert files.why_not_ours(tmp_path / "cache") == ""
    assert Store(tmp_path / "cache" / "store").stored() == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--store="], Exit.USAGE, "argument --store: the name is empty"),
        (["--store=FILE"], Exit.USAGE, "FILE is no folder; choose one for kernels with --store"),
        (["--store=FILE/x"], Exit.USAGE, "FILE is no folder; choose one for kernels with"),
        (["--store=a\"b;'c"], Exit.USAGE, "apt can't work in .*, for the quotes or control char"),
    ],
)
def test_a_strange_store_is_one_line(
    tmp_path: Path, arguments: list[str], code: Exit, said: str
) -> None:
    (tmp_path / "FILE").touch()
    argv = [it.replace("--store=", f"--store={tmp_path}/") for it in arguments]
    argv = arguments if arguments == ["--store="] else argv
    done = run(landproof("kernels", "list", "--mirror=file:/nowhere", *argv))
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (code, ""), line
    assert re.search(said, line)


@pytest.mark.parametrize("release", ["../evil", "..", "/etc/evil", "6.1\x1b[2J", ""])
def test_what_a_kernel_calls_itself_is_no_path(tmp_path: Path, release: str) -> None:
    image = bytearray(0x1000)
    image[0x202:0x206] = b"HdrS"
    image[0x20E:0x210] = (0x300).to_bytes(2, "little")
    image[0x500 : 0x500 + len(release)] = release.encode()
    (tmp_path / "vmlinuz").write_bytes(image)
    with pytest.raises(
        UsageError,
        match=r"no release of a kernel|not a kernel image|not tell its release",
    ):
        Store(tmp_path / "store").fetch(f"path:{tmp_path}/vmlinuz")


def test_a_kernel_of_the_store_has_a_release() -> None:
    assert stored("6.12").build.release.startswith("6.12.")
