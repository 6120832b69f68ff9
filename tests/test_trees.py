# SPDX-License-Identifier: MIT
"""Private trees: made of packages of an archive, kept whole, found again, removed."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.errors import InfrastructureError, UsageError
from tests.fake_archive import Archive, Key, direct, missing_tools
from vm import place, tree_programs, trees
from vm.source import Options
from vm.store import Store
from vm.trees import TreeOrder, together, tree, versions

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")

BASE = {
    "base-files": {"etc/debian_version": b"13\n"},
    "base-passwd": {
        "usr/share/base-passwd/passwd.master": b"root:x:0:0::/root:/bin/sh\n",
        "usr/share/base-passwd/group.master": b"root:x:0:\n",
    },
    "coreutils": {"bin/true": b"", "usr/bin/env": b""},
    "dash": {"bin/sh": b""},
    "libc-bin": {"usr/share/libc-bin/nsswitch.conf": b"passwd: files\n"},
}
ORDER = TreeOrder("sid", ("confiner",))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, key: Key) -> Iterator[Archive]:
    """Of a suite with the base of a tree, and of an enforcer that needs a library."""
    folder = tmp_path_factory.mktemp("archive")
    with pytest.MonkeyPatch.context() as patch, Archive(folder, key) as archive:
        for name, value in direct(tmp_path_factory.mktemp("direct")).items():
            patch.setenv(name, value)
        for name, content in BASE.items():
            archive.add("sid", name, "1", content)
        archive.add("sid", "libconfine1", "1:2.0-1", {"lib/libconfine.so.1": b"library"})
        archive.add("sid", "confiner", "0.9-1", {"usr/bin/confiner": b"#!"}, "libconfine1")
        archive.publish()
        yield archive


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory, archive: Archive, key: Key) -> Options:
    folder = tmp_path_factory.mktemp("store")
    return Options(store=folder, mirror=archive.url, keyring=key.keyring)


@pytest.fixture(scope="module")
def made(options: Options) -> Path:
    return tree(ORDER, options=options)


def test_a_tree_has_what_was_asked_for_and_what_that_needs(made: Path) -> None:
    assert (made / "usr/bin/confiner").read_bytes() == b"#!"
    assert (made / "usr/lib/libconfine.so.1").read_bytes() == b"library"
    assert versions(made) == {
        "confiner": "0.9-1", "libconfine1": "1:2.0-1", **dict.fromkeys(BASE, "1"),
    }  # fmt: skip


def test_folders_beside_usr_are_links_into_it(made: Path) -> None:
    for name in ("bin", "sbin", "lib", "lib64"):
        assert (made / name).readlink() == Path(f"usr/{name}")
    assert (made / "usr/bin/true").exists()


def test_users_hosts_and_libraries_are_known_though_no_script_has_run(made: Path) -> None:
    assert (made / "etc/passwd").read_text().startswith("root:x:0:0")
    assert (made / "etc/group").exists()
    assert "127.0.0.1" in (made / "etc/hosts").read_text()
    assert (made / "etc/nsswitch.conf").read_text() == "passwd: files\n"
    assert (made / "etc/ld.so.cache").stat().st_size


def test_a_kept_tree_needs_no_network(options: Options, made: Path, archive: Archive) -> None:
    asked = len(archive.requests)
    assert tree(ORDER, options=options) == made
    assert len(archive.requests) == asked


def test_a_tree_that_holds_more_will_do(options: Options, made: Path) -> None:
    assert tree(TreeOrder("sid"), options=options) == made


def test_a_tree_of_another_suite_will_not(options: Options, made: Path) -> None:
    with pytest.raises((UsageError, InfrastructureError)):
        tree(TreeOrder("trixie", ("confiner",)), options=options)
    assert made.exists()


def test_what_fails_leaves_nothing(options: Options) -> None:
    with pytest.raises(UsageError, match="no package nothing-such in Debian sid"):
        tree(TreeOrder("sid", ("nothing-such",)), options=options)
    assert not list((options.store / "work").iterdir())
    assert not list((options.store / "trees").glob(f"{TreeOrder('sid', ('nothing-such',)).key}.*"))


def test_a_folder_without_a_record_does_not_count(options: Options, made: Path) -> None:
    half = options.store / "trees" / f"{ORDER.key}.half"
    shutil.copytree(made.parent, half, symlinks=True)
    (half / "tree.json").unlink()
    assert tree(ORDER, options=options) == made
    with pytest.raises(UsageError, match="is no tree"):
        versions(half / "root")
    assert half in trees.folders(options.store, superfluous=True)
    shutil.rmtree(half)


def test_newer_packages_make_another_tree_and_prune_removes_the_older(
    options: Options, made: Path, archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    archive.add("sid", "confiner", "1.0-1", {"usr/bin/confiner": b"#!new"}, "libconfine1")
    archive.publish()
    newer = tree(ORDER, options=options, refresh=True)
    assert newer != made
    assert versions(newer)["confiner"] == "1.0-1"
    assert tree(ORDER, options=options) == newer
    store = Store(options.store, mirror=archive.url, keyring=options.keyring)
    with pytest.MonkeyPatch.context() as patch:
        table = options.store / "mountinfo"
        table.write_text(f"30 1 0:5 / {made}/dev rw shared:2 - devtmpfs dev rw\n")
        patch.setattr(place, "MOUNTS", table)
        assert store.prune(["6.12"]) == []
    assert made.exists()
    assert [it.name for it in store.prune(["6.12"])] == [made.parent.name.rpartition(".")[0]]
    assert newer.exists()
    assert not made.exists()
    store.prune()
    assert not newer.exists()


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (TreeOrder("side"), "no suite 'side' of Debian; choose one of"),
        (TreeOrder("sid", wheels=("landlockpy",)), "is no wheel with its version, such as"),
        (TreeOrder("sid", wheels=("--pre",)), "is no wheel with its version"),
        (TreeOrder("sid", built=("cobol-client",)), "no program 'cobol-client' is built; there"),
    ],
    ids=["suite", "wheel", "option", "program"],
)
def test_what_makes_no_sense_is_said(options: Options, order: TreeOrder, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        tree(order, options=options)


def test_one_tree_a_suite_serves_all_orders() -> None:
    orders = [
        TreeOrder("sid", ("landrun",)),
        TreeOrder("sid", ("xz-utils", "landrun"), ("landlockpy==0.2.0",)),
        TreeOrder("trixie", ("xz-utils",), built=("sandboxer",)),
    ]
    merged = together(orders)
    assert [it.suite for it in merged] == ["sid", "trixie"]
    for it in orders:
        (whole,) = (other for other in merged if other.suite == it.suite)
        assert it.everything <= whole.everything


def test_the_order_of_an_order_means_nothing() -> None:
    assert TreeOrder("sid", ("a", "b")).key == TreeOrder("sid", ("b", "a", "a")).key
    assert TreeOrder("sid", ("a",)).key != TreeOrder("sid", ("a", "b")).key


def test_a_program_is_built_again_when_its_source_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tree_programs.SOURCES, tmp_path / "programs")
    monkeypatch.setattr(tree_programs, "SOURCES", tmp_path / "programs")
    before = tree_programs.digest("go-client")
    assert tree_programs.digest("go-client") == before
    with (tmp_path / "programs/go-client/main.go").open("a") as file:
        file.write("// more\n")
    assert tree_programs.digest("go-client") != before
