# SPDX-License-Identifier: MIT
"""What a machine lacks is told by the names and the command of its own distribution."""

import ast
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite import distribution
from suite.distribution import DISTRIBUTIONS, TOOLS, advice, install, lacking
from suite.errors import Exit, InfrastructureError
from suite.targets.filesystems import FileSystem
from tests.runs import landproof, run
from vm import apt_sources, tools
from vm.architecture import ARCHITECTURES
from vm.package import KINDS

ROOT = Path(__file__).parent.parent
_ARM = "apt-get install --no-install-recommends qemu-system-arm"
MACHINES = {
    "debian": ('ID=debian\n', _ARM),
    "ubuntu": ('ID=ubuntu\nID_LIKE=debian\n', _ARM),
    "mint": ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', _ARM),
    "fedora": ('ID=fedora\n', "dnf install qemu-system-aarch64"),
    "rocky": ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf install qemu-system-aarch64"),
    "arch": ('ID=arch\n', "pacman -S qemu-system-aarch64"),
    "manjaro": ('ID=manjaro\nID_LIKE=arch\n', "pacman -S qemu-system-aarch64"),
    "leap": ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "zypper install qemu-arm"),
    "sles": ('ID="sles"\nID_LIKE="suse"\n', "zypper install qemu-arm"),
    "alpine": ('ID=alpine\n', "apk add qemu-system-aarch64"),
    "nixos": ('ID=nixos\n', ""),
    "nothing": ("", ""),
}  # fmt: skip


@pytest.fixture
def os_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in place of this machine's."""
    file = tmp_path / "os-release"
    monkeypatch.setattr(platform, "_os_release_candidates", (str(file),))
    monkeypatch.setattr(platform, "_os_release_cache", None)
    return file


@pytest.mark.parametrize("machine", MACHINES)
def test_each_distribution_has_its_own_command(os_release: Path, machine: str) -> None:
    content, command = MACHINES[machine]
    os_release.write_text(content)
    assert install("qemu-system-aarch64") == command
    told = f"run: {command}" if command else "install what Debian calls qemu-system-arm"
    assert lacking("qemu-system-aarch64") == f"qemu-system-aarch64 is not installed; {told}"


@pytest.mark.usefixtures("os_release")
def test_a_machine_that_does_not_say_what_it_is() -> None:
    assert distribution.of_this_machine() is None
    assert advice("zstd") == "install what Debian calls zstd"


def test_the_table_is_whole() -> None:
    for name, packages in TOOLS.items():
        assert len(packages) == len(DISTRIBUTIONS), name
        assert all(re.fullmatch(r"[a-z0-9_-]+", it) for it in packages), name
    ids = [it for each in DISTRIBUTIONS for it in each.ids]
    assert len(ids) == len({*ids})


def asked_for() -> Iterator[str]:
    """The tools that our code asks for by name, wherever it says so."""
    for path in [*(ROOT / "vm").glob("*.py"), *(ROOT / "suite").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("tool", "lacking", "advice")
                and isinstance(node.args[0], ast.Constant)
            ):
                yield str(node.args[0].value)
    yield from (arch.qemu for arch in ARCHITECTURES.values())
    yield from (kind.tool[0] for kind in KINDS if kind.tool)
    yield from (it.value.mkfs.tool for it in FileSystem if it.value.mkfs)


def test_every_tool_that_is_asked_for_has_a_row_and_no_other() -> None:
    assert {*asked_for()} | {"modprobe"} == TOOLS.keys()


def test_no_file_names_a_package_otherwise() -> None:
    """Apt's own keys come by apt; all else is told by the table."""
    for path in [*(ROOT / "vm").glob("*.py"), *(ROOT / "suite").rglob("*.py")]:
        said = re.findall(r"(?:apt-get|dnf|zypper) install ([\w-]+)", path.read_text("utf-8"))
        assert {*said} <= {"debian-archive-keyring", "ubuntu-keyring", "ubuntu-archive-keyring"}, (
            path
        )


def test_the_page_has_the_same_table() -> None:
    text = (ROOT / "docs/kernels.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in text.partition("## What is needed")[2].partition("\n## ")[0].splitlines()
        if line.startswith("|")
    ]
    assert rows[0][2:] == [it.name for it in DISTRIBUTIONS]
    told = {name: tuple(row[2:]) for row in rows[2:] for name in re.split(r"`, `", row[1])}
    assert told == {name: TOOLS[name] for name in told}
    assert {kind.tool[0] for kind in KINDS if kind.tool} < told.keys()
    assert {arch.qemu for arch in ARCHITECTURES.values()} < told.keys()


def test_without_apt_nobody_is_told_to_install_it(
    monkeypatch: pytest.MonkeyPatch, os_release: Path
) -> None:
    os_release.write_text("ID=fedora\n")
    monkeypatch.setenv("PATH", "/nowhere")
    for ask in (tools.apt_tool, apt_sources.sources):
        with pytest.raises(InfrastructureError) as raised:
            ask()
        assert str(raised.value).startswith("this machine has no apt, by which the kernels of ")
        assert "mainline:v6.6" in str(raised.value)


UNLIKE = """\
mount --bind "$1" /etc/os-release && shift && exec "$@"
"""


def test_in_a_root_without_apt(tmp_path: Path) -> None:
    """As on Fedora, without any tool that it might lack."""
    release = tmp_path / "os-release"
    release.write_text('ID=rocky\nID_LIKE="rhel centos fedora"\n')
    rpm = tmp_path / "kernel.rpm"
    rpm.write_bytes(b"\xed\xab\xee\xdb" + bytes(200))
    fedora = ["unshare", "-rm", "sh", "-c", UNLIKE, "sh", str(release)]
    if shutil.which("unshare") is None or subprocess.run([*fedora, "true"], check=False).returncode:
        pytest.skip("needs unshare and a user namespace with mounts")
    python = tmp_path / "bin/python3"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    only = {"PATH": str(python.parent), "LANDPROOF_STORE": str(tmp_path / "store")}
    asked = {
        "6.12": "this machine has no apt, by which the kernels of archives come; ",
        str(rpm): "rpm2archive is not installed; run: dnf install rpm",
        "mainline:v6.6": "dpkg-deb is not installed; run: dnf install dpkg",
    }
    for name, says in asked.items():
        words = ["env", *(f"{key}={value}" for key, value in only.items())]
        done = run([*fedora, *words, *landproof("kernels", "fetch", name)])
        assert done.returncode == Exit.INFRASTRUCTURE
        assert done.stderr.startswith(f"landproof: {says}")
        assert len(done.stderr.splitlines()) == 1
