# SPDX-License-Identifier: MIT
"""``landproof doctor``, as a user starts it, and its checks one by one."""

from __future__ import annotations

import dataclasses
import json
import platform
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from suite.cli import checkup
from suite.cli.checkup import Finding, Job, Patient
from suite.cli.run import CONFIG
from suite.distribution import advice
from suite.errors import Exit, InfrastructureError
from suite.judge.standing import Standing
from suite.run.needs import Need
from suite.targets.base import Ground
from suite.targets.filesystems import FileSystem
from tests.fake_archive import image
from tests.filtered import LANDLOCK, filtered
from tests.kernels import FULL, NO_KERNEL
from tests.runs import Argv, landproof, run, write_cases
from vm.accel import Choice
from vm.architecture import ARCHITECTURES
from vm.command import Accelerator
from vm.installed import installed
from vm.kernel import Kernel
from vm.store import Store

CASES = """\
from suite.case import (
    Allowed, FileSystem, Need, Process, always, filesystems, needs, table, vm_only,
)

def test_plain(process, judge):
    judge(always(Allowed()), process.observe(Process.getpid))

@vm_only
def test_guest(process, judge):
    judge(always(Allowed()), process.observe(Process.getpid))

@needs(Need.ROOT)
def test_root(process, judge):
    judge(always(Allowed()), process.observe(Process.getpid))

@filesystems(FileSystem.EXT4)
def test_ext4(process, tree, judge):
    judge(always(Allowed()), process.observe(Process.stat, tree.file))
"""

URING = Need.URING.value.removeprefix("needs ")
_DECLARED = """\
import json
import sys
from pathlib import Path
from suite.cli import collect, run
run.CONFIG = Path(sys.argv[1])
found = collect.declared_cases().values()
print(json.dumps({case.id: case.filesystem and case.filesystem.id for case in found}))
"""


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cases(tmp_path_factory.mktemp("cases"), CASES)


def home(folder: Path) -> dict[str, str]:
    """An environment with nothing of ours in it: no store, no caches."""
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    return {
        "HOME": str(folder / "home"),
        "XDG_CACHE_HOME": str(folder / "home" / "cache"),
        "LANDPROOF_STORE": str(folder / "home" / "store"),
        "TMPDIR": str(folder / "tmp"),
    }


def told(argv: Argv, env: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Its exit code, and what it says as JSON; and nothing else is said."""
    ran = run(argv, env)
    assert ran.stderr == ""
    return ran.returncode, json.loads(ran.stdout)


def finding(said: dict[str, Any], what: str) -> dict[str, Any]:
    """The only finding of a name."""
    (found,) = (it for it in said["findings"] if it["what"] == what)
    return cast(dict[str, Any], found)


def nowhere(folder: Path) -> str:
    """An archive that can't be reached, at once."""
    return f"--mirror=file:{folder}/nowhere"


def test_the_answer_comes_first_and_last_and_nothing_is_changed(
    cases: Path, tmp_path: Path
) -> None:
    env = home(tmp_path)
    ran = run(landproof("doctor", nowhere(tmp_path), cases=cases), env)
    lines = ran.stdout.splitlines()
    assert lines[0] == lines[-1], ran.stderr
    assert lines[0].startswith("this machine can")
    # There is neither a stored kernel nor an archive.
    has = checkup._has_kernels()
    assert ran.returncode == (Exit.CONFORMS if has else Exit.INFRASTRUCTURE)
    assert ("can't: boot kernels" in lines[0]) is not has
    assert [*(tmp_path / "home").rglob("*")] == [*(tmp_path / "tmp").rglob("*")] == []


def test_an_empty_path_is_told_with_what_mends_it(cases: Path, tmp_path: Path) -> None:
    env = {**home(tmp_path), "PATH": ""}
    code, said = told(landproof("doctor", "--json", nowhere(tmp_path), cases=cases), env)
    assert code == Exit.INFRASTRUCTURE
    assert said["can"]["matrix"] is False
    qemu = finding(said, "QEMU")
    assert (qemu["ok"], qemu["cases"]) == (False, 1), "those for virtual machines only"
    assert "qemu-system-x86" in qemu["mend"]
    assert qemu["breaks"] == [Job.MATRIX]
    assert finding(said, "archive")["ok"] is False


@pytest.mark.parametrize(("action", "errno"), [("EPERM", "EPERM"), ("kill", "SIGSYS")])
def test_a_filter_is_found(cases: Path, tmp_path: Path, action: str, errno: str) -> None:
    argv = landproof("doctor", "--json", nowhere(tmp_path), cases=cases)
    code, said = told(filtered(action, LANDLOCK, argv), home(tmp_path))
    assert code == Exit.INFRASTRUCTURE
    landlock = finding(said, "Landlock")
    assert landlock["says"].startswith(f"no Landlock ({errno}: a seccomp filter ")
    assert (landlock["ok"], landlock["cases"], landlock["breaks"]) == (False, 3, [Job.CHECK])
    assert "SystemCallFilter=@sandbox" in landlock["mend"]
    assert said["can"]["check"] is False
    assert said["answer"].endswith("can't: check the running kernel, boot kernels")


def test_root_of_a_user_namespace_is_told_what_root_would_bring(
    cases: Path, tmp_path: Path
) -> None:
    if run(["unshare", "-Ur", "true"]).returncode:
        pytest.skip("this system gives no user namespaces")
    argv = landproof("doctor", "--json", nowhere(tmp_path), cases=cases)
    code, said = told(["unshare", "-Ur", *argv], home(tmp_path))
    assert code == Exit.INFRASTRUCTURE
    root = finding(said, "root")
    assert (root["ok"], root["cases"]) == (False, 1)
    assert "sudo" in root["mend"]


def test_a_need_that_kills_who_asks_is_the_only_one_lacking(tmp_path: Path) -> None:
    text = CASES + (
        "@needs(Need.URING)\ndef test_ring(process, judge): pass\n"
        "@needs(Need.PIDFD_SIGNAL_FLAGS, Need.INOTIFY)\ndef test_after(process, judge): pass\n"
    )
    cases = write_cases(tmp_path, text)
    argv = landproof("doctor", "--json", nowhere(tmp_path), cases=cases)
    plain = lacking(told(argv, home(tmp_path))[1])
    shutil.rmtree(tmp_path / "home")
    shutil.rmtree(tmp_path / "tmp")
    _, said = told(filtered("kill", ["io_uring_setup"], argv), home(tmp_path))
    assert lacking(said) - plain == ({URING: 1}.items() - plain)
    assert said["can"]["check"] is True


def lacking(said: dict[str, Any]) -> set[tuple[str, int]]:
    """The needs that are unmet, with the number of cases that each costs."""
    return {(it["says"], it["cases"]) for it in said["findings"] if it["what"] == "needs"}


def test_the_file_system_of_a_case_is_declared(cases: Path) -> None:
    ran = run([sys.executable, "-c", _DECLARED, str(cases / CONFIG.name)])
    assert json.loads(ran.stdout) == {
        "mini/cases[ext4-ext4]": "ext4",
        "mini/cases[plain]": None,
        "mini/cases[guest]": None,
        "mini/cases[root]": None,
    }


# The checks one by one


class _Stub(SimpleNamespace):
    """Stands for a patient."""

    count = Patient.count


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    def tool(name: str) -> str:
        raise InfrastructureError(f"{name} is missing")

    monkeypatch.setattr(checkup, "tool", tool)


def patient(*filesystems: FileSystem | None) -> Patient:
    """One whose cases have their files there."""
    cases = [SimpleNamespace(filesystem=it, vm_only=False) for it in filesystems]
    return cast(Patient, _Stub(cases=cases))


@pytest.mark.usefixtures("no_tools")
def test_a_tool_that_is_missing_costs_the_cases_of_its_file_system() -> None:
    ext4, btrfs = FileSystem.EXT4, FileSystem.BTRFS
    found = {it.what: it for it in checkup._filesystem_tools(patient(ext4, ext4, btrfs, None))}
    assert (found["mkfs.ext4"].cases, found["mkfs.btrfs"].cases) == (2, 1)
    assert found["mkfs.xfs"].cases == 0
    assert not found["mkfs.xfs"].ok
    assert advice("mkfs.btrfs").endswith(found["mkfs.btrfs"].mend)


@pytest.mark.usefixtures("no_tools")
def test_without_the_tools_that_a_boot_takes_no_kernel_boots() -> None:
    found = {it.what: it for it in checkup._tools()}
    assert {name for name, it in found.items() if it.breaks} == {"setpriv", "modprobe"}
    assert all(it.mend and not it.ok for it in found.values())


def test_emulators_of_other_architectures_are_told_and_never_a_lack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = {"qemu-system-aarch64"}
    monkeypatch.setattr(shutil, "which", lambda name, **_: name if name in here else None)
    found = checkup._emulators()
    assert found.ok
    assert found.says.startswith("of other architectures: arm64; for riscv64, s390x: ")
    here |= {"qemu-system-riscv64", "qemu-system-s390x"}
    assert checkup._emulators().says == "of other architectures: arm64, riscv64, s390x"


def test_the_trial_boot_is_of_a_kernel_that_this_machine_could_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = "aarch64" if platform.machine() != "aarch64" else "x86_64"
    own, foreign = (
        dataclasses.replace(NO_KERNEL, arch=ARCHITECTURES[it]) for it in (platform.machine(), other)
    )
    asked: list[Kernel] = []

    def decide(kernel: Kernel, agent: Path) -> Choice:
        asked.append(kernel)
        return Choice(Accelerator.KVM, str(agent))

    monkeypatch.setattr("vm.accel.decide", decide)
    stub = cast(Patient, _Stub(kernels=lambda: [own, foreign]))
    assert checkup._kvm(stub, Path("agent")).ok
    assert asked == [own]
    assert not checkup._kvm(cast(Patient, _Stub(kernels=lambda: [foreign])), Path("agent")).ok


@pytest.mark.parametrize("has", [False, True])
def test_without_an_archive_kernels_that_are_installed_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, has: bool
) -> None:
    monkeypatch.setattr(checkup, "_archive", lambda _: Finding("archive", False, "no apt"))
    (tmp_path / "boot").mkdir()
    if has:
        (tmp_path / "boot/vmlinuz-6.12.9").write_bytes(image("6.12.9"))
    monkeypatch.setattr(checkup, "installed", lambda: installed(tmp_path))
    stub = _Stub(cases=[SimpleNamespace(vm_only=True)], kernels=list, store=Store(tmp_path / "s"))
    first, _ = checkup._kernels(cast(Patient, stub))
    assert (first.ok, first.mend) == (False, "landproof matrix --kernels installed")
    assert (first.cases, first.breaks) == ((0, ()) if has else (1, (Job.MATRIX,)))


def ground(*, private: bool, **sysctls: str) -> Ground:
    """What the check of namespaces looks at."""
    settings = {name.replace("__", "."): value for name, value in sysctls.items()}
    facts = replace(FULL, standing=Standing(sysctls=settings))
    return cast(Ground, SimpleNamespace(private=private, facts=facts))


def test_the_setting_that_forbids_namespaces_is_named() -> None:
    found = checkup._namespaces(ground(private=False, user__max_user_namespaces="0"), 7)
    assert (found.ok, found.cases) == (False, 7)
    assert "user.max_user_namespaces is 0" in found.says
    assert found.mend == "sysctl -w user.max_user_namespaces=10000"
    allowed = ground(private=True, user__max_user_namespaces="9")
    assert checkup._namespaces(allowed, 0).ok


def test_two_settings_that_forbid_namespaces_are_both_named() -> None:
    restricted = {
        "kernel__unprivileged_userns_clone": "0",
        "kernel__apparmor_restrict_unprivileged_userns": "1",
    }
    found = checkup._namespaces(ground(private=False, **restricted), 1)
    assert found.mend.count("sysctl -w ") == 2


def test_a_filter_that_refuses_namespaces_is_named() -> None:
    facts = replace(FULL, standing=Standing(seccomp=2, filtered={"unshare": "EPERM"}))
    filtered_ones = cast(Ground, SimpleNamespace(private=False, facts=facts))
    found = checkup._namespaces(filtered_ones, 1)
    assert "a seccomp filter answers unshare" in found.says
    assert found.mend == "run landproof without it"


def test_a_place_without_room_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(_: Path) -> SimpleNamespace:
        return SimpleNamespace(free=10)

    monkeypatch.setattr(shutil, "disk_usage", full)
    who = cast(Patient, SimpleNamespace(store=SimpleNamespace(folder=tmp_path / "not" / "yet")))
    found: list[Finding] = [*checkup._room(who)]
    assert [it.ok for it in found] == [False, False]
    assert found[0].mend == "landproof kernels prune"
    assert str(tmp_path) in found[0].says
