# SPDX-License-Identifier: MIT
"""What can go wrong with the store: nothing half is kept, and one line says what to do."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.errors import InfrastructureError, UsageError
from tests.fake_archive import NEW, Archive, Key, missing_tools
from vm.store import Store
from vm.tools import FullError, UnreachableError

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")

FETCH = "import sys; from vm.store import *; s = Store(Path(sys.argv[1]), mirror=sys.argv[2],"
FETCH += " keyring=Path(sys.argv[3])); print(s.fetch(sys.argv[4]).vmlinuz)"


def debs(archive: Archive) -> list[str]:
    return [path.rpartition("/")[2] for path in archive.requests if path.endswith(".deb")]


def leftovers(store: Store) -> list[Path]:
    return [*store.folder.glob("kernels/*"), *store.folder.glob("work/*/root")]


def test_no_network_at_all_is_one_line(tmp_path: Path, key: Key, archive: Archive) -> None:
    archive.close()
    store = Store(tmp_path / "store", mirror=archive.url, keyring=key.keyring)
    said = r"^can't fetch the package index of Debian's archive: no network; .*$"
    with pytest.raises(UnreachableError, match=said):
        store.available()
    with pytest.raises(UnreachableError, match="no network"):
        store.fetch("6.12")


def test_build_that_left_the_archive_is_looked_up_again(store: Store, archive: Archive) -> None:
    store.available()
    (archive.folder / f"debian/pool/linux-image-{NEW}_6.12.43-1~bpo12+1_amd64.deb").unlink()
    archive.forget("bookworm")
    archive.add_image("bookworm", "6.12.57+deb12-cloud-amd64", "6.12.57-1")
    archive.publish()
    assert store.fetch("6.12").build.version == "6.12.57-1"


def test_unknown_name_says_what_there_is(store: Store) -> None:
    with pytest.raises(UsageError, match=r"'6\.12\.44'; there are: 6\.12\.9, 6\.12\.43$"):
        store.fetch("6.12.44")


@pytest.mark.parametrize("cut", [True, False], ids=["truncated", "altered"])
def test_wrong_package_is_one_line_and_not_stored(
    store: Store, archive: Archive, cut: bool
) -> None:
    path = archive.folder / f"debian/pool/linux-image-{NEW}_6.12.43-1~bpo12+1_amd64.deb"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if cut else data[:-10] + b"0123456789")
    with pytest.raises(InfrastructureError) as caught:
        store.fetch("6.12")
    assert "its checksum is not what the signed index says" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert leftovers(store) == []
    path.write_bytes(data)
    assert store.fetch("6.12").build.release == NEW


def test_index_signed_by_another_key_is_refused(
    archive: Archive, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, key: Key
) -> None:
    other = Key(tmp_path_factory.mktemp("other"))
    try:
        archive.publish(other)
    finally:
        other.close()
    store = Store(tmp_path / "store", mirror=archive.url, keyring=key.keyring)
    with pytest.raises(InfrastructureError, match="signature can't be verified"):
        store.fetch("6.12")


def test_damaged_kernel_is_named_and_mended_by_fetch(store: Store, archive: Archive) -> None:
    kernel = store.fetch("6.12")
    kernel.vmlinuz.write_bytes(b"x")
    with pytest.raises(InfrastructureError) as caught:
        store.get("6.12")
    assert str(caught.value).startswith(f"{kernel.vmlinuz} is damaged")
    assert str(caught.value).endswith("run: landproof kernels fetch 6.12")
    assert store.fetch("6.12") == kernel == store.get("6.12")
    assert len(debs(archive)) == 2


def test_two_processes_fetch_once(tmp_path: Path, store: Store, archive: Archive, key: Key) -> None:
    command = [
        sys.executable,
        "-c",
        FETCH,
        *map(str, (store.folder, archive.url, key.keyring)),
        "6.12",
    ]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    assert said[0][0] == said[1][0] == f"{store.get('6.12').vmlinuz}\n"
    assert len(debs(archive)) == 1


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_interrupted_fetch_leaves_no_kernel_and_starts_clean(
    store: Store, archive: Archive, key: Key, sign: signal.Signals
) -> None:
    archive.stall = "linux-image-6.12.43"
    command = [
        sys.executable,
        "-c",
        FETCH,
        *map(str, (store.folder, archive.url, key.keyring)),
        "6.12",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert archive.stalled.wait(30)
        process.send_signal(sign)
        process.communicate(timeout=20)
    assert process.returncode != 0
    if sign == signal.SIGINT:
        assert [line for line in commands() if str(store.folder) in line] == []
    assert leftovers(store) == []
    archive.stall = ""
    assert store.fetch("6.12").build.release == NEW


def commands() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # it has ended
    return found


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m,mode=755", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("compressible", [True, False], ids=["unpacking", "downloading"])
def test_full_disk_is_one_line(
    small_disk: Path, archive: Archive, key: Key, compressible: bool
) -> None:
    filler = bytes(4 << 20) if compressible else os.urandom(4 << 20)
    archive.add_image("bookworm", "6.13.1-cloud-amd64", "6.13.1-1", filler=filler)
    archive.publish()
    store = Store(small_disk, mirror=archive.url, keyring=key.keyring)
    with pytest.raises(FullError) as caught:
        store.fetch("6.13")
    assert "no room left" in str(caught.value)
    assert "LANDPROOF_STORE" in str(caught.value)
    assert list(store.folder.glob("kernels/*")) == []


def test_store_in_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=f"{tmp_path}/file is no folder"):
        Store(tmp_path / "file").fetch("6.12")
