# SPDX-License-Identifier: MIT
"""What ``landproof doctor`` looks at, a function each: what is there, and what a lack costs.

What a lack costs is counted from what the cases declare that they need.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from reports.kernel_line import summarize
from reports.words import plural
from suite.agent import build
from suite.agent.channel import AgentLostError
from suite.cli import collect
from suite.distribution import advice
from suite.errors import LandproofError
from suite.judge.absence import why_off
from suite.judge.records import TargetRecord
from suite.process.promise import SetupError
from suite.run.declared import Declared
from suite.run.needs import Need
from suite.run.unmet import unmet
from suite.targets.base import Ground
from suite.targets.filesystems import FileSystem
from suite.targets.local import LocalTarget
from suite.targets.scratch import Scratch
from vm import accel, apt_sources
from vm.architecture import ARCHITECTURES, DEFAULT, is_foreign
from vm.command import find_qemu
from vm.installed import installed
from vm.kernel import Kernel
from vm.store import Store
from vm.target import GUEST_ARCH
from vm.tools import apt_tool, plain_environment, tool

_HELPER = Path("/usr/lib/apt/apt-helper")
_REACH_S = 15.0
"""How long an archive may take to give a small file."""
_ROOM = {"of the store": 1 << 30, "for temporary files": 1 << 28}
"""Bytes. The default set of kernels takes about 900 MB with the index; an image of a file system is
sparse, and holds some MB."""
_NAMESPACE_SYSCTLS = {
    "user.max_user_namespaces": ("0", "sysctl -w user.max_user_namespaces=10000"),
    "user.max_mnt_namespaces": ("0", "sysctl -w user.max_mnt_namespaces=10000"),
    "user.max_net_namespaces": ("0", "sysctl -w user.max_net_namespaces=10000"),
    "user.max_pid_namespaces": ("0", "sysctl -w user.max_pid_namespaces=10000"),
    "kernel.unprivileged_userns_clone": ("0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    "kernel.apparmor_restrict_unprivileged_userns": (
        "1",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
}
"""Settings that forbid namespaces: with which value, and the command that allows them."""
_NAMESPACE_CALLS = ("clone", "mount", "unshare")
_NAMESPACES = frozenset({Need.MOUNT, Need.NET, Need.USER_NAMESPACES, Need.ADMIN})
_TOOLS = {
    "setpriv": ("with which QEMU ends when landproof does", True),
    "modprobe": ("which finds the modules that a guest needs", True),
    "dpkg-deb": ("which unpacks Debian's kernels", False),
    "depmod": ("which lists a fetched kernel's modules", False),
    "zstd": (
        "which unpacks modules and images, and keeps saved machines small",
        False,
    ),
}
"""Tools for booting kernels: what for, and whether no kernel boots without."""


class Job(StrEnum):
    """The main jobs."""

    CHECK = "check the running kernel"
    MATRIX = "boot kernels"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    says: str
    cases: int = 0
    """How many can't be shown for the lack of it."""
    mend: str = ""
    """The command that mends it, or what to do."""
    breaks: tuple[Job, ...] = ()
    """What can't be done at all without."""


class Patient:
    """What the checks look at, and what they have found out so far.

    Raises:
        LandproofError: The cases can't be read, or sources of kernels can't be used.
    """

    def __init__(
        self, store: Path | None, mirror: str | None, flavour: str, keyring: Path | None
    ) -> None:
        self.mirror, self.keyring = mirror, keyring
        self.store = Store(store, mirror=mirror, flavour=flavour, keyring=keyring)
        self.cases = list(collect.declared_cases().values())
        self.claims = ""
        """What the running kernel claims."""
        self.accelerator = ""

    def count(self, wanted: Callable[[Declared], bool]) -> int:
        """How many cases are so."""
        return sum(map(wanted, self.cases))

    def kernels(self) -> list[Kernel]:
        """The stored kernels."""
        with suppress(LandproofError, OSError):
            return self.store.stored()
        return []


def examine(patient: Patient) -> Iterator[Finding]:
    """Everything, in the order in which a user would mend it."""
    yield from _running_kernel(patient)
    yield from _booting(patient)
    yield from _kernels(patient)
    yield from _tools()
    yield from _filesystem_tools(patient)
    yield from _room(patient)


# The running kernel


def _running_kernel(patient: Patient) -> Iterator[Finding]:
    here = [case for case in patient.cases if not case.vm_only]
    try:
        with _started() as (target, ground):
            yield from _landlock(patient, ground, len(here))
            yield from _needs(here, target, ground)
            yield _surroundings(ground)
    except build.BuildError as error:
        yield _no_agent(str(error), len(here), Job.CHECK)
    except (LandproofError, AgentLostError, SetupError, OSError) as error:
        yield Finding("local", False, f"no case can run here: {error}", len(here), "", (Job.CHECK,))


def _no_agent(why: str, cases: int, *jobs: Job) -> Finding:
    mend = "pip install ziglang (or LANDPROOF_CC=cc, a compiler of yours)"
    return Finding("agent", False, why, cases, mend, jobs)


@contextmanager
def _started() -> Iterator[tuple[LocalTarget, Ground]]:
    build.agent(build.host_arch())  # says best what is wrong
    target = LocalTarget()
    try:
        yield target, target.start()
    finally:
        target.stop()


def _landlock(patient: Patient, ground: Ground, cases: int) -> Iterator[Finding]:
    facts = ground.facts
    line = summarize(TargetRecord(name="local", facts=facts)).claims
    if off := why_off(facts):
        yield Finding("Landlock", False, off.line, cases, off.remedy, (Job.CHECK,))
    else:
        patient.claims = f"ABI {facts.abi}"
        yield Finding("Landlock", True, line)


def _needs(cases: list[Declared], target: LocalTarget, ground: Ground) -> Iterator[Finding]:
    """What the running kernel, or who runs us, lacks of what cases need."""
    facts, private = ground.facts, ground.private
    lacking = _lacking(dict.fromkeys(it for case in cases for it in case.needs), target, ground)
    lost: Counter[Need | FileSystem] = Counter()
    for case in cases:
        lack = next((need for value in case.needs if (need := Need(value)) in lacking), None)
        if lack is not None:
            lost[lack] += 1
        elif case.filesystem and not private:
            lost[Need.MOUNT] += 1
        elif case.filesystem and case.filesystem.value.type not in facts.filesystems:
            lost[case.filesystem] += 1
    yield _namespaces(ground, sum(lost.pop(need, 0) for need in _NAMESPACES))
    roots = lost.pop(Need.ROOT, 0)
    mend = "sudo landproof, or doas" if roots else ""
    yield Finding("root", not roots, "needs root" if roots else "no case lacks root", roots, mend)
    for last, (unmet_one, number) in enumerate(lost.most_common(), 1 - len(lost)):
        mend = "" if last else "landproof matrix (shows them on kernels that have it)"
        yield Finding("needs", False, _said(unmet_one), number, mend)


def _lacking(values: Iterable[str], target: LocalTarget, ground: Ground) -> set[Need]:
    """Which of these needs are unmet; to ask for one may end who asks, where a filter kills."""
    lacking = set()
    for need in map(Need, values):
        try:
            if unmet([need], ground, target) is None:
                continue
        except (SetupError, AgentLostError):
            target.stop()
            ground = target.start()
        lacking.add(need)
    return lacking


def _said(lack: Need | FileSystem) -> str:
    told = lack.value if isinstance(lack, Need) else f"{lack.id} ({lack.value.option})"
    return told.removeprefix("needs ")


def _namespaces(ground: Ground, cases: int) -> Finding:
    sysctls = ground.facts.standing.sysctls
    forbids = [
        (f"{name} is {value}", command)
        for name, (value, command) in _NAMESPACE_SYSCTLS.items()
        if sysctls.get(name) == value
    ]
    if ground.private and not cases:
        return Finding("namespaces", True, "user, mount, network: cases have their own")
    filters = [name for name in _NAMESPACE_CALLS if name in ground.facts.standing.filtered]
    forbids += [
        (f"a seccomp filter answers {name}", "run landproof without it") for name in filters
    ]
    why = ", ".join(why for why, _ in forbids) or "this system refuses them"
    mend = "; ".join(dict.fromkeys(command for _, command in forbids)) or "sudo landproof"
    kind = "" if ground.private else " for cases"
    return Finding("namespaces", False, f"no namespaces{kind}: {why}", cases, mend)


def _surroundings(ground: Ground) -> Finding:
    found = ground.facts.standing.confinements
    says = "; ".join(found) or "nothing stands between us and the kernel"
    mend = "run landproof outside of it: cases that feel it are skipped" if found else ""
    return Finding("confinement", not found, says, mend=mend)


# Booting kernels


def _booting(patient: Patient) -> Iterator[Finding]:
    guests = patient.count(lambda case: case.vm_only)
    boots = True
    try:
        qemu = find_qemu()
        yield Finding("QEMU", True, str(qemu))
    except LandproofError:
        boots = False
        mend = _mend(DEFAULT.qemu)
        yield Finding("QEMU", False, "not installed", guests, mend, (Job.MATRIX,))
    yield _emulators()
    try:
        yield Finding("virtme-ng", True, metadata.version("virtme-ng"))
    except metadata.PackageNotFoundError:
        boots = False
        mend = "pip install virtme-ng"
        yield Finding("virtme-ng", False, "not installed", guests, mend, (Job.MATRIX,))
    try:
        agent = build.agent(GUEST_ARCH)
    except build.BuildError as error:
        yield _no_agent(f"for guests: {error}", guests, Job.MATRIX)
        return
    if boots:
        yield _kvm(patient, agent)


def _emulators() -> Finding:
    """Those of other architectures, which only who asks for their kernels needs."""
    others = [arch for arch in ARCHITECTURES.values() if arch is not DEFAULT]
    here = [arch for arch in others if shutil.which(arch.qemu)]
    not_here = [arch for arch in others if arch not in here]
    says = f"of other architectures: {', '.join(arch.debian for arch in here) or 'none'}"
    ways = dict.fromkeys(_mend(arch.qemu) for arch in not_here)
    names = ", ".join(arch.debian for arch in not_here)
    return Finding("emulators", True, f"{says}; for {names}: {'; '.join(ways)}" if names else says)


def _kvm(patient: Patient, agent: Path) -> Finding:
    # Those of other architectures are emulated, whatever works here.
    kernels = [it for it in patient.kernels() if not is_foreign(it.arch.machine)]
    if not kernels:
        return Finding(
            "KVM", False, "not tried: no kernel is stored", mend="landproof kernels fetch 7.3"
        )
    try:
        choice = accel.decide(kernels[-1], agent)
    except LandproofError as error:
        return Finding("KVM", False, f"not tried: {error}")
    patient.accelerator = str(choice.accel)
    if choice.accel is accel.Accelerator.KVM:
        return Finding("KVM", True, f"works: {choice.why}")
    mend = "" if accel.KVM_DEVICE.exists() else "modprobe kvm_intel, or kvm_amd"
    return Finding("KVM", False, f"{choice.why}; kernels are emulated, and slower", mend=mend)


def _kernels(patient: Patient) -> Iterator[Finding]:
    """Kernels that are stored, and where others come from: one of both is needed."""
    stored = patient.kernels()
    archive = _archive(patient)
    guests = patient.count(lambda case: case.vm_only)
    if stored:
        yield Finding("kernels", True, f"{plural(len(stored), 'kernel')} in {patient.store.folder}")
    else:
        says = f"none in {patient.store.folder}"
        can = archive.ok or _has_kernels()
        mend = f"landproof {'kernels fetch' if archive.ok else 'matrix --kernels installed'}"
        yield Finding(
            "kernels", archive.ok, says, 0 if can else guests, mend, () if can else (Job.MATRIX,)
        )
    yield archive


def _has_kernels() -> bool:
    """Whether kernels are installed on this machine, which we may read."""
    with suppress(LandproofError):
        return bool(installed())
    return False


def _archive(patient: Patient) -> Finding:
    try:
        apt_tool()
    except LandproofError as error:
        return Finding("archive", False, str(error), mend="landproof matrix --kernels installed")
    try:
        sources = apt_sources.sources(patient.mirror, patient.keyring)
    except LandproofError as error:
        says, _, run = str(error).partition("; run: ")
        return Finding("archive", False, says, mend=run or "landproof doctor --mirror URL")
    uri = re.search(r"^URIs: (\S+)$", sources, re.MULTILINE)
    suite = re.search(r"^Suites: (\S+)", sources, re.MULTILINE)
    assert uri  # noqa: S101 (sources() writes it)
    assert suite  # noqa: S101 (sources() writes it)
    if why := _unreachable(f"{uri[1]}dists/{suite[1]}/InRelease"):
        return Finding("archive", False, f"{uri[1]}: {why}", mend="look at this machine's network")
    return Finding("archive", True, f"{uri[1]} answers")


def _unreachable(url: str) -> str:
    """Why a file can't be had by way of apt's proxy and credentials; empty if it can."""
    if not _HELPER.exists():
        return f"not tried: there is no {_HELPER}"
    with Scratch() as folder:
        command = [
            *(str(_HELPER), "-oAcquire::Retries=0", "-oAPT::Sandbox::User=root"),
            *("download-file", url, f"{folder}/InRelease"),
        ]
        try:
            done = subprocess.run(  # noqa: S603 (an argv list, no shell)
                command,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=_REACH_S,
                env=plain_environment(),
            )
        except subprocess.TimeoutExpired:
            return f"no answer within {_REACH_S:.0f} s"
    lines = [line for line in done.stderr.splitlines() if line.startswith("E:")]
    return (lines or ["apt gives no reason"])[0] if done.returncode else ""


# Tools and room


def _mend(tool_name: str) -> str:
    """How a tool gets here."""
    return advice(tool_name).removeprefix("run: ")


def _tools() -> Iterator[Finding]:
    for name, (purpose, needed) in _TOOLS.items():
        try:
            yield Finding(name, True, tool(name))
        except LandproofError:
            breaks = (Job.MATRIX,) if needed else ()
            says = f"not installed, {purpose}"
            yield Finding(name, False, says, mend=_mend(name), breaks=breaks)


def _filesystem_tools(patient: Patient) -> Iterator[Finding]:
    uses: Mapping[FileSystem | None, int] = Counter(case.filesystem for case in patient.cases)
    for filesystem in FileSystem:
        mkfs = filesystem.value.mkfs
        if mkfs is None:
            continue
        try:
            yield Finding(mkfs.tool, True, tool(mkfs.tool))
        except LandproofError:
            cases, mend = uses[filesystem], _mend(mkfs.tool)
            yield Finding(mkfs.tool, False, f"no {filesystem.id} for cases", cases, mend)


def _room(patient: Patient) -> Iterator[Finding]:
    places = {"of the store": patient.store.folder, "for temporary files": Path(_temporary())}
    for what, place in places.items():
        existing = next(it for it in (place, *place.parents) if it.exists())
        free = shutil.disk_usage(existing).free
        says = f"{free / 1e9:.1f} GB free in {existing} ({what})"
        mend = "landproof kernels prune" if what == "of the store" else "TMPDIR=FOLDER landproof"
        ok = free >= _ROOM[what] and os.access(existing, os.W_OK)
        denied = "" if os.access(existing, os.W_OK) else ", which we may not write to"
        yield Finding("room", ok, f"{says}{denied}", mend="" if ok else mend)


def _temporary() -> str:
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:  # none that can be written to
        return os.environ.get("TMPDIR", os.sep)
