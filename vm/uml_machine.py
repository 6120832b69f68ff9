# SPDX-License-Identifier: MIT
"""A kernel of User-Mode Linux that runs: its processes, its console, the line to the agent."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from suite.errors import InfrastructureError
from suite.targets.scratch import Scratch
from suite.targets.stopped import is_stopped
from vm import console, cpio, keeper
from vm.confine import powerless
from vm.console_log import ConsoleLog
from vm.image import in_memory
from vm.tools import tool

_LINE = "/dev/ttyS0"
# It prints at native speed, so nothing of the boot is kept quiet. A panic and a reset end it.
_PARAMETERS = ("mem=512M", "rdinit=/init", "panic=-1", "oops=panic", "noreboot", "umid=landproof")
_BOOT_S = 60.0
_LOOK_S = 0.25
_LAST_WORDS_S = 5.0
"""How long it may take to end after it has closed the line."""
_KILLED = 128
"""What the keeper adds to the number of the signal that killed its command."""
_KILLERS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that no kernel sends itself; one that crashes aborts."""


@dataclass(frozen=True, slots=True)
class Death:
    """Why a kernel is dead, or stands still."""

    why: str
    from_outside: bool = False
    """Whether somebody has killed or stopped it."""


class UmlMachine:
    """The processes of one kernel, from ``boot`` to ``end``.

    Args:
        program: The kernel.
        release: Its own.
        agent: A static program; the guest's ``/init``.
        folder: Where the console is kept as ``RELEASE-N.log``; None: it is not kept.
    """

    channel: socket.socket
    """Connected to the agent, whose first bytes have arrived and are not yet read."""

    def __init__(self, program: Path, release: str, agent: Path, folder: Path | None) -> None:
        self._program = program
        self._release = release
        self._agent = agent
        self._log = ConsoleLog(folder, release)
        self._folder = Scratch()
        self._process: subprocess.Popen[bytes] | None = None

    def boot(self) -> None:
        """Boot and wait for the agent's first byte.

        Raises:
            InfrastructureError: It ended, or stayed silent.
        """
        entries = [
            *(cpio.folder(name) for name in ("dev", "sys", "proc")),
            cpio.file("init", self._agent.read_bytes(), 0o755),
        ]
        self.channel, guest = socket.socketpair()
        with guest, in_memory("initramfs", cpio.archive(entries)) as initramfs:
            self._process = subprocess.Popen(  # noqa: S603 (an argv list, no shell)
                [
                    # The guest's processes are processes here, and some outlive their kernel.
                    *(sys.executable, "-I", "-S", keeper.__file__),
                    # A kernel that panics sends a signal to its whole group.
                    tool("setsid"),
                    *(*powerless(), str(self._program), *_PARAMETERS),
                    f"initrd=/proc/self/fd/{initramfs}",
                    f"uml_dir={self._folder.path}/",
                    *("con=null", "con0=fd:0,fd:1", f"ssl0=fd:{guest.fileno()}"),
                    f"LANDPROOF_LINE={_LINE}",
                ],
                stdin=subprocess.PIPE,
                stdout=self._log.pipe,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"HOME": str(self._folder.path), "TMPDIR": str(self._folder.path)},
                pass_fds=(initramfs, guest.fileno()),
                start_new_session=True,
            )
            self._log.handed_over()
            self._await_agent()

    def death(self) -> Death | None:
        """Why it is dead; None while it is well."""
        if self._process is None:
            return Death("it was not started")
        # Processes of the guest may keep the line open for a moment when the kernel has ended.
        if self._hung_up() or self.pid is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_LAST_WORDS_S)
        code = self._process.poll()
        if code is not None:
            self._log.drain()
        if panic := console.find_panic(list(self._log.lines())):
            return Death(panic)
        if code is None:
            stopped = self.pid is not None and is_stopped(self.pid)
            return Death("it was stopped by a signal from outside", True) if stopped else None
        if code > _KILLED:
            number = signal.Signals(code - _KILLED)
            return Death(f"its program was killed by {number.name}", number in _KILLERS)
        return Death("powered off" if code == 0 else f"its program ended with status {code}")

    @property
    def pid(self) -> int | None:
        """The kernel's process; None if it does not run."""
        if self._process is None:
            return None
        keepers = self._process.pid
        with contextlib.suppress(OSError, IndexError):
            return int(Path(f"/proc/{keepers}/task/{keepers}/children").read_text().split()[0])
        return None

    def tail(self, lines: int = 20) -> str:
        """The console's last lines that say something."""
        return console.tail(self._log.lines(), lines)

    def end(self) -> None:
        """End all of its processes; nothing of it is left."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            self._process.wait()
        if hasattr(self, "channel"):
            self.channel.close()
        self._log.close()
        self._folder.remove()

    def _await_agent(self) -> None:
        poll = select.poll()
        poll.register(self.channel, select.POLLIN)
        limit = time.monotonic() + _BOOT_S
        while not poll.poll(_LOOK_S * 1000):
            dead = self.death()
            if dead or time.monotonic() > limit:
                cause = dead.why if dead else f"no sign of life for {_BOOT_S:g} s"
                raise InfrastructureError(
                    f"{self._release} did not boot: {cause}\nconsole:\n"
                    f"{self.tail() or '(the console is empty)'}"
                )

    def _hung_up(self) -> bool:
        """Whether the line's other end is gone, be there something left to read or not."""
        poll = select.poll()
        poll.register(self.channel, 0)
        return bool(poll.poll(0))
