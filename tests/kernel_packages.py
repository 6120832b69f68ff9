# SPDX-License-Identifier: MIT
"""Packages of kernels as distributions lay them out, made with the distributions' own tools."""

import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from gzip import compress
from pathlib import Path

from vm.kernel import Kernel

TOOLS = {"deb": "dpkg-deb", "rpm": "rpmbuild", "pkg.tar.zst": "bsdtar", "apk": "bsdtar"}
"""What makes each kind of package."""
READERS = {"rpm": "rpm2archive", "pkg.tar.zst": "zstd"}
"""What unpacks it, if that is another tool."""


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    to: str


File = bytes | Path | Link
"""What is in a package: its content, or where that is, or a link."""
Files = Mapping[str, File]
"""By their paths in it."""

CHANNEL = ("drivers/virtio/", "drivers/char/virtio_console")
"""Modules that a machine can't be spoken with without."""

_SPEC = """\
Name: {name}
Version: 1
Release: 1
Summary: a kernel
License: GPL-2.0-only
AutoReqProv: no
%global debug_package %{{nil}}
%global __os_install_post %{{nil}}
%global _binary_payload {payload}
%description
A kernel.
%install
cp -a {root}/. %{{buildroot}}
%files
{files}
"""


def lacking(kind: str) -> str:
    """The tool that a kind of package needs and this machine lacks; empty if it has all."""
    needed = [TOOLS[kind], READERS.get(kind, TOOLS[kind])]
    return next((name for name in needed if shutil.which(name) is None), "")


def package(kind: str, into: Path, name: str, files: Files) -> Path:
    """Make a package of a kind."""
    root = into / f"{name}.root"
    shutil.rmtree(root, ignore_errors=True)
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            (root / path).symlink_to(content.to)
        else:
            whole = content if isinstance(content, bytes) else content.read_bytes()
            (root / path).write_bytes(whole)
    made = into / f"{name}.{kind}"
    _MAKERS[kind](root, made, name)
    shutil.rmtree(root)
    return made


def deb(root: Path, into: Path, name: str, compression: str = "xz") -> None:
    """Make a Debian package of a folder; Ubuntu compresses with zstd."""
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: amd64\nMaintainer: n\nDescription: n\n"
    )
    _run("dpkg-deb", f"-Z{compression}", "-z1", "--root-owner-group", "--build", root, into)


def rpm(root: Path, into: Path, name: str, payload: str = "w3.zstdio") -> None:
    """Make an rpm of a folder; Fedora compresses with zstd, older ones with xz or gzip."""
    spec = into.with_suffix(".spec")
    files = [f'"/{p.relative_to(root)}"' for p in sorted(root.rglob("*")) if not p.is_dir()]
    spec.write_text(_SPEC.format(name=name, root=root, payload=payload, files="\n".join(files)))
    top = into.with_suffix(".top")
    _run("rpmbuild", "-bb", "--quiet", "--target", "x86_64", "-D", f"_topdir {top}",
         "-D", f"_rpmdir {top}", "-D", "_rpmfilename made.rpm", spec)  # fmt: skip
    (top / "made.rpm").rename(into)
    shutil.rmtree(top)
    spec.unlink()


def pacman(root: Path, into: Path, name: str) -> None:
    """Make a package of Arch of a folder."""
    (root / ".PKGINFO").write_text(f"pkgname = {name}\npkgver = 1-1\narch = x86_64\n")
    (root / ".MTREE").write_bytes(compress(b"#mtree\n"))
    _run("bsdtar", "--zstd", "-cf", into, "-C", root, ".MTREE", ".PKGINFO", *_tops(root))


def apk(root: Path, into: Path, name: str) -> None:
    """Make a package of Alpine of a folder: a signature, what it is, and the files."""
    info = f"pkgname = {name}\npkgver = 1-r0\narch = x86_64\n".encode()
    _run("bsdtar", "--gzip", "-cf", into, "-C", root, *_tops(root))
    parts = [_part(".SIGN.RSA.nobody.rsa.pub", b"x"), _part(".PKGINFO", info)]
    into.write_bytes(b"".join([*parts, into.read_bytes()]))


_MAKERS: Mapping[str, Callable[[Path, Path, str], None]] = {
    "deb": deb, "rpm": rpm, "pkg.tar.zst": pacman, "apk": apk,
}  # fmt: skip


def _part(name: str, content: bytes) -> bytes:
    """The beginning of an apk: a tar archive without its end, compressed by itself."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    padding = bytes(-len(content) % tarfile.BLOCKSIZE)
    return compress(member.tobuf() + io.BytesIO(content).read() + padding)


def _tops(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if not path.name.startswith("."))


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"


def layout(kind: str, release: str, image: bytes | Path, config: bytes | Path, modules: Files,
           ) -> list[tuple[str, dict[str, File]]]:  # fmt: skip
    """The packages of a kernel as a distribution with this kind lays them out, by their names.

    Args:
        kind: ``deb`` is Ubuntu, ``rpm`` Fedora, ``pkg.tar.zst`` Arch, ``apk`` Alpine; and two with
            rpms, ``rhel`` and ``opensuse``.
        release: As uname(2) says it.
        image: The bzImage.
        config: Its Kconfig.
        modules: By their names below ``lib/modules/RELEASE``.

    Source: the lists of files of linux-image-unsigned and linux-modules (Ubuntu 24.04), kernel-core
    and kernel-modules-core (Fedora 40), linux (Arch), linux-virt (Alpine 3.20), kernel-core,
    kernel-modules-core and kernel-modules (RHEL 9), kernel-default (openSUSE Tumbleweed).
    """
    folder = f"lib/modules/{release}"
    below: dict[str, File] = {f"{folder}/{name}": content for name, content in modules.items()}
    match kind:
        case "deb":
            return [
                (f"linux-image-unsigned-{release}", {f"boot/vmlinuz-{release}": image}),
                (f"linux-modules-{release}", {f"boot/config-{release}": config, **below}),
            ]
        case "rpm":
            core: dict[str, File] = {f"{folder}/vmlinuz": image, f"{folder}/config": config}
            return [(f"kernel-core-{release}", core), (f"kernel-modules-core-{release}", below)]
        case "rhel":
            core = {
                f"{folder}/vmlinuz": image, f"{folder}/.vmlinuz.hmac": b"0  vmlinuz\n",
                f"{folder}/config": config, f"{folder}/System.map": b"",
            }  # fmt: skip
            first = {it: below[it] for it in below if "/virtio_console" not in it}
            rest = {it: below[it] for it in below if it not in first}
            return [(f"kernel-core-{release}", core), (f"kernel-modules-core-{release}", first),
                    (f"kernel-modules-{release}", rest)]  # fmt: skip
        case "opensuse":
            usr = {f"usr/{name}": content for name, content in below.items()}
            links: dict[str, File] = {
                f"boot/vmlinuz-{release}": Link(f"../usr/{folder}/vmlinuz"),
                f"boot/config-{release}": Link(f"../usr/{folder}/config"),
                f"boot/.vmlinuz-{release}.hmac": Link(f"../usr/{folder}/.vmlinuz.hmac"),
            }
            whole: dict[str, File] = {
                f"usr/{folder}/vmlinuz": image, f"usr/{folder}/.vmlinuz.hmac": b"0  vmlinuz\n",
                f"usr/{folder}/config": config,
            }  # fmt: skip
            return [(f"kernel-default-{release}", {**whole, **usr, **links})]
        case "pkg.tar.zst":
            usr = {f"usr/{name}": content for name, content in below.items()}
            return [("linux", {f"usr/{folder}/vmlinuz": image, **usr})]
        case _:
            boot: dict[str, File] = {"boot/vmlinuz-virt": image, f"boot/config-{release}": config}
            return [("linux-virt", {**boot, **below})]


def files_of(
    kernel: Kernel, packed: Callable[[bytes], bytes], suffix: str
) -> dict[str, bytes | Path]:
    """What the channel of a real kernel needs of its modules, compressed as a distribution does."""
    assert kernel.modules is not None
    found: dict[str, bytes | Path] = {
        name: kernel.modules / name for name in ("modules.order", "modules.builtin")
    }
    for path in sorted(kernel.modules.rglob("*.ko")):
        name = str(path.relative_to(kernel.modules))
        if name.removeprefix("kernel/").startswith(CHANNEL):
            found[f"{name}{suffix}"] = packed(path.read_bytes())
    return found


def zstd(data: bytes) -> bytes:
    """Compress as Ubuntu and Arch do."""
    return subprocess.run(["zstd", "-q"], input=data, capture_output=True, check=True).stdout
