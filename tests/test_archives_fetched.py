# SPDX-License-Identifier: MIT
"""Kernels that apt brings from archives laid out as Ubuntu's and as Debian's snapshot archive."""

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from suite.cli.main import main
from suite.errors import Exit, InfrastructureError, UsageError
from tests.fake_archive import Archive, Key, direct, image, missing_tools
from tests.kernel_packages import files_of, zstd
from tests.kernels import stored
from tests.machines import boots
from vm import archives, registry
from vm.apt import source_of
from vm.kernel import Kernel
from vm.store import Store
from vm.tools import UnreachableError

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")

OWN, NEWER = "6.8.0-45-generic", "6.11.0-9-generic"
DAY = "20240701T000000Z"
EXPIRED = "Valid-Until: Mon, 08 Jul 2024 00:00:00 UTC\n"


@pytest.fixture(scope="module")
def patch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    """No configuration of this machine's apt, which may take what is out of date."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("direct")
        for name, value in direct(folder).items():
            patch.setenv(name, value)
        (folder / "parts").mkdir()
        with (folder / "direct.conf").open("a", encoding="utf-8") as file:
            file.write(f'Dir::Etc::main "/dev/null";\nDir::Etc::parts "{folder}/parts";\n')
        yield patch


@pytest.fixture(scope="module")
def ubuntu(
    tmp_path_factory: pytest.TempPathFactory, key: Key, patch: pytest.MonkeyPatch
) -> Iterator[Archive]:
    """Of one release, with its own kernels and a newer one of a later release."""
    del patch
    with Archive(tmp_path_factory.mktemp("ubuntu"), key, "ubuntu") as archive:
        archive.add_ubuntu("noble", "6.8.0-31-generic", "6.8.0-31.31")
        archive.add_ubuntu("noble-updates", OWN, "6.8.0-45.45", extra=True)
        archive.add_ubuntu("noble-security", NEWER, "6.11.0-9.9~24.04.1", signed=False)
        for suite, release in (("noble", "6.8.0-31-generic"), ("noble-updates", OWN)):
            archive.add(suite, "linux-image-generic", release[:8], {}, f"linux-image-{release}")
        archive.publish()
        yield archive


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, ubuntu: Archive, key: Key) -> Store:
    return Store(tmp_path_factory.mktemp("store"), mirror=ubuntu.url, keyring=key.keyring)


def test_newer_kernel_does_not_answer_for_the_release(store: Store) -> None:
    newer = store.fetch("ubuntu:noble/6.11")
    assert newer.build.release == NEWER
    assert newer.modules is not None
    kernel = store.fetch("ubuntu:noble")
    assert (kernel.build.release, kernel.build.version) == (OWN, "6.8.0-45.45")
    assert (kernel.build.name, kernel.build.source) == ("ubuntu:noble", "ubuntu:noble-updates")
    assert kernel.vmlinuz.read_bytes() == image(OWN)
    assert kernel.config is not None
    assert kernel.modules is not None
    assert sorted(it.name for it in kernel.modules.rglob("*.ko")) == ["a.ko", "b.ko"]
    for name in ("ubuntu:noble/6.8", f"ubuntu:noble/{OWN}"):
        assert store.get(name).vmlinuz == kernel.vmlinuz
    assert store.newest() == [f"ubuntu:noble/{OWN}", f"ubuntu:noble/{NEWER}"]


def test_names_are_those_of_the_lists(
    store: Store, ubuntu: Archive, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where Debian's own list can't be had: the archive has no such suites."""
    store.fetch("ubuntu:noble")
    options = ["--store", str(store.folder), "--mirror", ubuntu.url, "--keyring", str(key.keyring)]
    assert main(["kernels", "list", "--all", "--json", *options]) == Exit.CONFORMS
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"]: row["suite"] for row in rows} == {
        "ubuntu:noble/6.8.0-31": "noble",
        "ubuntu:noble/6.8.0-45": "noble-updates",
        "ubuntu:noble/6.11.0-9": "noble-security",
    }
    assert main(["kernels", "fetch", "ubuntu:noble/6.8.0-45", *options, "--json"]) == Exit.CONFORMS
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["label"], row["release"]) == ("ubuntu:noble/6.8.0-45", OWN)


def test_a_name_keeps_what_it_means(store: Store) -> None:
    for name in ("ubuntu:noble", "ubuntu:noble/6.11"):
        store.fetch(name)
    assert [it.name for it in store.prune(["ubuntu:noble"])] == [NEWER]
    assert store.newest() == [f"ubuntu:noble/{OWN}"]


def test_what_names_may_mean_is_listed(ubuntu: Archive, key: Key, tmp_path: Path) -> None:
    """For who bisects between two of them, whatever else there is."""
    store = Store(tmp_path / "store", mirror=ubuntu.url, keyring=key.keyring)
    ends = ("ubuntu:noble/6.8.0-31", "ubuntu:noble/6.8.0-45")
    known = store.available(of=ends)
    assert [store.choose(it, known).version for it in ends] == ["6.8.0-31.31", "6.8.0-45.45"]
    assert {it.scheme for it in known} == {"ubuntu:noble/"}


def test_a_release_that_is_not_there(store: Store, ubuntu: Archive) -> None:
    said = f"ubuntu:warty: Ubuntu's archive at {ubuntu.url}/ has nothing of it; choose another, or "
    with pytest.raises(UsageError) as caught:
        store.fetch("ubuntu:warty/2.6")
    assert str(caught.value).startswith(said)


def test_a_tampered_package(ubuntu: Archive, key: Key, tmp_path: Path) -> None:
    """Of which the index was downloaded before."""
    store = Store(tmp_path / "store", mirror=ubuntu.url, keyring=key.keyring)
    path = ubuntu.folder / f"ubuntu/pool/linux-modules-{OWN}_6.8.0-45.45_amd64.deb"
    data = path.read_bytes()
    path.write_bytes(data[:-10] + b"0123456789")
    try:
        with pytest.raises(
            InfrastructureError, match=f"^can't download ubuntu:noble/{OWN}: its che"
        ):
            store.fetch("ubuntu:noble")
    finally:
        path.write_bytes(data)
    assert store.stored() == []


def test_another_key_and_no_network(
    ubuntu: Archive, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Key(tmp_path_factory.mktemp("other"))
    other.close()
    store = Store(tmp_path / "store", mirror=ubuntu.url, keyring=other.keyring)
    said = r"^can't fetch the package index of Ubuntu's archive: its signature can't be verified; "
    with pytest.raises(InfrastructureError, match=f"{said}run: apt-get install ubuntu-keyring "):
        store.fetch("ubuntu:noble")
    store = Store(tmp_path / "store", mirror="http://127.0.0.1:9/ubuntu", keyring=other.keyring)
    said = r"^can't fetch the package index of Ubuntu's archive: no network; .* --mirror URL, or a "
    with pytest.raises(UnreachableError, match=said):
        store.fetch("ubuntu:noble")


@pytest.fixture
def past(tmp_path: Path, key: Key, patch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """A moment of Debian's archive, whose Release files are valid no more."""
    del patch
    with Archive(tmp_path / "www", key) as archive:
        archive.moment, archive.more = DAY, EXPIRED
        archive.add_image("sid", "6.8.12-amd64", "6.8.12-1")
        archive.add_image("bookworm-security", "6.1.0-21-cloud-amd64", "6.1.90-1")
        archive.publish()
        yield archive


def test_a_moment_of_the_past(
    past: Archive, key: Key, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """No word of the suites that were not there then; and its list stays as it is."""
    store = Store(tmp_path / "store", mirror=past.url, keyring=key.keyring)
    with caplog.at_level(logging.WARNING):
        kernel = store.fetch("snapshot:2024-07-01/6.8+amd64")
    assert caplog.messages == []
    assert (kernel.build.release, kernel.build.source) == ("6.8.12-amd64", "snapshot:sid")
    assert store.newest() == ["snapshot:2024-07-01/6.8.12-amd64"]
    monkeypatch.setattr("vm.apt_index.INDEX_AGE_S", 0)
    past.requests.clear()
    kernel = store.fetch(f"snapshot:{DAY}/6.1")
    assert (kernel.build.release, kernel.build.source) == (
        "6.1.0-21-cloud-amd64",
        "snapshot:bookworm-security",
    )
    assert [it for it in past.requests if "/dists/" in it] == []
    with pytest.raises(
        UsageError, match=r"^snapshot:2024-07-02: Debian's snapshot archive at http"
    ):
        store.fetch("snapshot:2024-07-02/6.8")
    assert sorted(it.name for it in (store.folder / "apt/snapshot").iterdir()) == [
        "2024-07-01", "2024-07-02",
    ]  # fmt: skip
    assert [it.name for it in store.prune()][-1] == "package index"
    assert list(store.folder.glob("apt/snapshot/*/state")) == []


def test_only_a_moment_may_be_out_of_date(past: Archive, key: Key, tmp_path: Path) -> None:
    store = Store(tmp_path / "store", mirror=f"{past.url}/{DAY}", keyring=key.keyring)
    with pytest.raises(InfrastructureError, match=r": by its own dates it is not valid "):
        store.fetch("6.8+amd64")


def test_weak_digests_of_the_past_stay_refused(past: Archive, key: Key, tmp_path: Path) -> None:
    past.digest = "SHA1"
    past.publish()
    store = Store(tmp_path / "store", mirror=past.url, keyring=key.keyring)
    with pytest.raises(
        InfrastructureError, match=r"archive: it is signed by digests that are too "
    ):
        store.fetch("snapshot:2024-07-01/6.8+amd64")


def test_a_further_archive_is_a_row(
    ubuntu: Archive, key: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which says what it is laid out like, and its kernels can be had."""
    other = archives.archive("ubuntu:")
    row = msgspec.structs.replace(
        other.row, name="mint", scheme="mint:", called="Mint's archive", part="",
        suites=["noble-updates"], address=ubuntu.url, examples=[],
    )  # fmt: skip
    mint = source_of(archives.Archive(row, other.packaging))
    monkeypatch.setattr(registry, "OURS", (*registry.OURS, mint))
    store = Store(tmp_path / "store", keyring=key.keyring)
    kernel = store.fetch("mint:6.8")
    assert (kernel.build.source, kernel.build.release) == ("mint:noble-updates", OWN)
    assert store.newest() == [f"mint:{OWN}"]


@pytest.mark.skipif(shutil.which("zstd") is None, reason="no zstd to make modules with")
def test_a_real_kernel_of_each_boots(
    ubuntu: Archive, past: Archive, key: Key, tmp_path: Path
) -> None:
    """Its channel is made of modules, so that nothing works without them."""
    real = stored("6.1")
    modules = files_of(real, zstd, ".zst")
    release = "6.1.99-9-generic"
    with_kernel, with_modules = repacked(real, release, modules)
    needs = f"linux-modules-{release}"
    ubuntu.add("noble-updates", f"linux-image-{release}", "6.1.99-9.9", with_kernel, needs)
    ubuntu.add("noble-updates", needs, "6.1.99-9.9", with_modules)
    ubuntu.publish()
    with_kernel, with_modules = repacked(real, real.build.release, modules)
    name, version = f"linux-image-{real.build.release}", "6.1.99-1"
    past.add("sid", name, version, with_kernel | with_modules)
    past.publish()
    names = {"ubuntu:noble/6.1": ubuntu, "snapshot:2024-07-01/6.1.99": past}
    for wish, archive in names.items():
        store = Store(tmp_path / "store", mirror=archive.url, keyring=key.keyring)
        kernel = store.fetch(wish)
        assert kernel.build.sha256 == real.build.sha256
        boots(kernel)


def repacked(
    real: Kernel, release: str, modules: dict[str, bytes | Path]
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The files of a kernel, and those of its modules, under another name of the release."""
    assert real.config is not None
    files = {f"lib/modules/{release}/{name}": it for name, it in modules.items()}
    files[f"boot/config-{release}"] = real.config
    whole = {name: it if isinstance(it, bytes) else it.read_bytes() for name, it in files.items()}
    return {f"boot/vmlinuz-{release}": real.vmlinuz.read_bytes()}, whole
