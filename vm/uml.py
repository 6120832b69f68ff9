# SPDX-License-Identifier: MIT
"""User-Mode Linux: a kernel that is a program of this machine, as a target."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from suite.agent import build
from suite.agent.channel import AgentLostError
from suite.agent.client import AgentClient
from suite.errors import InfrastructureError, UsageError
from suite.judge.records import KernelBuild, Verdict
from suite.targets.base import Ground, Target
from suite.targets.ground import guest_ground
from suite.targets.schemes import Scheme
from vm.kernel import is_release, sha256
from vm.uml_machine import UmlMachine

UML = "uml:"
_ASKED_S = 10.0
_NEEDED = {
    "CONFIG_UML": "is no kernel of User-Mode Linux",
    "CONFIG_SSL": "was built without its serial line",
    "CONFIG_BLK_DEV_INITRD": "was built without initramfs",
}
"""Options without which no agent can run, and what is said where they lack."""


class Uml(Scheme):
    """``uml:PATH``; its option is ``--consoles``, of ``vm:``."""

    usage = f"{UML}PATH"

    def make(self, name: str, config: pytest.Config) -> UmlTarget:
        """The kernel of this program."""
        return UmlTarget(Binary.of(name), config.getoption("consoles"))


@dataclass(frozen=True, slots=True)
class Binary:
    """A program that is a kernel."""

    path: Path
    build: KernelBuild
    arch: str

    @classmethod
    def of(cls, name: str) -> Binary:
        """Ask the program what it is.

        Args:
            name: ``uml:PATH``, or ``uml:NAME`` of a program on PATH.

        Raises:
            UsageError: There is none, or it is no such kernel, or lacks what the agent needs.
        """
        given = name.removeprefix(UML)
        path = Path(given).expanduser()
        if not path.exists() and "/" not in given:
            path = Path(shutil.which(given) or path)
        if not path.is_file():
            raise UsageError(
                f"{name}: there is no such file; give the program, such as linux of a build tree"
                " with ARCH=um, or linux.uml of the package user-mode-linux"
            )
        path = path.absolute()
        config = _said(path, "--showconfig").splitlines()
        for option, words in _NEEDED.items():
            if f"{option}=y" not in config:
                raise UsageError(f"{name} {words} ({option})")
        release = _said(path, "--version").strip()
        if not is_release(release):
            raise UsageError(f"{name} calls itself {release!r}, which is no release of a kernel")
        return cls(
            path,
            KernelBuild(
                name=name,
                release=release,
                version="",
                source=f"{UML}{path}",
                sha256=sha256(path),
            ),
            "x86_64" if "CONFIG_64BIT=y" in config else "i386",
        )


def _said(path: Path, option: str) -> str:
    """What the program prints about itself, without booting.

    Source: arch/um/kernel/um_arch.c, "--showconfig", "--version".
    """
    try:
        done = subprocess.run(  # noqa: S603 (an argv list, no shell)
            [str(path), option],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_ASKED_S,
            check=False,
            start_new_session=True,
        )
    except OSError as error:
        raise UsageError(f"{UML}{path}: can't be run: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.decode(errors="replace")


class UmlTarget(Target):
    """A kernel in processes of this machine; new ones with every start.

    Args:
        binary: The kernel.
        folder: Where consoles are kept; None: nowhere.
    """

    disposable = True

    def __init__(self, binary: Binary, folder: Path | None = None) -> None:
        self.name = binary.build.name
        self.kernel = binary.build
        self._binary = binary
        self._folder = folder
        self._machine: UmlMachine | None = None

    def start(self) -> Ground:
        """Boot and prepare it."""
        try:
            agent = build.agent(self._binary.arch)
        except build.BuildError as error:
            raise InfrastructureError(str(error)) from error
        self.began = "booted"
        build_ = self._binary.build
        self._machine = UmlMachine(self._binary.path, build_.release, agent, self._folder)
        self._machine.boot()
        channel = self._machine.channel.fileno()
        try:
            client = AgentClient(channel, channel, paced=True)
            return guest_ground(client, agent, self._binary.arch)
        except AgentLostError as error:
            _, reason = self.autopsy()
            raise InfrastructureError(f"{error} while the guest was prepared: {reason}") from error

    def stop(self) -> None:
        """End all of its processes."""
        if self._machine:
            self._machine.end()
        self._machine = None

    def autopsy(self) -> tuple[Verdict, str]:
        """How it ended, with the last lines of its console; lost if it was killed from outside."""
        if self._machine is None:
            return Verdict.LOST, "the kernel is gone"
        death = self._machine.death()
        said = f"{death.why if death else 'the guest does not answer'}\n{self._machine.tail()}"
        if death and death.from_outside:
            return Verdict.LOST, said.rstrip()
        return Verdict.CRASHED if death else Verdict.HUNG, said.rstrip()
