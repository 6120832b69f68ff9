# SPDX-License-Identifier: MIT
"""Kernels in packages of every distribution, in folders, in build trees, and installed ones."""

import lzma
import shutil
from pathlib import Path

import pytest

from suite.cli.main import main
from suite.cli.preparing import Preparation
from suite.cli.progress import RunProgress
from suite.errors import Exit, InfrastructureError, UsageError
from tests.fake_archive import image, module
from tests.kernel_packages import TOOLS, deb, files_of, lacking, layout, package, rpm, zstd
from tests.kernels import stored
from tests.machines import boots
from vm import bundle
from vm import names as names_of
from vm.channel import package_of_modules
from vm.installed import installed
from vm.kernel import Kernel
from vm.local import path_kernel
from vm.store import Progress, Store

RELEASE = "6.8.0-45-generic"
CONFIG = b"CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_CONSOLE=m\n"
KINDS = tuple(TOOLS)


def needs(kind: str) -> None:
    if tool := lacking(kind):
        pytest.skip(f"no {tool} to make or read a {kind}")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store, which is the one that is taken."""
    monkeypatch.setenv("LANDPROOF_STORE", str(tmp_path / "store"))
    return Store()


def made(kind: str, into: Path) -> str:
    """Packages of a made-up kernel, as they are named."""
    modules = {"kernel/fs/a.ko.xz": lzma.compress(module()), "modules.builtin": b""}
    parts = layout(kind, RELEASE, image(RELEASE), CONFIG, modules)
    return "+".join(str(package(kind, into, name, files)) for name, files in parts)


@pytest.mark.parametrize("kind", KINDS)
def test_packages_are_stored_once_by_what_they_hold(
    kind: str, store: Store, tmp_path: Path
) -> None:
    needs(kind)
    name = f"path:{made(kind, tmp_path)}"
    kernel = store.fetch(name)
    assert (kernel.build.name, kernel.build.release) == (name, RELEASE)
    assert kernel.vmlinuz.read_bytes() == image(RELEASE)
    assert kernel.modules == kernel.vmlinuz.parent / "lib/modules" / RELEASE
    assert (kernel.modules / "kernel/fs/a.ko").read_bytes() == module()
    assert (kernel.config is None) == (kind == "pkg.tar.zst")
    before = kernel.vmlinuz.stat().st_ino
    assert store.fetch(name).vmlinuz.stat().st_ino == before
    assert store.get(name).vmlinuz == kernel.vmlinuz
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = [str(shutil.move(part, elsewhere)) for part in name.removeprefix("path:").split("+")]
    assert store.get(f"path:{'+'.join(moved)}").vmlinuz == kernel.vmlinuz
    assert not list(store.folder.glob("work/*"))


def test_stored_packages_are_listed_had_and_pruned(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made("apk", tmp_path)
    needs("apk")
    assert main(["kernels", "fetch", f"mine={path}"]) == Exit.CONFORMS
    (told,) = [it for it in capsys.readouterr().err.splitlines() if "unpack" in it]
    assert told.startswith("mine: unpack (")  # the path may have hundreds of characters
    Path(path).unlink()
    nowhere = f"--mirror=file:{tmp_path}/none"
    assert main(["kernels", "list", nowhere]) == Exit.CONFORMS
    row = capsys.readouterr().out.splitlines()[2].split()
    assert row[:4] == ["path:6.8", RELEASE, RELEASE, "linux-virt"]
    for name in (f"path:{RELEASE}", "path:6.8"):
        assert store.get(name).build.release == RELEASE
    with pytest.raises(InfrastructureError, match=r"^kernel path:6\.9 is not in "):
        store.get("path:6.9")
    with pytest.raises(UsageError, match=r"/6\.9 does not exist; give path: a vmlinuz, a package"):
        store.fetch("path:6.9")
    assert store.prune(store.newest()) == []
    assert next(item.name for item in store.prune()) == RELEASE


def test_a_run_tells_of_a_fetch_by_the_label(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    needs("apk")
    shown: list[tuple[str, Progress]] = []

    class Shows(RunProgress):
        def fetched(self, target: str, news: Progress) -> None:
            shown.append((target, news))
            super().fetched(target, news)

    with Shows(["vm:mine"], 1) as progress:
        prepared = Preparation(store, "tcg", progress)
        prepared.look({"mine": f"path:{made('apk', tmp_path)}"}, refresh=False)
        prepared.finish()
    assert prepared.ready["mine"].build.release == RELEASE
    assert {(target, news.name) for target, news in shown} == {("vm:mine", "mine")}
    assert str(tmp_path) not in capsys.readouterr().err


@pytest.mark.skipif(lacking("deb") != "", reason="no dpkg-deb")
def test_packages_that_changed_are_unpacked_anew(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    first = store.fetch(f"path:{package('deb', folder, 'linux', {'boot/vmlinuz': image('6.8.1')})}")
    again = {"boot/vmlinuz": image("6.8.1", b"rebuilt")}
    second = store.fetch(f"path:{package('deb', folder, 'linux', again)}")
    assert first.vmlinuz != second.vmlinuz
    assert second.vmlinuz.read_bytes().endswith(b"rebuilt")
    assert second.modules is None


@pytest.mark.parametrize("compression", ["gzip", "xz", "zstd"])
def test_debian_packages_of_every_compression_are_read(tmp_path: Path, compression: str) -> None:
    needs("deb")
    (tmp_path / "root/boot").mkdir(parents=True)
    (tmp_path / "root/boot/vmlinuz-1").write_bytes(image("1.2.3"))
    deb(tmp_path / "root", tmp_path / "a.deb", "linux", compression)
    assert bundle.look_into([tmp_path / "a.deb"]).release == "1.2.3"


@pytest.mark.parametrize("payload", ["w6.gzdio", "w2.xzdio", "w3.zstdio"])
def test_rpms_of_every_compression_are_read(tmp_path: Path, payload: str) -> None:
    needs("rpm")
    (tmp_path / "root/lib/modules/1.2.3").mkdir(parents=True)
    (tmp_path / "root/lib/modules/1.2.3/vmlinuz").write_bytes(image("1.2.3"))
    rpm(tmp_path / "root", tmp_path / "a.rpm", "linux", payload)
    assert bundle.look_into([tmp_path / "a.rpm"]).release == "1.2.3"


def test_a_plus_in_a_name_joins_nothing_that_exists(tmp_path: Path) -> None:
    one, two, both = (tmp_path / name for name in ("a+b.deb", "c", "a+b.deb+c"))
    one.touch()
    assert bundle.parts(f"{one}") == [one]
    with pytest.raises(UsageError, match=r"^c does not exist; give files, as A\+B$"):
        bundle.parts(f"{one}+c")
    two.touch()
    assert bundle.parts(f"{one}+{two}+{one}") == [one, two, one]
    (tmp_path / "a+b.deb+").touch()
    both.touch()
    assert bundle.parts(str(both)) == [both]


# What they are called.


def test_packages_are_called_by_the_first_of_them(store: Store, tmp_path: Path) -> None:
    for name in ("linux_1.deb", "modules.deb", "kernel-core-6.12-1.fc40.x86_64.rpm"):
        (tmp_path / name).touch()
    pair = f"{tmp_path}/linux_1.deb+{tmp_path}/modules.deb"
    texts = [pair, f"old={pair}", f"{tmp_path}/kernel-core-6.12-1.fc40.x86_64.rpm"]
    assert names_of.called(texts, store) == {
        "linux_1": f"path:{pair}",
        "old": f"path:{pair}",
        "kernel-core-6.12-1.fc40.x86_64": f"path:{texts[2]}",
    }


def test_a_file_in_the_current_folder_needs_no_slash(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("linux.deb", "m.deb", "6.12", "host"):
        (tmp_path / name).touch()
    texts = ["linux.deb", "mine=linux.deb+m.deb", "6.12", "host"]
    assert names_of.called(texts, store) == {
        "linux": "path:linux.deb", "mine": "path:linux.deb+m.deb", "6.12": "6.12", "host": "host",
    }  # fmt: skip


# Folders and trees.


def tree(folder: Path, *, order: str, release: str = "6.8.0-mine") -> Path:
    """A build tree as the kernel's build leaves it."""
    (folder / "arch/x86/boot").mkdir(parents=True)
    (folder / "arch/x86/boot/bzImage").write_bytes(image(release))
    (folder / "kernel").mkdir()
    (folder / ".config").write_bytes(CONFIG)
    for name in ("drivers/char/virtio_console.ko", "fs/stale.ko", "kernel/torture.ko"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(module())
    (folder / "modules.order").write_text(order)
    (folder / "modules.builtin").write_text("drivers/virtio/virtio_pci.ko\n")
    return folder


@pytest.mark.parametrize(
    "order",
    [
        "drivers/char/virtio_console.o\nkernel/torture.o\n/etc/passwd.o\n../x.o\nnot/built.o\n",
        "drivers/char/virtio_console.ko\nkernel/torture.ko\n",
        "kernel/drivers/char/virtio_console.ko\nkernel/kernel/torture.ko\n",
    ],
    ids=["6.2", "5.3", "5.2"],
)
@pytest.mark.parametrize("where", ["", "arch/x86/boot/bzImage"])
def test_modules_of_a_build_tree_are_those_that_it_lists(
    store: Store, tmp_path: Path, order: str, where: str
) -> None:
    name = f"path:{tree(tmp_path / 'linux', order=order) / where}"
    kernel = store.fetch(name)
    assert kernel.modules is not None
    found = sorted(str(path.relative_to(kernel.modules)) for path in kernel.modules.rglob("*.ko"))
    assert found == ["kernel/drivers/char/virtio_console.ko"]  # what nobody needs is left out
    builtin = (kernel.modules / "modules.builtin").read_text()
    assert builtin == "kernel/drivers/virtio/virtio_pci.ko\n"
    assert (kernel.modules / "modules.dep").exists()


def test_modules_of_another_release_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    linux = tree(tmp_path / "linux", order="drivers/char/virtio_console.o\n")
    (linux / "include/config").mkdir(parents=True)
    (linux / "include/config/kernel.release").write_text("6.9.0-mine\n")
    with pytest.raises(UsageError, match=r"^6\.8\.0-mine has VIRTIO_CONSOLE as modules, and comes"):
        path_kernel(f"path:{linux}")
    assert "the modules are of 6.9.0-mine, and the image of 6.8.0-mine" in caplog.text


def test_installed_kernels_are_all_of_them_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {
        "boot/vmlinuz-6.12.9": "6.12.9", "boot/vmlinuz-0-rescue": "6.12.9",
        "boot/vmlinuz-6.12.10": "6.12.10", "usr/lib/modules/6.8.1-arch1-1/vmlinuz": "6.8.1-arch1-1",
        "usr/lib/modules/6.12.9/vmlinuz": "6.12.9",
    }  # fmt: skip
    for path, release in places.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(image(release))
    found = [str(path.relative_to(tmp_path)) for path in installed(tmp_path)]
    assert found[0] == "usr/lib/modules/6.8.1-arch1-1/vmlinuz"
    assert found[1:] == ["boot/vmlinuz-0-rescue", "boot/vmlinuz-6.12.10"]
    monkeypatch.setattr(names_of, "installed", lambda: installed(tmp_path))
    assert list(names_of.called(["installed", "7.3"], store)) == [
        "own-6.8.1-arch1-1", "vmlinuz-0-rescue", "vmlinuz-6.12.10", "7.3",
    ]  # fmt: skip
    with pytest.raises(UsageError, match=r"^installed means 3 kernels here, and mine can call one"):
        names_of.called(["mine=installed"], store)


@pytest.mark.parametrize(
    ("release", "said"),
    [
        ("6.8.0-45-generic", "linux-modules-6.8.0-45-generic has them"),
        ("6.11.0-1018-azure", "linux-modules-6.11.0-1018-azure has them"),
        ("5.14.0-611.5.1.el9_7.x86_64", "kernel-modules-core-5.14.0-611.5.1.el9_7.x86_64 has them"),
        ("6.12.7-200.fc41.x86_64", "kernel-modules-core-6.12.7-200.fc41.x86_64 has them"),
        ("6.4.0-150600.21-default", "kernel-default of 6.4.0-150600.21-default has them"),
        (
            "6.1.0-50-amd64",
            "linux-image-6.1.0-50-amd64 has them, or linux-modules-6.1.0-50-amd64 where there is"
            " one",
        ),
        (
            "7.3.0-rc1+",
            "they are built by make modules, or in the package that has lib/modules/7.3.0-rc1+",
        ),
    ],
)
def test_the_package_that_has_the_modules_is_named_as_its_distribution_does(
    release: str, said: str
) -> None:
    assert package_of_modules(release) == said


# Real kernels.


@pytest.fixture(scope="module")
def real() -> Kernel:
    """A kernel whose channel is made of modules, so that nothing works without them."""
    kernel = stored("6.1")
    assert kernel.config is not None
    assert "CONFIG_VIRTIO_CONSOLE=m" in kernel.config.read_text()
    return kernel


@pytest.fixture(scope="module")
def known() -> set[str]:
    """What machines that have booted are made of."""
    return set()


def packages_of(real: Kernel, like: str, into: Path) -> list[Path]:
    """A real kernel as a distribution lays it out."""
    kind = "rpm" if like in ("rhel", "opensuse") else like
    needs(kind)
    assert real.config is not None
    packed, suffix = (zstd, ".zst") if like not in ("rpm", "rhel") else (lzma.compress, ".xz")
    modules = files_of(real, packed, suffix)
    parts = layout(like, real.build.release, real.vmlinuz, real.config, modules)
    return [package(kind, into, name, files) for name, files in parts]


def test_modules_of_rhel_are_in_two_packages(real: Kernel, store: Store, tmp_path: Path) -> None:
    paths = packages_of(real, "rhel", tmp_path)
    assert [path.name.partition(real.build.release)[0] for path in paths] == [
        "kernel-core-", "kernel-modules-core-", "kernel-modules-",
    ]  # fmt: skip
    kernel = store.fetch(f"path:{'+'.join(map(str, paths))}")
    assert (kernel.build.sha256, kernel.build.release) == (real.build.sha256, real.build.release)
    assert kernel.modules is not None
    assert real.modules is not None
    assert real.config is not None
    assert kernel.config is not None
    assert kernel.config.read_bytes() == real.config.read_bytes()
    for name in files_of(real, bytes, ""):
        assert (kernel.modules / name).read_bytes() == (real.modules / name).read_bytes()


@pytest.mark.parametrize("like", [*KINDS, "opensuse"])
def test_real_packages_boot(
    like: str, real: Kernel, store: Store, tmp_path: Path, known: set[str]
) -> None:
    paths = packages_of(real, like, tmp_path)
    kernel = store.fetch(f"path:{'+'.join(map(str, paths))}")
    assert kernel.build.sha256 == real.build.sha256
    boots(kernel, known)
    assert len(known) == 1  # whoever packed it, the guest is given the same


def test_a_real_build_tree_boots(
    real: Kernel, store: Store, tmp_path: Path, known: set[str]
) -> None:
    linux = tmp_path / "linux"
    (linux / "arch/x86/boot").mkdir(parents=True)
    (linux / "arch/x86/boot/bzImage").symlink_to(real.vmlinuz)
    assert real.config is not None
    shutil.copy(real.config, linux / ".config")
    modules = {name: path for name, path in files_of(real, bytes, "").items() if ".ko" in name}
    for name, content in modules.items():
        path = linux / name.removeprefix("kernel/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    order = [f"{name.removeprefix('kernel/').removesuffix('.ko')}.o\n" for name in modules]
    (linux / "modules.order").write_text("".join(order))
    boots(store.fetch(f"path:{linux}"), known)
