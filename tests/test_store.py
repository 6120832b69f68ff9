# SPDX-License-Identifier: MIT
"""The store, fed by apt from a small signed archive on the loopback interface."""

import logging
import lzma
import shutil
from pathlib import Path

import pytest

from suite.errors import InfrastructureError
from tests.fake_archive import NEW, OLD, Archive, image, missing_tools, module
from vm.store import Progress, Store
from vm.tools import UnreachableError

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")


def test_kernel_of_each_packaging_is_fetched(store: Store) -> None:
    for name, release, source in (
        ("6.12", NEW, "debian:bookworm"),
        ("7.3", "7.3.4+deb13-cloud-amd64", "debian:trixie-backports"),
        ("6.1", "6.1.0-56-cloud-amd64", "debian:bookworm-security"),
    ):
        kernel = store.fetch(name)
        assert (kernel.build.name, kernel.build.release) == (name, release)
        assert kernel.build.source == source
        assert kernel.vmlinuz.read_bytes() == image(release)
        assert kernel.modules is not None
        assert kernel.modules.name == release
        assert "kernel/fs/a.ko:" in (kernel.modules / "modules.dep").read_text()
        assert kernel.config is not None
        assert "LANDLOCK=y" in kernel.config.read_text()
    assert next(k.build.release for k in store.stored()) == "6.1.0-56-cloud-amd64"
    assert not list(store.folder.glob("work/*"))


def test_kernel_without_modules_in_the_archive_is_still_one(store: Store, archive: Archive) -> None:
    archive.add_split("trixie-backports", "7.0.13-cloud-amd64", "7.0.13-1", parts=())
    archive.publish()
    kernel = store.fetch("7.0")
    assert (kernel.modules, kernel.config) == (None, None)
    assert [b.whole for b in store.available() if b.series == "7.0"] == [False]


def test_progress_counts_bytes_by_stage(store: Store) -> None:
    seen: list[Progress] = []
    store.fetch("6.12", progress=seen.append)
    assert [p.stage for p in seen] == sorted(
        (p.stage for p in seen), key=["index", "download", "unpack"].index
    )
    assert {p.name for p in seen} == {"6.12"}
    assert any(p.stage == "download" and p.done == p.total > 0 for p in seen)
    assert all(0 <= p.done <= p.total for p in seen if p.total)


def test_missing_suites_are_named_in_one_warning(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        builds = store.available()
    assert len(caplog.messages) == 1
    assert "skipped: bullseye, bullseye-security, bookworm-backports, trixie" in caplog.text
    assert "experimental" not in caplog.text
    assert [(b.series, b.stored) for b in builds][:2] == [("6.1", False), ("6.12", False)]
    assert all(b.size > 0 for b in builds)


def test_stored_kernel_needs_no_network(
    store: Store, archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    first = store.fetch("6.12")
    archive.close()
    archive.requests.clear()
    assert store.get("6.12") == store.fetch("6.12") == first
    assert store.get("6.12.43").build.name == "6.12.43"
    caplog.clear()
    assert [b.stored for b in store.available() if b.release == NEW] == [True]
    assert len(store.available(refresh=True)) == 5
    assert "the list may be old" in caplog.text
    with pytest.raises(UnreachableError, match="no network"):
        store.fetch("6.12", refresh=True)
    with pytest.raises(InfrastructureError, match=r"landproof kernels fetch 6\.1$"):
        store.get("6.1")


def test_young_index_is_used_and_old_one_refreshed(
    store: Store, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.available()
    archive.requests.clear()
    store.fetch("6.12.9")
    assert [path for path in archive.requests if "/dists/" in path] == []
    monkeypatch.setattr("vm.apt_index.INDEX_AGE_S", 0)
    store.fetch("6.1")
    assert [path for path in archive.requests if "/dists/" in path] != []


def test_refresh_brings_the_newer_build(store: Store, archive: Archive) -> None:
    store.fetch("6.12")
    archive.add_image("bookworm", "6.12.57+deb12-cloud-amd64", "6.12.57-1")
    archive.publish()
    assert store.fetch("6.12").build.release == NEW
    assert store.fetch("6.12", refresh=True).build.version == "6.12.57-1"
    assert store.get("6.12").build.version == "6.12.57-1"


def test_stored_candidate_does_not_answer_for_its_release(store: Store, archive: Archive) -> None:
    assert store.fetch("7.4").build.version == "7.4~rc1-1~exp1"
    archive.add_split("trixie-backports", "7.4.1-cloud-amd64", "7.4.1-1")
    archive.publish()
    store.available(refresh=True)
    assert store.fetch("7.4-rc1").build.version == "7.4~rc1-1~exp1"
    assert store.fetch("7.4").build.version == "7.4.1-1"


def test_prune_keeps_what_is_named(store: Store) -> None:
    for name in ("6.12.9", "6.12.43", "7.3"):
        store.fetch(name)
    (store.folder / "work" / "half").mkdir(parents=True)
    removed = store.prune(["6.12.43", "7"])
    assert sorted(item.name for item in removed) == [OLD, "half"]
    assert all(item.freed > 0 for item in removed if item.name == OLD)
    assert [k.build.release for k in store.stored()] == [NEW, "7.3.4+deb13-cloud-amd64"]
    assert [item.name for item in store.prune()] == [
        NEW, "7.3.4+deb13-cloud-amd64", "package index",
    ]  # fmt: skip
    assert store.stored() == []
    assert not list(store.folder.glob("apt/state"))
    assert store.fetch("7.3").build.name == "7.3"


def test_newest_is_one_release_a_series(store: Store) -> None:
    for name in ("6.12.9", "6.12.43", "6.1"):
        store.fetch(name)
    assert store.newest() == ["6.1.0-56-cloud-amd64", NEW]


def test_kernel_of_an_older_layout_is_not_used(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.fetch("6.12")
    monkeypatch.setattr("vm.stored.LAYOUT", 2)
    assert store.stored() == []
    assert store.fetch("6.12").build.release == NEW
    assert len(store.prune(["6.12"])) == 1


def test_store_is_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANDPROOF_STORE", str(tmp_path / "elsewhere"))
    assert Store().folder == tmp_path / "elsewhere"
    monkeypatch.delenv("LANDPROOF_STORE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert Store().folder == tmp_path / "cache/landproof/kernels"


def test_kernel_of_ones_own_is_used_in_place(tmp_path: Path) -> None:
    boot, modules = tmp_path / "boot", tmp_path / "lib/modules/6.5.0-mine/kernel/fs"
    boot.mkdir()
    modules.mkdir(parents=True)
    (boot / "vmlinuz-6.5.0-mine").write_bytes(image("6.5.0-mine"))
    (boot / "config-6.5.0-mine").write_text("CONFIG_X=y\n")
    (modules / "a.ko.xz").write_bytes(lzma.compress(module()))
    store = Store(tmp_path / "store")
    for name in (f"path:{tmp_path}", f"path:{boot / 'vmlinuz-6.5.0-mine'}"):
        kernel = store.get(name)
        assert (kernel.build.name, kernel.build.source) == (name, name)
        assert kernel.build.release == "6.5.0-mine"
        assert kernel.vmlinuz.parent == boot
        assert kernel.config == boot / "config-6.5.0-mine"
        assert kernel.modules is not None
        assert kernel.modules.is_relative_to(store.folder)
        assert (kernel.modules / "kernel/fs/a.ko").read_bytes() == module()
    assert len(list(store.folder.glob("local/*"))) == 1
    assert kernel.modules is not None
    (modules / "a.ko.xz").unlink()
    (modules / "a.ko").write_bytes(module())
    shutil.copy(kernel.modules / "modules.dep", modules.parent.parent)
    assert store.get(f"path:{tmp_path}").modules == modules.parent.parent
