# SPDX-License-Identifier: MIT
"""A new source of kernels is one class and one registration: this file has both."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.cli.main import main
from suite.errors import Exit, InfrastructureError, UsageError
from tests.fake_archive import image
from vm.catalogue import Build, Package, Wish, parse_wish
from vm.kernel import Kernel, sha256
from vm.source import Report, Source
from vm.store import Store

RELEASE = "1.0.7-tiny"
IMAGE = image(RELEASE)


class Tiny(Source):
    """A source of one kernel."""

    name = "tiny"
    scheme = "tiny:"
    brought = 0

    def wish(self, name: str) -> Wish:
        """Read a version."""
        return parse_wish(name, self.scheme)

    def available(self, *, refresh: bool = False, report: Report | None = None) -> list[Build]:
        """Return the one."""
        package = Package("tiny", "1.0.7-1", hashlib.sha256(IMAGE).hexdigest(), len(IMAGE))
        return [Build(RELEASE, "1.0.7-1", "", "shelf", (package,), scheme=self.scheme)]

    def bring(self, build: Build, work: Path, report: Report) -> Path:
        """Write it."""
        (work / "vmlinuz").write_bytes(IMAGE)
        report("unpack", build.size, build.size)
        type(self).brought += 1
        return work


class Thief(Source):
    """A source that has the names of another one."""

    name, scheme = "thief", "path:"


class Versions(Source):
    """Another source of plain versions."""

    name, scheme = "versions", ""


class Series(Source):
    """A source whose names are those of versions."""

    name, scheme = "series", "6.12:"


class InPlace(Source):
    """A source whose kernel is on this machine."""

    name = scheme = "here"

    def in_place(self, name: str) -> Kernel:
        """Say which."""
        raise UsageError(f"{name} is not there")


Register = Callable[[str], None]


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Register:
    """Stand in for the installation of a package that registers a source."""

    def register(value: str) -> None:
        info = tmp_path / "site/made_up-1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[landproof.kernels]\nmade-up = {value}\n")
        monkeypatch.syspath_prepend(str(info.parent))

    return register


@pytest.fixture
def store(tmp_path: Path, register: Register, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with the source, and no other one that has anything."""
    register(f"{__name__}:Tiny")
    monkeypatch.setenv("LANDPROOF_STORE", str(tmp_path / "store"))
    return Store(mirror=f"file:{tmp_path}/none")


def test_its_kernel_is_had_by_the_store(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    (build,) = store.available()
    assert (build.name, build.suite, build.stored) == (f"tiny:{RELEASE}", "shelf", False)
    assert len(caplog.messages) == 1  # of the archive that is none
    with pytest.raises(InfrastructureError, match=r"kernel tiny:1 is not in .* fetch tiny:1$"):
        store.get("tiny:1")
    kernel = store.fetch("tiny:1.0")
    assert (kernel.build.name, kernel.build.release) == ("tiny:1.0", RELEASE)
    assert (kernel.build.source, kernel.build.sha256) == ("tiny:shelf", sha256(kernel.vmlinuz))
    assert kernel.vmlinuz.read_bytes() == IMAGE
    assert kernel.vmlinuz.is_relative_to(store.folder / "kernels")
    assert not list(store.folder.glob("work/*"))
    assert [build.stored for build in store.available()] == [True]


def test_it_is_brought_once_whatever_name_is_used(store: Store) -> None:
    before = Tiny.brought
    for name in ("tiny:1", "tiny:1.0.7", "tiny:1.0.7-1", f"tiny:{RELEASE}"):
        assert store.fetch(name).vmlinuz == store.get(name).vmlinuz
        assert store.get(name).build.name == name
    assert Tiny.brought == before + 1


def test_names_of_others_do_not_mean_it(store: Store) -> None:
    store.fetch("tiny:1.0")
    with pytest.raises(InfrastructureError, match=r"^kernel 1\.0 is not in"):
        store.get("1.0")
    with pytest.raises(UsageError, match=r"^no kernel 'tiny:2'; there are: tiny:1\.0$"):
        store.fetch("tiny:2")
    with pytest.raises(UsageError, match=r"^'tiny:' is not a kernel name"):
        store.get("tiny:")


def test_the_command_line_lists_and_fetches_it(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = f"--mirror=file:{tmp_path}/none"
    for name in ("tiny:1.0", f"tiny:{RELEASE}"):
        assert main(["kernels", "fetch", name, nowhere]) == Exit.CONFORMS
        out, err = capsys.readouterr()
        path = store.get(name).vmlinuz
        assert out.splitlines()[2].split() == [name, RELEASE, "1.0.7-1", "tiny:shelf", str(path)]
    assert err == ""
    assert main(["kernels", "list", nowhere]) == Exit.CONFORMS
    out = capsys.readouterr().out
    assert out.splitlines()[2].split()[:4] == ["tiny:1.0", RELEASE, "1.0.7-1", "shelf"]
    assert main(["kernels", "list", "--all", "--json", nowhere]) == Exit.CONFORMS
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["size"], row["stored"]) == ("tiny:1.0.7", len(IMAGE), True)
    assert main(["ci", "github", "--kernels", "tiny:1.0,path:x,host"]) == Exit.CONFORMS
    assert "tiny:1.0" in capsys.readouterr().out


def test_its_kernel_is_kept_and_pruned_also_when_it_is_gone(store: Store, tmp_path: Path) -> None:
    store.fetch("tiny:1.0")
    assert store.newest() == [f"tiny:{RELEASE}"]
    assert store.prune(["tiny:1"]) == []
    (tmp_path / "site/made_up-1.dist-info/entry_points.txt").unlink()
    later = Store(mirror=f"file:{tmp_path}/none")
    assert [build.name for build in later.available()] == later.newest() == [f"tiny:{RELEASE}"]
    assert later.prune(later.newest()) == []
    with pytest.raises(UsageError, match="is not a kernel name"):
        later.get("tiny:1.0")
    assert [item.name for item in later.prune()][:1] == [RELEASE]


def test_a_kernel_of_the_machine_is_asked_for_in_place(register: Register) -> None:
    register(f"{__name__}:InPlace")
    with pytest.raises(UsageError, match=r"^here is not there$"):
        Store().get("here")
    with pytest.raises(UsageError, match="is not a kernel name"):
        Store().get("here:x")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Thief", r"two sources of kernels have path:… as names of kernels: vm\.local\.OwnPath and "
                  r"\S+\.Thief; uninstall one"),
        ("Versions", r"two sources of kernels have plain versions as names: vm\.apt\.DebianArchive "
                     r"and \S+\.Versions; uninstall one"),
        ("Series", r"\S+\.Series: '6\.12:' is no scheme of kernel names; .*"),
        ("Nobody", r"the source of kernels made-up \(\S+:Nobody\) can't be loaded: .*"),
        ("IMAGE", r"the source of kernels made-up \(\S+:IMAGE\) is no class of vm\.source\.S.*"),
    ],
)  # fmt: skip
def test_source_that_can_not_be_one_is_refused(
    register: Register, name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    register(f"{__name__}:{name}")
    with pytest.raises(InfrastructureError, match=f"^{said}$"):
        Store()
    assert main(["kernels", "fetch", "6.12"]) == Exit.INFRASTRUCTURE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("landproof: ")
