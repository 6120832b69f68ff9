# SPDX-License-Identifier: MIT
"""Which commit a kernel of one's own was built from: asked of real git trees."""

import subprocess
from pathlib import Path

import pytest

from tests.fake_archive import image
from vm.commit import commit
from vm.local import path_kernel


def git(tree: Path, *words: str) -> str:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    done = subprocess.run(
        ["git", "-C", str(tree), *who, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "linux"
    (tree / "arch/x86/boot").mkdir(parents=True)
    git(tree, "init", "--quiet")
    for message in ("one", "two"):
        git(tree, "commit", "--quiet", "--allow-empty", f"--message={message}")
    return tree


def test_a_release_names_its_commit_wherever_the_tree_is_now(tree: Path) -> None:
    first = git(tree, "rev-parse", "HEAD~")
    assert commit(f"6.12.0-00123-g{first[:12]}", [tree / "arch/x86/boot"]) == first
    assert commit(f"6.12.0-g{first[:12]}-dirty", [tree]) == first


def test_a_build_folder_links_to_its_source(tree: Path, tmp_path: Path) -> None:
    build = tmp_path / "build"
    build.mkdir()
    (build / "source").symlink_to(tree)
    head = git(tree, "rev-parse", "HEAD")
    assert commit(f"6.12.0-g{head[:12]}", [build]) == head


@pytest.mark.parametrize("release", ["6.12.43", "6.12.0-00123-g0123456789ab", "6.12.0-gdebian"])
def test_what_the_tree_does_not_know_is_not_guessed(tree: Path, release: str) -> None:
    assert commit(release, [tree]) == ""


def test_without_a_tree_or_git_nothing_is_known(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = git(tree, "rev-parse", "HEAD")
    release = f"6.12.0-g{head[:12]}"
    assert commit(release, [tmp_path]) == ""
    monkeypatch.setattr("vm.tools.shutil.which", lambda *_, **__: None)
    assert commit(release, [tree]) == ""


def test_a_kernel_that_is_named_by_its_path(tree: Path) -> None:
    head = git(tree, "rev-parse", "HEAD")
    (tree / "arch/x86/boot/bzImage").write_bytes(image(f"6.12.0-g{head[:12]}"))
    assert path_kernel(f"path:{tree}").build.commit == head
