# SPDX-License-Identifier: MIT
"""What of a kernel package, or of a modules folder, reaches the store."""

import gzip
import lzma
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from suite.distribution import lacking
from suite.errors import InfrastructureError
from tests.fake_archive import files, image, module
from vm import tools
from vm.unpack import copy_modules, packed, unpack

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")

RELEASE = "6.12.43+deb12-amd64"
MODULES = {
    "fs/plain.ko": module(needs="helper"),
    "fs/xz.ko.xz": lzma.compress(module()),
    "net/gz.ko.gz": gzip.compress(module()),
    "drivers/odd/helper.ko": module(exports="helper"),
    "drivers/odd/other.ko": module(),
}


def deb(folder: Path, content: dict[str, bytes], name: str = "kernel") -> Path:
    root = folder / "root"
    for file, data in content.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(data)
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: amd64\nMaintainer: n\nDescription: n\n"
    )
    path = folder / f"{name}.deb"
    subprocess.run(["dpkg-deb", "-Zgzip", "--build", root, path], check=True, capture_output=True)
    shutil.rmtree(root)
    return path


def modules_of(into: Path) -> list[str]:
    root = into / "lib/modules" / RELEASE / "kernel"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*.ko*"))


@pytest.mark.parametrize("prefix", ["", "usr/"])
def test_all_modules_are_decompressed_and_indexed(tmp_path: Path, prefix: str) -> None:
    content = {
        f"boot/vmlinuz-{RELEASE}": image(RELEASE),
        f"boot/System.map-{RELEASE}": b"x",
        "usr/share/doc/kernel/copyright": b"x",
        f"{prefix}lib/modules/{RELEASE}/modules.builtin": b"kernel/fs/built.ko\n",
        **files(RELEASE, MODULES, prefix),
    }
    into, done = tmp_path / "into", list[int]()
    unpack([deb(tmp_path, content)], into, RELEASE, report=done.append)
    assert (into / "vmlinuz").read_bytes() == image(RELEASE)
    assert modules_of(into) == sorted(
        name.removesuffix(".xz").removesuffix(".gz") for name in MODULES
    )
    assert all(path.read_bytes()[:4] == b"\x7fELF" for path in into.rglob("*.ko"))
    assert (
        "fs/plain.ko: kernel/drivers/odd/helper.ko"
        in (into / "lib/modules" / RELEASE / "modules.dep").read_text()
    )
    assert not list(into.rglob("System.map*"))
    assert not (into / "usr").exists()
    assert done == sorted(done)
    assert not packed(into)


def test_kept_modules_keep_what_they_need(tmp_path: Path) -> None:
    modules = {name: data for name, data in MODULES.items() if not name.endswith(".gz")}
    modules["net/xz.ko.xz"] = MODULES["fs/xz.ko.xz"]
    content = {f"boot/vmlinuz-{RELEASE}": image(RELEASE), **files(RELEASE, modules)}
    unpack([deb(tmp_path, content)], tmp_path / "into", RELEASE, keep=["fs/"])
    assert modules_of(tmp_path / "into") == ["drivers/odd/helper.ko", "fs/plain.ko", "fs/xz.ko"]
    assert not (tmp_path / "into/lib/modules" / RELEASE / "kernel/net").exists()


@pytest.mark.skipif(shutil.which("zstd") is None, reason="needs zstd to compress with")
def test_zstd_modules_of_other_distributions_are_decompressed(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "kernel/fs").mkdir(parents=True)
    (source / "kernel/fs/a.ko").write_bytes(module())
    subprocess.run(["zstd", "-q", "--rm", source / "kernel/fs/a.ko"], check=True)
    (source / "build").symlink_to("/nowhere")
    copy_modules(source, tmp_path / "into", RELEASE, ["fs/"])
    assert modules_of(tmp_path / "into") == ["fs/a.ko"]
    assert packed(source)


def test_package_without_a_kernel_is_named(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"no vmlinuz of 6\.12.* in kernel\.deb"):
        unpack([deb(tmp_path, {"etc/x": b""})], tmp_path / "into", RELEASE)


@pytest.mark.parametrize("keep", [60, 200, -20])
def test_broken_package_is_named(tmp_path: Path, keep: int) -> None:
    content = {f"boot/vmlinuz-{RELEASE}": image(RELEASE, os.urandom(100_000))}
    path = deb(tmp_path, content)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InfrastructureError, match=r"^kernel\.deb is broken; fetch it again"):
        unpack([path], tmp_path / "into", RELEASE)


def test_broken_module_is_named(tmp_path: Path) -> None:
    content = {
        f"boot/vmlinuz-{RELEASE}": image(RELEASE),
        **files(RELEASE, {"fs/a.ko.xz": lzma.compress(module())[:-20]}),
    }
    with pytest.raises(InfrastructureError, match=r"a\.ko\.xz is broken"):
        unpack([deb(tmp_path, content)], tmp_path / "into", RELEASE)


def test_files_outside_of_the_folder_are_not_written(tmp_path: Path) -> None:
    content = {f"boot/vmlinuz-{RELEASE}": image(RELEASE), "etc/passwd": b"x"}
    into = tmp_path / "into"
    unpack([deb(tmp_path, content)], into, RELEASE)
    assert [path.name for path in into.rglob("*")] == ["vmlinuz"]


def test_missing_tool_says_which_package_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(tools, "_ADMIN_PATH", "/nowhere")
    with pytest.raises(InfrastructureError, match=re.escape(lacking("depmod"))):
        tools.tool("depmod")


def test_tools_of_administrators_are_found_by_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert tools.tool("depmod").endswith("/depmod")
