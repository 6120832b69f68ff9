# SPDX-License-Identifier: MIT
"""File systems as a dimension of cases: ids, modules, mounts that are made once or told why not."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import SimpleNamespace
from typing import cast

import pytest

from suite.errors import InfrastructureError
from suite.judge.outcome import Allowed, Denied, Outcome
from suite.judge.records import KernelBuild
from suite.process.process import Process
from suite.process.session import Session
from suite.run.rows import Row, filesystems, table
from suite.targets import mounting as under_test
from suite.targets.base import Ground, Target
from suite.targets.disks import MissingError
from suite.targets.filesystems import FileSystem
from suite.targets.local import LocalTarget
from suite.targets.modules import load_modules
from suite.targets.mounting import lay_tree, mounted
from suite.targets.tree import CONTENT, Tree, lay_on_host
from tests.kernels import FULL
from tests.machines import usual
from tests.runs import wait_until
from vm import initramfs
from vm.kernel import Kernel
from vm.target import VmTarget

pytest_plugins = ["pytester"]
BLOCK_DEVICES = Path("/sys/block")

CASES = """
from suite.case import FileSystem, filesystems
from suite.run.rows import Row, table

@filesystems(FileSystem.TMPFS, FileSystem.OVERLAY_LOWER)
@table({"row": Row(), "other-row": Row()})
def test_with_a_table(case, tree):
    pass

@filesystems(FileSystem.EXT4)
def test_without_a_table(tree):
    pass

def test_of_before(tree):
    pass
"""


def test_ids_are_permanent() -> None:
    """Results of two years compare: add to these, change none."""
    assert {fs.id for fs in FileSystem} >= {
        "tmpfs", "ramfs", "ext4", "btrfs", "xfs", "f2fs", "vfat", "overlay", "overlay-lower",
        "overlay-merged", "bind", "fuse", "virtio-9p", "virtio-9p-uncached",
        "proc", "sysfs", "cgroup2", "hugetlbfs", "devtmpfs",
        "exfat", "ntfs3", "erofs", "squashfs", "nfs", "ecryptfs",
    }  # fmt: skip


def test_the_file_system_is_the_last_part_of_an_id(pytester: pytest.Pytester) -> None:
    area = pytester.mkdir("area")
    (area / "test_mini.py").write_text(CASES)
    plain = ("-p", "suite.run.plugin", "-p", "no:cacheprovider", "--target", "local")
    items, _ = pytester.inline_genitems(*plain)
    from suite.run.rows import case_id  # noqa: PLC0415 (rows is imported anew by the plugin)

    assert [case_id(item) for item in items] == [
        "area/mini[row-tmpfs]",
        "area/mini[row-overlay-lower]",
        "area/mini[other-row-tmpfs]",
        "area/mini[other-row-overlay-lower]",
        "area/mini[without-a-table-ext4]",
        "area/mini[of-before]",
    ]


def test_the_table_comes_first() -> None:
    def function(case: Row, tree: object) -> None: ...

    with pytest.raises(TypeError, match="above @table"):
        table({"row": Row()})(filesystems(FileSystem.EXT4)(function))


class Modular(LocalTarget):
    """A kernel whose modules are what they are called."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def modules(self, name: str) -> Iterator[bytes]:
        """One that it needs, and itself."""
        self.asked.append(name)
        yield b"what %s needs" % name.encode()
        yield name.encode()


@dataclass
class Seen:
    """What was observed."""

    outcome: Outcome


class Loader:
    """A process that only loads modules, and may be particular about their signatures."""

    def __init__(self, *refused: bytes) -> None:
        self.loaded: list[bytes] = []
        self._refused = refused

    def observe(self, action: object, image: bytes) -> Seen:
        """Note what is loaded."""
        assert action is Process.init_module
        if image in self._refused:
            return Seen(Denied("ENOKEY"))
        self.loaded.append(image)
        return Seen(Allowed())


def bare_ground(root: object, session: object = None, *, private: bool = True) -> Ground:
    place = "/tmp/x"  # noqa: S108
    process = cast(Process, root)
    return Ground(cast(Session, session), process, process, place, place, private, FULL)


def test_modules_are_loaded_in_their_order_and_once(session: Session) -> None:
    target, loader = Modular(), Loader()
    ground = bare_ground(loader, session)
    load_modules(("loop", "xfs"), ground, target)
    load_modules(("xfs", "ext4"), ground, target)
    assert target.asked == ["loop", "xfs", "ext4"]
    assert loader.loaded == [
        b"what loop needs", b"loop", b"what xfs needs", b"xfs", b"what ext4 needs", b"ext4",
    ]  # fmt: skip


SIGNED = (
    b"code" + b"signature" + bytes(8) + (9).to_bytes(4, "big") + b"~Module signature appended~\n"
)


@pytest.mark.parametrize(("refused", "loaded"), [((), b"code"), ((b"code",), SIGNED)])
def test_a_signature_is_left_out_where_none_is_asked_for(
    session: Session, monkeypatch: pytest.MonkeyPatch, refused: tuple[bytes, ...], loaded: bytes
) -> None:
    target, loader = Modular(), Loader(*refused)
    monkeypatch.setattr(target, "modules", lambda name: [SIGNED])
    load_modules(("xfs",), bare_ground(loader, session), target)
    assert loader.loaded == [loaded]


def module_with(section: bytes) -> bytes:
    """An ELF image of nothing but the name of a section, and its header."""
    names = b"\0" + section + b"\0"
    of_names = struct.pack("<IIQQQQ24x", 0, 3, 0, 0, 0x40, len(names))
    header = struct.pack("<IIQQQQ24x", 1, 1, 0x12, 0, 0, 0)
    start = b"\x7fELF\2\1".ljust(0x28, b"\0") + struct.pack("<Q", 0x40 + len(names))
    return start.ljust(0x3A, b"\0") + struct.pack("<3H", 64, 2, 0) + names + of_names + header


@pytest.mark.parametrize(
    ("section", "flags"), [(b"__mcount_loc", 0x10), (b"_ftrace_events", 0x10), (b".text", 0x12)]
)
def test_what_ftrace_reads_of_a_module_is_hidden(
    session: Session, monkeypatch: pytest.MonkeyPatch, section: bytes, flags: int
) -> None:
    target, loader = Modular(), Loader()
    image = module_with(section)
    monkeypatch.setattr(target, "modules", lambda name: [image])
    load_modules(("xfs",), bare_ground(loader, session), target)
    at = len(image) - 64 + 8
    assert loader.loaded == [image[:at] + struct.pack("<Q", flags) + image[at + 8 :]]


def test_a_module_that_can_not_be_loaded_harms_nothing(session: Session) -> None:
    process = Process(session, 0).fork()
    deadline = session.deadline_ms
    load_modules(("nonsense",), bare_ground(process, session), Modular())
    assert process.getpid().value > 0
    assert session.deadline_ms == deadline


def test_a_machine_gives_the_modules_of_its_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    build = KernelBuild(name="x", release="x", version="1", source="path:/x", sha256="0")
    target = VmTarget("vm:x", Kernel(build, Path("/x"), None, None))
    files = {"xfs": (Path("crc.ko"), Path("xfs.ko")), "ext4": (), "none": None}
    monkeypatch.setattr(initramfs, "module_files", lambda _, name: files[name])
    monkeypatch.setattr(initramfs, "read_module", lambda file: file.name.encode())
    assert list(target.modules("xfs")) == [b"crc.ko", b"xfs.ko"]
    assert not list(target.modules("ext4"))
    assert not list(target.modules("none"))


@pytest.mark.parametrize("error", [MissingError("needs a moon"), InfrastructureError("no moon")])
def test_what_can_not_be_mounted_is_tried_once(
    monkeypatch: pytest.MonkeyPatch, session: Session, error: Exception
) -> None:
    tries = []

    def fail(fs: FileSystem, *_: object) -> str:
        tries.append(fs)
        raise error

    monkeypatch.setattr(under_test, "_mount", fail)
    ground = bare_ground(None, session)
    for _ in range(3):
        with pytest.raises(type(error), match="moon"):
            mounted(FileSystem.EXT4, ground, LocalTarget())
    assert tries == [FileSystem.EXT4]


def test_without_a_mount_namespace_nothing_is_mounted(session: Session) -> None:
    with pytest.raises(MissingError, match="mount namespace"):
        mounted(FileSystem.TMPFS, bare_ground(None, session, private=False), LocalTarget())


def test_what_the_kernel_lacks_is_told_with_its_option(session: Session) -> None:
    root = SimpleNamespace(read_file=lambda _: b"nodev\tproc\n\text4\n")
    with pytest.raises(MissingError, match=r"needs f2fs \(CONFIG_F2FS_FS"):
        mounted(FileSystem.F2FS, bare_ground(root, session), LocalTarget())


def test_what_nobody_serves_is_told(session: Session) -> None:
    root = SimpleNamespace(
        read_file=lambda _: b"nodev\t9p\n",
        mkdir=lambda _: None,
        observe=lambda *_: Seen(Denied("ENOENT")),
    )
    with pytest.raises(MissingError, match="QEMU serves as virtio-9p "):
        mounted(FileSystem.VIRTIO_9P, bare_ground(root, session), LocalTarget())


@pytest.fixture
def started() -> Iterator[tuple[Target, Ground]]:
    """The running kernel."""
    target = LocalTarget()
    ground = target.start()
    yield target, ground
    target.stop()


def test_what_nobody_changes_has_the_files_of_other_trees(
    tmp_path: Path, started: tuple[Target, Ground]
) -> None:
    target, ground = started
    point = mounted(FileSystem.TMPFS, ground, target)
    lay_on_host(tmp_path, b"program")
    laid = {str(it.relative_to(tmp_path)): it for it in tmp_path.rglob("*") if it.is_file()}
    assert laid.pop("d1/program").read_bytes() == b"program"
    with ground.session.scope():
        made = Tree(ground.root.fork(), f"{point}/made", ground.agent)
        for path in (made.file, made.sub_file, made.other):
            text = ground.root.read_file(path)
            assert laid.pop(path.removeprefix(f"{made.path}/")).read_bytes() == text
    assert laid == {}


@pytest.mark.parametrize("fs", [FileSystem.TMPFS, FileSystem.EXT4, FileSystem.FUSE])
def test_a_mount_is_made_once_and_ours_alone(
    fs: FileSystem, started: tuple[Target, Ground]
) -> None:
    target, ground = started
    try:
        point = mounted(fs, ground, target)
    except MissingError as error:
        pytest.skip(str(error))
    ground.root.write_file(f"{point}/file", b"content")
    assert mounted(fs, ground, target) == point
    assert ground.root.read_file(f"{point}/file") == b"content"
    assert point not in Path("/proc/self/mounts").read_text()


@pytest.mark.parametrize("fs", [FileSystem.OVERLAY_LOWER, FileSystem.OVERLAY_MERGED])
def test_trees_are_laid_ahead_and_each_is_given_once(
    fs: FileSystem, started: tuple[Target, Ground]
) -> None:
    target, ground = started
    try:
        assert mounted(fs, ground, target) == ""
    except MissingError as error:
        pytest.skip(str(error))
    trees = [lay_tree(fs, ground.root, ground, str(number)) for number in range(20)]
    assert len({tree.path for tree in trees}) == 20
    assert {ground.root.read_file(tree.file) for tree in trees} == {CONTENT}
    mounts = ground.root.read_file("/proc/self/mounts").decode()
    assert mounts.count(f"{ground.place}/{fs.id}-") == 2 * 4  # point, lower, upper, work


def test_no_loop_device_outlives_its_target(started: tuple[Target, Ground]) -> None:
    target, ground = started
    try:
        point = mounted(FileSystem.EXT4, ground, target)
    except MissingError as error:
        pytest.skip(str(error))
    mounts = ground.root.read_file("/proc/self/mounts").decode().splitlines()
    device = next(PurePath(line.split()[0]).name for line in mounts if f" {point} " in line)
    backing = BLOCK_DEVICES / device / "loop/backing_file"
    assert "ext4.image" in backing.read_text()
    target.stop()
    wait_until(lambda: not backing.exists(), "the loop device is free")


@pytest.mark.vm
def test_modules_travel_when_they_are_needed() -> None:
    target = usual("7.3")
    try:
        ground = target.start()
        before = ground.root.read_file("/proc/modules")
        point = mounted(FileSystem.VFAT, ground, target)
        lines = ground.root.read_file("/proc/modules").decode().splitlines()
        assert {"loop", "fat", "vfat", "nls_cp437"} <= {line.split()[0] for line in lines}
        assert b"vfat" not in before
        ground.root.write_file(f"{point}/file", b"content")
        assert ground.root.read_file(f"{point}/file") == b"content"
    finally:
        target.stop()
