# SPDX-License-Identifier: MIT
"""Have kernels ready to boot: looked up before a run, brought while cases run on others."""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Protocol

from suite.agent import build
from suite.cli.fetching import display, labelled
from suite.cli.outlet import screen, tell
from suite.errors import InfrastructureError, LandproofError, UsageError
from suite.run.coming import Coming
from suite.targets.lying_kernel import LYING, apart
from vm import accel
from vm.architecture import is_foreign
from vm.catalogue import Build
from vm.command import find_qemu
from vm.kernel import Kernel
from vm.store import Progress, Store, Wanted
from vm.target import VM
from vm.tools import FullError, UnreachableError, end_streamed

_LANES = 2
"""Threads: one may download while the other unpacks."""
_LOOK_S = 0.1
_PATIENCE_S = 3.0
"""How long threads may take to end with the run; what they are at (modules that are decompressed, a
trial boot) ends with the process at the latest, as it does when landproof is killed.
"""


class Shows(Protocol):
    """Who shows how far each target's kernel is; called from several threads."""

    def fetched(self, target: str, news: Progress) -> None:
        """Its fetch has come so far."""

    def doing(self, target: str, what: str) -> None:
        """What is done for it, in a few words; none if it is ready."""

    def failed(self, target: str, why: str) -> None:
        """It can't be had."""


class _OverError(Exception):
    """The run has ended, and needs no more kernels."""


class Preparation:
    """Kernels by their labels: which are ready to boot, and why others can't be had.

    Args:
        store: Where they are, or will be.
        override: An accelerator; None to find out.
        shows: Told of all that takes its time.
    """

    def __init__(self, store: Store, override: str | None, shows: Shows) -> None:
        self.ready: dict[str, Kernel] = {}
        self.failures: dict[str, LandproofError] = {}
        self.accelerator = accel.foreknown(override)
        """None as long as only a trial boot could tell."""
        self._store = store
        self._override = override
        self._shows = shows
        self._wanted: deque[tuple[str, Wanted]] = deque()
        self._hopeless: LandproofError | None = None
        """Why no download is tried any more."""
        self._untold: list[str] = []
        self._coming = Coming(())
        self._over = threading.Event()
        self._downloading = threading.Lock()
        self._arriving = threading.Lock()

    def look(self, names: Mapping[str, str], *, refresh: bool) -> None:
        """Find out what names mean, by label; this takes long only if a package index is old.

        Raises:
            UsageError: There is no such kernel, which is better said before minutes of work.
        """
        for label in names:
            self._shows.doing(f"{VM}{label}", "to be looked up")
        found: list[tuple[str, Wanted]] = []
        for label, name in names.items():
            try:
                found.append((label, self._looked_up(label, name, refresh=refresh)))
            except UsageError:
                raise
            except LandproofError as error:
                self._fail(label, error)
        for label, wanted in found:
            queued = "queued: fetched one by one" if isinstance(wanted.found, Build) else ""
            self._shows.doing(f"{VM}{label}", queued)
        # What is here is ready at once.
        self._wanted.extend(sorted(found, key=lambda it: isinstance(it[1].found, Build)))

    @property
    def labels(self) -> list[str]:
        """Of the kernels that are ready, or may still be."""
        return [*self.ready, *(label for label, _ in self._wanted)]

    @property
    def is_all_here(self) -> bool:
        """Whether nothing has to be brought, unless what is stored is found damaged."""
        return not any(isinstance(wanted.found, Build) for _, wanted in self._wanted)

    @property
    def is_finished(self) -> bool:
        """Whether no kernel is on its way."""
        return not self._wanted

    def none_left(self) -> InfrastructureError:
        """The error that no kernel can be had."""
        reasons = dict.fromkeys(map(str, self.failures.values()))
        return InfrastructureError(f"no kernel to boot: {'; '.join(reasons)}")

    def finish(self) -> None:
        """Have all kernels ready, or know why not, before anything runs."""
        while self._wanted:
            self._have(*self._wanted.popleft())

    @contextmanager
    def meanwhile(self) -> Iterator[Coming]:
        """Have kernels ready while the block runs, and no longer; each comes as a target of it."""
        self._coming = Coming(f"{VM}{label}" for label in self.labels)
        lanes = [threading.Thread(target=self._lane, daemon=True) for _ in range(_LANES)]
        for lane in lanes:
            lane.start()
        try:
            yield self._coming
        finally:
            self._over.set()
            limit = time.monotonic() + _PATIENCE_S
            while any(lane.is_alive() for lane in lanes) and time.monotonic() < limit:
                end_streamed()
                time.sleep(_LOOK_S)

    def _looked_up(self, label: str, name: str, *, refresh: bool) -> Wanted:
        if self._hopeless:
            return Wanted(name, self._store.get(name))  # which is verified
        return self._store.look(
            name, refresh=refresh, progress=lambda news: self._show(label, news)
        )

    def _lane(self) -> None:
        # Interrupts are for the thread that runs pytest, which holds them back at times.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            while not self._over.is_set():
                self._have(*self._wanted.popleft())
        except (IndexError, _OverError):
            pass
        except BaseException as error:  # noqa: BLE001 (nobody else would hear of it)
            self._coming.fail(error)

    def _have(self, label: str, wanted: Wanted) -> None:
        try:
            kernel = self._brought(label, wanted)
            find_qemu(kernel.arch)
            with self._arriving:
                self._choose_accelerator(label, kernel)
                self.ready[label] = kernel
        except LandproofError as error:
            self._check()  # it may have failed because its tools were ended
            self._fail(label, error)
        else:
            self._shows.doing(f"{VM}{label}", "")
            self._coming.come(f"{VM}{label}")
        self._tell_failures()

    def _brought(self, label: str, wanted: Wanted) -> Kernel:
        with ExitStack() as turn:
            if isinstance(wanted.found, Build):
                turn.enter_context(self._downloading)
                self._check()
                if self._hopeless:
                    return self._store.get(wanted.name)

            def hear(news: Progress) -> None:
                if news.stage == "unpack":
                    turn.close()  # the next one may be downloaded
                self._show(label, news)

            return self._store.have(wanted, progress=hear)

    def _show(self, label: str, news: Progress) -> None:
        self._check()
        labelled(label, lambda it: self._shows.fetched(f"{VM}{label}", it))(news)

    def _check(self) -> None:
        if self._over.is_set():
            raise _OverError

    def _choose_accelerator(self, label: str, kernel: Kernel) -> None:
        if is_foreign(kernel.arch.machine):
            return  # emulated, whatever is chosen for others
        if self.accelerator is None:
            self._shows.doing(f"{VM}{label}", "trial boot of KVM")
            self.accelerator = decide(kernel, self._override)
        if not self.ready:
            _tell_accelerator(self.accelerator)

    def _fail(self, label: str, error: LandproofError) -> None:
        if isinstance(error, FullError | UnreachableError):
            # The next download would fail likewise, after as long a wait.
            self._hopeless = error
        self.failures[label] = told = self._hopeless or error
        self._shows.failed(f"{VM}{label}", str(told))
        # If none is ready in the end, the reasons are told together.
        self._untold.append(f"{label}: {told}")
        self._coming.give_up(f"{VM}{label}")

    def _tell_failures(self) -> None:
        with self._arriving:
            while self.ready and self._untold:
                tell(self._untold.pop(0))


def fetch_beneath(targets: Sequence[str], store: Callable[[], Store], *, refresh: bool) -> bool:
    """Fetch the kernels beneath the targets that lie; whether there are any.

    Args:
        targets: Names, also of targets that don't lie.
        store: Opened only if there are such kernels.
        refresh: Whether the mirror is asked for newer builds.

    Raises:
        LandproofError: There is no such kernel or shape, or the kernel can't be had.
    """
    truths = [apart(name)[1] for name in targets if name.startswith(LYING)]
    names = dict.fromkeys(it.removeprefix(VM) for it in truths if it.startswith(VM))
    if not names:
        return False
    opened = store()
    with display() as show:
        for name in names:
            opened.fetch(name, refresh=refresh, progress=show)
    return True


def decide(kernel: Kernel, override: str | None) -> accel.Choice:
    """The accelerator: by a trial boot of a kernel, unless it is known without one.

    Raises:
        InfrastructureError: There is no agent for the guest.
    """
    try:
        agent = build.agent(kernel.arch.machine)
    except build.BuildError as error:
        raise InfrastructureError(str(error)) from error
    return accel.decide(kernel, agent, override)


def choose_accelerator(kernel: Kernel, override: str | None) -> str:
    """``kvm`` or ``tcg``, as `decide` does; told on standard error."""
    console = screen()
    # A trial boot may take ten seconds.
    slow = console.is_terminal and override is None
    with console.status("accelerator: trial boot") if slow else nullcontext():
        choice = decide(kernel, override)
    _tell_accelerator(choice)
    return choice.accel


def _tell_accelerator(choice: accel.Choice) -> None:
    tell(f"accelerator: {choice.accel} ({choice.why})")
