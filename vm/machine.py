# SPDX-License-Identifier: MIT
"""A kernel running in QEMU whose userspace is nothing but the agent."""

import contextlib
import hashlib
import os
import select
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from suite.errors import InfrastructureError
from suite.targets.stopped import is_stopped
from vm import console, initramfs
from vm.architecture import DEFAULT
from vm.channel import without_channel
from vm.command import Accelerator, command, find_qemu, without_kernel
from vm.confine import dying_with_us, powerless
from vm.console_log import ConsoleLog
from vm.image import bare_image, in_memory, whole_image
from vm.kernel import Kernel
from vm.share import shared

# A panic and an oops end the machine (with -no-reboot), and both are printed even with quiet.
#
# These gave no measurable gain under TCG (4 to 8 boots of 7.3 each), so virtme-ng's choices stay:
# other CPU models, -accel tcg,thread=single or tb-size=512, -machine pc, -nodefaults, less memory,
# no_timer_check, tsc=reliable, edd=off, nosmp, nokaslr, mitigations=off, random.trust_cpu.
_PARAMETERS = (
    "quiet", "panic=-1", "oops=panic",
    # The crypto self-tests take 0.75 s of a 3.5 s emulated boot of Linux 7.3, every time.
    "cryptomgr.notests",
    # These give a periodic tick. Otherwise the emulated timer is programmed at every task switch,
    # which costs a fifth of the time of a short program on 7.3, a tenth on 5.10 and 6.12.
    "highres=off", "nohz=off",
)  # fmt: skip
_LOOK_S = 0.25
"""How often the console is looked at while the machine boots."""
_FLOOD = 16 * 1024
"""Bytes of the console that a guest does not print between two looks, if it is about to stop."""
_POWERED_OFF = "powered off"
_PATIENCE_S = 10.0
"""How long a guest that tells all that it does may say nothing new, before it is taken to hang."""
_LAST_WORDS_S = 5.0
"""How long QEMU may take to end after it has closed the channel."""


class BootError(InfrastructureError):
    """A kernel did not come up as far as the agent's first byte."""

    is_silence = False
    """Whether nothing was heard until the deadline, which tells nothing of why."""

    def __init__(self, kernel: Kernel, cause: str, tail: str, argv: Sequence[str]) -> None:
        self.cause = cause
        self.tail = tail
        self.argv = tuple(argv)
        self.command = shlex.join(argv)
        said = tail or "(the console is empty)"
        super().__init__(
            f"{kernel.build.release} did not boot: {cause}\nconsole:\n{said}\n"
            f"command:\n{self.command}"
        )


class Machine:
    """A machine that runs while its ``with`` block does, and leaves no process behind.

    QEMU dies with the *thread* that entered the block (PR_SET_PDEATHSIG), which therefore has to
    outlive the block.
    """

    channel: socket.socket
    """Connected to the agent, whose first bytes have arrived and are not yet read."""
    console: Path
    """What the kernel and QEMU have printed: ``vm/console_log.py`` says how much of it is kept."""
    monitor: socket.socket
    """Connected to QEMU's monitor, of a machine that is ``monitored``."""
    boot_seconds: float
    """From the start of ``__enter__`` to the agent's first byte; of a restored one, until QEMU
    runs."""
    kernel_is_blameless = False
    """Whether it was QEMU that died (of a signal, of memory, of its accelerator); see ``death``."""
    _log: ConsoleLog

    def __init__(
        self,
        kernel: Kernel,
        *,
        agent: Path,
        accel: Accelerator,
        memory_mib: int = 512,
        boot_deadline_s: float | None = None,
        folder: Path | None = None,
        append: Sequence[str] = (),
        incoming: int | None = None,
        monitored: bool = False,
        loud: bool = False,
        devices: Sequence[str] = (),
        handed: Sequence[int] = (),
    ) -> None:
        """Describe a machine; nothing runs yet.

        Args:
            kernel: What to boot.
            accel: How QEMU runs it, see ``vm.accel.choose``.
            agent: A static program; the guest's ``/init``.
            folder: Where the console is kept as ``RELEASE-N.log``; None: it is not kept.
            memory_mib: The guest's memory.
            boot_deadline_s: Seconds from ``__enter__`` to the agent's first byte, at most; None for
                what is enough for its architecture.
            append: More kernel parameters.
            incoming: A pipe from which QEMU reads the state of such a machine in place of booting
                it. The agent then says nothing unasked, and its first answer shows that it is well.
            monitored: Whether QEMU is asked for something (``monitor``).
            loud: Whether the kernel tells all that it does; then it is given up as soon as it says
                nothing new.
            devices: More options of QEMU.
            handed: The file descriptors that they name, which QEMU inherits.
        """
        self.kernel = kernel
        self.accel = accel
        self._agent = agent
        self._memory_mib = memory_mib
        self._boot_deadline_s = boot_deadline_s or kernel.arch.boot_deadline_s
        self._folder = folder
        self._append = tuple(append)
        self._incoming = incoming
        self._monitored = monitored
        self._loud = loud
        self._devices = tuple(devices)
        self._handed = tuple(handed)
        self._argv: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._cause: str | None = None

    def __enter__(self) -> Self:
        """Boot and wait for the agent's first byte, or let QEMU begin to restore the machine.

        Raises:
            BootError: The kernel or QEMU ended or stayed silent until the deadline.
            InfrastructureError: Something that is needed is not installed, or there is no room.
        """
        start = time.monotonic()
        try:
            self._start()
            if self._incoming is None:
                self._await_agent(start + self._boot_deadline_s)
        except BaseException:
            self._end()
            raise
        self.boot_seconds = time.monotonic() - start
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    @property
    def pid(self) -> int | None:
        """QEMU's process id, None before it runs."""
        return None if self._process is None else self._process.pid

    @property
    def command(self) -> str:
        """QEMU's exact command, quoted for a shell."""
        return shlex.join(self._argv)

    def alive(self) -> bool:
        """Whether QEMU runs."""
        return self._process is not None and self._process.poll() is None

    def death(self) -> str | None:
        """Why the machine is dead, as a sentence; None while it is well.

        Waits for QEMU's end if QEMU has closed the channel.
        """
        if self._cause is not None:
            return self._cause
        if self._process is None:
            return "not started"
        if self._hung_up():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_LAST_WORDS_S)
        code = self._process.poll()
        if code is not None:
            self._log.drain()
        lines = list(self._log.lines())
        self._cause = console.find_panic(lines)
        if self._cause is None:
            self._cause = self._what_befell_qemu(code, lines)
            self.kernel_is_blameless = self._cause not in (None, _POWERED_OFF)
        return self._cause

    def _what_befell_qemu(self, code: int | None, lines: Sequence[str]) -> str | None:
        assert self._process is not None  # noqa: S101 (it has run)
        if code is not None:
            return console.find_halt(lines) or _ending(code, lines)
        if is_stopped(self._process.pid):
            return "QEMU was stopped by a signal from outside"
        return console.find_halt(lines)

    def kill(self, why: str = "killed by landproof") -> None:
        """End the machine now; ``death()`` gives ``why`` unless it was dead already."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._cause = self._cause or why
            # Not reaped yet, so the process group is still ours.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def console_tail(self, lines: int = 20) -> str:
        """The console's last lines that say something."""
        return console.tail(self._log.lines(), lines)

    @cached_property
    def recipe(self) -> list[str]:
        """What the machine is made of besides its kernel, in words that are equal for its like.

        Raises:
            InfrastructureError: Something that is needed is not installed.
        """
        argv = [*self._qemu("the kernel"), *_fitted("the initramfs", "the channel", self._bus)]
        return [*argv, hashlib.sha256(self._initramfs).hexdigest()]

    @cached_property
    def _initramfs(self) -> bytes:
        return initramfs.build(self.kernel, self._agent)

    @property
    def _bus(self) -> str:
        return self.kernel.arch.bus

    def _qemu(self, image: str) -> list[str]:
        arch = self.kernel.arch
        parameters = ["rdinit=/init", f"console={arch.console}", *_PARAMETERS, *self._append]
        if self._loud:
            # What has no driver for the serial port yet, or never, prints by an early console.
            early = ["earlyprintk=ttyS0"] if arch is DEFAULT else ["earlycon"]
            parameters = [it for it in parameters if it != "quiet"] + early
        memory_mib = self._memory_mib
        qemu = command(image, self.accel, memory_mib=memory_mib, parameters=parameters, arch=arch)
        qemu += self._devices
        return [*dying_with_us(), *shared(qemu, self.kernel, powerless())]

    def _start(self) -> None:
        # Missing more often than all else, so look before anything is built.
        find_qemu(self.kernel.arch)
        with contextlib.ExitStack() as stack:
            # Inherited descriptors need no paths, so no socket is left behind, no path is too
            # long (108 bytes), and no disk space is taken.
            self.channel, guest = socket.socketpair()
            stack.enter_context(guest)
            inherited = [guest.fileno(), *self._handed]
            if self._incoming is None:
                initrd = stack.enter_context(in_memory("initramfs", self._initramfs))
                image = stack.enter_context(self._image())
                inherited += [initrd, image]
                self._argv = [
                    *self._qemu(f"/proc/self/fd/{image}"),
                    *_fitted(f"/proc/self/fd/{initrd}", f"{guest.fileno()}", self._bus),
                ]
            else:
                inherited.append(self._incoming)
                self._argv = [
                    *without_kernel(self._qemu("")),
                    *_fitted("", str(guest.fileno()), self._bus),
                    *("-incoming", f"fd:{self._incoming}"),
                ]
            if self._monitored:
                self.monitor, theirs = socket.socketpair()
                stack.enter_context(theirs)
                inherited.append(theirs.fileno())
                self._argv += [
                    *("-chardev", f"socket,id=monitor,fd={theirs.fileno()}"),
                    *("-mon", "chardev=monitor,mode=control"),
                ]
            self._log = ConsoleLog(self._folder, self.kernel.build.release)
            self.console = self._log.path
            with _no_interrupt():
                self._process = subprocess.Popen(  # noqa: S603 - an argv list, no shell
                    self._argv,
                    stdin=subprocess.DEVNULL,
                    stdout=self._log.pipe,
                    stderr=subprocess.STDOUT,
                    # QEMU takes firmware from the current folder first, whoever put it there.
                    cwd="/",
                    pass_fds=inherited,
                    start_new_session=True,
                )
            self._log.handed_over()

    @contextlib.contextmanager
    def _image(self) -> Iterator[int]:
        """A file descriptor of the kernel's image, for an emulated machine without compression."""
        with contextlib.ExitStack() as stack:
            image = None
            if self.accel is Accelerator.TCG:
                image = stack.enter_context(bare_image(self.kernel.vmlinuz))
            if image is None:
                image = stack.enter_context(whole_image(self.kernel.vmlinuz))
            yield image

    def _await_agent(self, deadline: float) -> None:
        poll = select.poll()
        poll.register(self.channel, select.POLLIN)
        seen = looked = 0
        spoke = time.monotonic()
        while not poll.poll(_LOOK_S * 1000):
            if time.monotonic() >= deadline:
                self.kill(f"no sign of life for {self._boot_deadline_s:g} s")
                error = self._boot_error()
                error.is_silence = True
                raise error
            # If the guest stops and QEMU doesn't end, don't wait for the whole deadline. A guest
            # that goes on printing has not stopped.
            before, seen = seen, self._log.seen
            spoke = time.monotonic() if seen > before else spoke
            if self._loud and seen and time.monotonic() - spoke > _PATIENCE_S:
                self.kill(f"nothing more was said for {_PATIENCE_S:g} s")
                raise self._boot_error()
            if looked < seen < max(looked + _FLOOD, before + 1):
                looked = seen
                if (told := self.death()) is not None:
                    self.kill(told)
                    raise self._boot_error()
        if self._hung_up():
            raise self._boot_error()

    def _boot_error(self) -> BootError:
        cause = self.death() or "QEMU closed the channel and did not end"
        if said := console.find_farewell(self._log.lines()):
            cause = said + without_channel(self.kernel)
        error = BootError(self.kernel, cause, self.console_tail(), self._argv)
        error.is_final = said is not None
        return error

    def _hung_up(self) -> bool:
        """Whether the channel's other end is gone and nothing is left to read."""
        try:
            return self.channel.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _end(self) -> None:
        self.kill()
        if hasattr(self, "channel"):
            self.channel.close()
        if hasattr(self, "monitor"):
            self.monitor.close()
        if hasattr(self, "_log"):
            self._log.close()


def _fitted(initrd: str, channel: str, bus: str) -> list[str]:
    """QEMU's options for the agent: an initramfs, if one is booted, and the channel on a bus."""
    return [
        *(("-initrd", initrd) if initrd else ()),
        "-chardev", f"socket,id=landproof,fd={channel}",
        # The default is 31 ports, and the guest's interrupt handler looks at each.
        "-device", f"virtio-serial-{bus},id=vs,max_ports=2",
        "-device", "virtserialport,bus=vs.0,nr=1,chardev=landproof,name=landproof",
    ]  # fmt: skip


def _ending(code: int, lines: Sequence[str]) -> str:
    if code == 0:
        told = console.find_signal(lines)
        return f"QEMU was told to end: {told}" if told else _POWERED_OFF
    if code < 0:
        return f"QEMU was killed by signal {-code} ({signal.Signals(-code).name})"
    return f"QEMU exited with status {code}: {console.tail(lines, 1) or 'no message'}"


@contextlib.contextmanager
def _no_interrupt() -> Iterator[None]:
    """Hold Ctrl-C back: between fork and return nobody knows the child's process id yet."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
