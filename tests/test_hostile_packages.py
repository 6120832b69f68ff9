# SPDX-License-Identifier: MIT
"""Hostile, broken and wrong inputs: each ends in one line, soon, and leaves nothing."""

import io
import lzma
import os
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from suite import distribution
from suite.cli.main import main
from suite.errors import Exit
from tests.fake_archive import files, image, module
from tests.kernel_packages import Files, lacking, package
from vm import package as packages
from vm import unpack
from vm.bundle import parts
from vm.store import Store

R = "6.8.0-45-generic"
BOOT = f"boot/vmlinuz-{R}"
KERNEL: dict[str, bytes | Path] = {BOOT: image(R)}
SECONDS = 20
"""Each takes a tenth of one; the machine may be busy. A bomb that went off would take minutes."""

needs_zstd = pytest.mark.skipif(lacking("pkg.tar.zst") != "", reason="no bsdtar or no zstd")
needs_rpm = pytest.mark.skipif(lacking("rpm") != "", reason="no rpmbuild or no rpm2archive")
needs_deb = pytest.mark.skipif(lacking("deb") != "", reason="no dpkg-deb")


class Tar:
    """A tar archive that nobody's tool would make."""

    def __init__(self) -> None:
        self._data = io.BytesIO()
        self._tar = tarfile.TarFile(fileobj=self._data, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "",
            **pax: str) -> "Tar":  # fmt: skip
        """Add a member, whatever its name is."""
        member = tarfile.TarInfo(name)
        member.size, member.type, member.linkname = len(content), kind, link
        member.pax_headers = pax
        self._tar.addfile(member, io.BytesIO(content))
        return self

    def write(self, path: Path) -> Path:
        """Write it."""
        self._tar.close()
        path.write_bytes(self._data.getvalue())
        return path


def made(kind: str, *contents: Files) -> Callable[[Path], str]:
    """A maker of packages, which are then joined."""
    return lambda folder: "+".join(
        str(package(kind, folder, f"p{at}", it)) for at, it in enumerate(contents)
    )


def raw(data: bytes, name: str = "x.deb") -> Callable[[Path], str]:
    """A maker of a file."""

    def make(folder: Path) -> str:
        (folder / name).write_bytes(data)
        return str(folder / name)

    return make


def tar(*members: tuple[object, ...]) -> Callable[[Path], str]:
    """A maker of a tar archive."""

    def make(folder: Path) -> str:
        archive = Tar()
        for member in members:
            archive.add(*member)  # type: ignore[arg-type]
        return str(archive.write(folder / "x.tar"))

    return make


def changed(make: Callable[[Path], str], change: Callable[[bytes], bytes]) -> Callable[[Path], str]:
    """A maker of a package whose bytes are then changed."""

    def changes(folder: Path) -> str:
        path = Path(make(folder))
        path.write_bytes(change(path.read_bytes()))
        return str(path)

    return changes


def bomb(folder: Path) -> str:
    """An archive that unpacks to megabytes of nothing."""
    data = lzma.compress(tarfile.TarInfo("x").tobuf() + bytes(40 << 20), preset=0)
    return raw(data, "x.tar.xz")(folder)


def bomb_of_a_module(folder: Path) -> str:
    """A kernel with a module that unpacks to megabytes."""
    bomb = {"fs/a.ko.xz": lzma.compress(bytes(9 << 20), preset=0)}
    return made("deb", {**KERNEL, **files(R, bomb)})(folder)


def special(folder: Path) -> str:
    """A pipe into which nobody writes."""
    os.mkfifo(folder / "x.deb")
    return str(folder / "x.deb")


def zipped(folder: Path) -> str:
    """A zip archive."""
    (folder / "in").mkdir()
    return shutil.make_archive(str(folder / "x"), "zip", folder / "in")


def folder_of(*names: str) -> Callable[[Path], str]:
    """A maker of a folder of files."""

    def make(folder: Path) -> str:
        for name in names:
            (folder / "f" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "f" / name).write_bytes(image(Path(name).name.removeprefix("vmlinuz-")))
        return f"{folder}/f"

    return make


def with_config(config: bytes) -> dict[str, bytes | Path]:
    """A kernel without modules, and its Kconfig."""
    return {BOOT: image(R), f"boot/config-{R}": config}


def beside_image(config: str) -> Callable[[Path], str]:
    """A maker of a folder with an image and its Kconfig, and no modules."""

    def make(folder: Path) -> str:
        (folder / "vmlinuz").write_bytes(image(R))
        (folder / "config").write_text(config)
        return str(folder)

    return make


MODULAR = "CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_CONSOLE=m\n"
PATH = r"/\S+"
deb, rpm, arch = (partial(made, kind) for kind in ("deb", "rpm", "pkg.tar.zst"))
BIG = os.urandom(300_000)
ROWS: dict[str, tuple[Callable[[Path], str], Exit, str]] = {
    # What is no package.
    "nothing": (lambda folder: f"{folder}/x.deb", Exit.USAGE, f"{PATH}x.deb does not exist; .*"),
    "empty": (raw(b""), Exit.USAGE, f"{PATH}x.deb is empty; fetch or build it again"),
    "text": (raw(b"hello"), Exit.USAGE, f"{PATH}x.deb is not a kernel image for .*"),
    "pipe": (special, Exit.USAGE, f"{PATH}x.deb is neither a file nor a folder; .*"),
    "device": (lambda _: "/dev/zero", Exit.USAGE, "/dev/zero is neither a file nor a folder; .*"),
    "zip": (zipped, Exit.USAGE, f"{PATH}x.zip is a zip archive; unpack it and name the folder"),
    "vmlinux": (raw(b"\x7fELF" + bytes(99)), Exit.USAGE, f"{PATH} is an ELF file; give a bzIm.*"),
    "static library": (raw(b"!<arch>\nx.o/"), Exit.USAGE, f"{PATH} is an ar archive and no De.*"),
    "apk of format 3": (raw(b"ADBd"), Exit.USAGE, f"{PATH} is an apk of format 3: unpack it .*"),
    "image without a release": (
        raw(image("")), Exit.USAGE, f"{PATH} is a kernel image for x86_64 that does not tell .*",
    ),
    "image called as a path": (
        raw(image("../../x")), Exit.USAGE, f"{PATH} calls itself '../../x', which is no release.*",
    ),
    "folder of packages": (
        folder_of("a.deb", "b.deb"), Exit.USAGE,
        f"{PATH} holds packages and no kernel; name those of one kernel, joined by .*/f/a.deb",
    ),
    "folder of two kernels": (
        folder_of("boot/vmlinuz-1", "boot/vmlinuz-2"), Exit.USAGE, f"{PATH} holds 2 kernels .*",
    ),
    # What is joined.
    "second is missing": (
        lambda folder: f"{raw(b'x')(folder)}+no.deb", Exit.USAGE, "no.deb does not exist; .*",
    ),
    "second is an image": (
        lambda folder: f"{raw(image(R), 'v')(folder)}+{folder}/v", Exit.USAGE,
        f"{PATH}/v is no package; only packages are joined by \\+",
    ),
    "two kernels": (
        deb({"boot/vmlinuz-1": image("1.1")}, {"boot/vmlinuz-2": image("2.2")}), Exit.USAGE,
        r"p0.deb, p1.deb: kernels of 2 releases \(1.1, 2.2\); name the packages of one",
    ),
    "modules of another kernel": (
        deb(KERNEL, files("6.9", {"a.ko": module()})), Exit.USAGE,
        f"p0.deb, p1.deb: the modules are of 6.9 and the kernel is {R}; join packages of one build",
    ),
    # Packages of something else.
    "headers": (
        deb({"usr/src/linux-headers/Makefile": b""}), Exit.USAGE,
        "p0.deb: no kernel; name the package with the image .*",
    ),
    "modules only": (
        deb(files(R, {"a.ko": module()})), Exit.USAGE, f"p0.deb: only modules of {R}; name the .*",
    ),
    "of another architecture": (
        deb({BOOT: b"MZ" + bytes(0x400)}), Exit.USAGE,
        f"vmlinuz-{R} of p0.deb is not a kernel image for .*",
    ),
    "rpm of something else": (rpm({"usr/bin/x": b""}), Exit.USAGE, "p0.rpm: no kernel; .*"),
    # What can't be spoken with.
    "channel is a module": (
        deb(with_config(MODULAR.encode())), Exit.USAGE,
        f"{R} has VIRTIO_CONSOLE as modules, and comes without modules; linux-modules-{R} has"
        r" them: join it with \+",
    ),
    "channel is a module of an image": (
        beside_image(MODULAR), Exit.USAGE, f"{R} has VIRTIO_CONSOLE as modules, .* beside the im.*",
    ),
    "no channel": (
        deb(with_config(b"CONFIG_VIRTIO_PCI=y\n")), Exit.USAGE,
        f"{R} has no VIRTIO_CONSOLE, by which its guest is spoken with; build it with .*",
    ),
    # Broken ones.
    "cut deb": (
        changed(deb({BOOT: image(R, BIG)}), lambda it: it[:-9000]), Exit.INFRASTRUCTURE,
        r"p0.deb is broken; fetch it again \(.*\)",
    ),
    "altered deb": (
        changed(deb({BOOT: image(R, BIG)}), lambda it: it[:9000] + b"x" * 9000 + it[18000:]),
        Exit.INFRASTRUCTURE, r"p0.deb is broken; fetch it again \(.*\)",
    ),
    "cut rpm": (
        changed(rpm({BOOT: image(R, BIG)}), lambda it: it[:-9000]), Exit.INFRASTRUCTURE,
        r"p0.rpm is broken; fetch it again \(.*\)",
    ),
    "rpm of a few bytes": (
        raw(b"\xed\xab\xee\xdb" + bytes(200), "x.rpm"), Exit.INFRASTRUCTURE, "x.rpm is broken; .*",
    ),
    "cut pkg.tar.zst": (
        changed(arch({BOOT: image(R, BIG)}), lambda it: it[:-9000]), Exit.INFRASTRUCTURE,
        r"p0.pkg.tar.zst is broken; fetch it again \(.*\)",
    ),
    "cut apk": (
        changed(made("apk", {BOOT: image(R, BIG)}), lambda it: it[:-9000]), Exit.INFRASTRUCTURE,
        r"p0.apk is broken; fetch it again \(.*\)",
    ),
    "cut tar": (
        changed(tar((BOOT, image(R, BIG))), lambda it: it[:99_999]), Exit.INFRASTRUCTURE,
        r"x.tar is broken; fetch it again \(.*\)",
    ),
    "noise that zstd is said to be": (
        raw(b"\x28\xb5\x2f\xfd" + BIG, "x.zst"), Exit.INFRASTRUCTURE, "x.zst is broken; .*",
    ),
    "broken module": (
        deb({**KERNEL, **files(R, {"fs/a.ko.xz": lzma.compress(module())[:-9]})}),
        Exit.INFRASTRUCTURE, "module a.ko.xz is broken; fetch its kernel again .*",
    ),
    # Hostile ones.
    "absolute name": (tar(("/boot/vmlinuz-1", image("1"))), Exit.USAGE, "x.tar: no kernel; .*"),
    "name that leads out": (
        tar((f"../../{BOOT}", image(R)), (f"boot/../{BOOT}", image(R))), Exit.USAGE, ".*: no k.*",
    ),
    "image is a link out": (
        tar((BOOT, b"", tarfile.SYMTYPE, "/etc/passwd")), Exit.USAGE, "x.tar: no kernel; .*",
    ),
    "image is a hard link out": (
        tar((BOOT, b"", tarfile.LNKTYPE, "/etc/passwd")), Exit.USAGE, "x.tar: no kernel; .*",
    ),
    "image is a device": (tar((BOOT, b"", tarfile.BLKTYPE)), Exit.USAGE, "x.tar: no kernel; .*"),
    "module under a module": (
        tar((BOOT, image(R)), (f"lib/modules/{R}/a.ko", module()),
            (f"lib/modules/{R}/a.ko/b.ko", module())),
        Exit.INFRASTRUCTURE, r"x.tar is broken; fetch it again \(it holds b.ko as no file can .*",
    ),
    "name that is too long": (
        tar((BOOT, image(R)), (f"lib/modules/{R}/{'a' * 300}.ko", module())),
        Exit.INFRASTRUCTURE, r"x.tar is broken; fetch it again \(it holds a+.ko as no file can .*",
    ),
    "header of megabytes": (
        tar(("x" * (3 << 20), b""), (BOOT, image(R))), Exit.INFRASTRUCTURE,
        r"x.tar is broken; fetch it again \(a file's header has more than 1 MiB\)",
    ),
    "many headers": (
        raw(b"".join(tarfile.TarInfo("x").tobuf() for _ in range(1100)), "x.tar"),
        Exit.INFRASTRUCTURE, "x.tar holds more than 1000 files: no kernel",
    ),
    "bomb": (
        bomb, Exit.INFRASTRUCTURE, "x.tar.xz unpacks to more than 0 GiB: no kernel has so much",
    ),
    "image of a terabyte": (
        changed(tar((BOOT, image(R))), lambda it: _resized(it, 1 << 40)), Exit.INFRASTRUCTURE,
        r"x.tar is (broken; fetch it again .*|too large for a kernel .*)",
    ),
    "module that is a bomb": (
        bomb_of_a_module,
        Exit.INFRASTRUCTURE, "module a.ko.xz unpacks to more than 8 MiB: that is no module",
    ),
    "name that speaks to the terminal": (
        raw(b"x", "\x1b[31m.deb"), Exit.USAGE, r"\S+\\u001b\[31m.deb is not a kernel image for .*",
    ),
}  # fmt: skip


def _resized(data: bytes, size: int) -> bytes:
    """A tar archive whose first member is said to have a size."""
    member = tarfile.TarInfo.frombuf(data[:512], "utf-8", "strict")
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT) + data[512:]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Limits that are soon reached, and a store of our own."""
    monkeypatch.setattr(packages, "STREAM_LIMIT", 32 << 20)
    monkeypatch.setattr(packages, "_MEMBERS_LIMIT", 1000)
    monkeypatch.setattr(unpack, "MODULE_LIMIT", 8 << 20)
    monkeypatch.setenv("LANDPROOF_STORE", str(tmp_path / "store"))


@needs_deb
@needs_rpm
@needs_zstd
@pytest.mark.parametrize("row", ROWS)
def test_input_ends_in_one_line(
    row: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    make, code, said = ROWS[row]
    made_in = tmp_path / "made"
    made_in.mkdir()
    name = make(made_in)
    start = time.monotonic()
    assert main(["kernels", "fetch", f"path:{name}"]) == code
    took = time.monotonic() - start
    out, err = capsys.readouterr()
    request.node.user_properties.append(("seconds", f"{took:.2f}"))
    lines = [line for line in err.splitlines() if ": unpack (" not in line]
    assert len(lines) == 1, err
    assert re.fullmatch(f"landproof: {said}", lines[0]), lines[0]
    assert out == ""
    assert took < SECONDS
    left = tmp_path / "store"
    assert not list(left.glob("kernels/*"))
    assert {path.name for path in tmp_path.iterdir()} <= {"made", "store"}


def test_missing_tool_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = raw(b"\xed\xab\xee\xdb" + bytes(200), "x.rpm")(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["kernels", "fetch", name]) == Exit.INFRASTRUCTURE
    assert capsys.readouterr().err == f"landproof: {distribution.lacking('rpm2archive')}\n"


def test_only_what_booting_needs_is_written_and_under_our_names(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    folder = f"lib/modules/{R}"
    poison = f"{folder}/kernel/fs/x\n../../../../../../../../../{victim}:.ko"
    path = (
        Tar()
        .add(BOOT, image(R))
        .add(f"{folder}/kernel", kind=tarfile.SYMTYPE, link=str(tmp_path))
        .add(f"{folder}/kernel/fs/a.ko", module())
        .add(f"{folder}/kernel/fs/b c.ko", module())
        .add(f"{folder}/kernel/fs/../../../../../../evil.ko", module())
        .add(poison, module())
        .add("etc/passwd", b"x")
        .add(f"{folder}/kernel/fs/sparse.ko", module(), tarfile.GNUTYPE_SPARSE)
        .write(tmp_path / "x.tar")
    )
    kernel = Store().fetch(f"path:{path}")
    assert kernel.modules is not None
    assert [it.name for it in kernel.modules.rglob("*.ko")] == ["a.ko"]
    assert victim.read_text() == "precious"
    assert not any(it.is_symlink() for it in kernel.vmlinuz.parent.rglob("*"))
    assert {it.name for it in tmp_path.iterdir()} == {"victim", "x.tar", "store"}
    assert parts(str(path)) == [path]


def test_nothing_runs_on_after_a_refusal(tmp_path: Path) -> None:
    if lacking("pkg.tar.zst"):
        pytest.skip("needs zstd: apt-get install zstd")
    path = tmp_path / "x.tar.zst"
    bomb = tarfile.TarInfo("x").tobuf() + bytes(64 << 20)
    path.write_bytes(
        subprocess.run(["zstd", "-q"], input=bomb, capture_output=True, check=True).stdout
    )
    assert main(["kernels", "fetch", str(path)]) == Exit.INFRASTRUCTURE
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    named = [Path(f"/proc/{it}/comm").read_text().strip() for it in children]
    assert "zstd" not in named
