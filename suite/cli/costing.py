# SPDX-License-Identifier: MIT
"""Costs on several kernels at once: machines run, and what runs found becomes one document."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from suite.agent.channel import AgentLostError
from suite.cli.outlet import tell
from suite.cost import combine
from suite.cost.hooks import HOOKS, Hook
from suite.cost.measure import Effort, Measured, measure, pace
from suite.cost.memory import Kept, memory
from suite.errors import LandproofError, UsageError, told_fault
from suite.judge.costs import Kernel
from suite.judge.records import KernelBuild
from suite.targets.base import Ground, Target
from vm.architecture import Architecture
from vm.command import find_qemu


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be measured."""

    hooks: Sequence[Hook]
    effort: Effort
    counted: bool
    """Whether the targets' clocks count instructions."""
    memory: bool
    """Whether what is kept in memory is asked, too."""
    runs: int


@dataclass(slots=True)
class Found:
    """What one run on a target found, or why it found nothing."""

    release: str = ""
    abi: int = 0
    costs: list[Measured] = field(default_factory=list)
    kept: list[Kept] | str = field(default_factory=list)
    reason: str = ""


@dataclass(slots=True)
class Job:
    """One run on a target."""

    target: Target
    wish: Wish
    number: int
    stopped: bool = False
    _ending: threading.Lock = field(default_factory=threading.Lock)
    """Held by who ends the target: an interrupt comes in another thread."""

    def run(self) -> Found:
        """Start the target, measure, stop it; this never raises what went wrong."""
        found = Found()
        if self._is_stopped():
            found.reason = "interrupted"
            return found
        began = time.monotonic()
        try:
            ground = self.target.start()
            if not self._is_stopped():
                self._on(ground, found)
        except AgentLostError as error:
            with self._ending:
                _, why = self.target.autopsy()
            found.reason = f"{error}: {why}"
        except LandproofError as error:
            found.reason = str(error)
        except OSError as error:
            found.reason = told_fault(error)
        finally:
            self.end()
        if self._is_stopped():
            found.reason = "interrupted"
        said = found.reason or f"{len(found.costs)} points"
        tell(
            f"{self.target.name}: run {self.number} of {self.wish.runs}: {said} in"
            f" {time.monotonic() - began:.0f} s"
        )
        return found

    def _is_stopped(self) -> bool:
        return self.stopped  # asked anew each time: another thread sets it

    def end(self) -> None:
        """End the target, also from another thread."""
        with self._ending:
            self.target.stop()

    def _on(self, ground: Ground, found: Found) -> None:
        facts = ground.facts
        found.release, found.abi = facts.release, facts.abi
        if not facts.abi:
            found.reason = "no Landlock here"
            return
        hooks = [it for it in self.wish.hooks if it.since <= facts.abi]
        tick = pace(ground)
        if self.wish.counted:  # a counted clock errs by as much as the kernel has calibrated it
            tick = max(1, round(tick))
        found.costs = [
            replace(it, bare=it.bare * tick, added=it.added * tick, error=it.error * tick)
            for it in measure(ground, hooks, self.wish.effort, self.number)
        ]
        if self.wish.memory:
            found.kept = memory(ground)


def chosen_hooks(names: Sequence[str]) -> list[Hook]:
    """The calls of these names; all if there are none.

    Raises:
        UsageError: There is none of a name.
    """
    for name in names:
        if name not in HOOKS:
            raise UsageError(f"there is no call {name!r} (there is {', '.join(HOOKS)})")
    return [it for it in HOOKS.values() if not names or it.name in names]


def measured(
    targets: Sequence[Sequence[Target]], wish: Wish, workers: int
) -> tuple[list[Kernel], bool]:
    """What each target costs; and whether an interrupt left some out.

    Args:
        targets: Of each kernel, one a run.
        wish: What is measured.
        workers: How many run at once.
    """
    jobs = [[Job(target, wish, number) for number, target in enumerate(its, 1)] for its in targets]
    began: list[list[Future[Found]]] = []
    interrupted = False
    # QEMU ends with the thread that started it, so threads are kept until all is done.
    pool = ThreadPoolExecutor(workers, thread_name_prefix="cost")
    try:
        began = [[pool.submit(job.run) for job in its] for its in jobs]
        wait([it for its in began for it in its])
    except KeyboardInterrupt:
        interrupted = True
        for job in [job for its in jobs for job in its]:
            job.stopped = True
            job.end()
    finally:
        pool.shutdown(wait=True)
    kernels = [
        _kernel(its[0].target, wish, [future.result() for future in futures])
        for its, futures in zip(jobs, began, strict=True)
    ]
    return kernels, interrupted


def _kernel(target: Target, wish: Wish, founds: Sequence[Found]) -> Kernel:
    good = [it for it in founds if it.costs and not it.reason]
    reasons = dict.fromkeys(it.reason for it in founds if it.reason)
    first = next((it for it in founds if it.release), Found())
    absent = {
        it.name: f"what it needs came with ABI {it.since}"
        for it in wish.hooks
        if it.since > first.abi and first.abi
    }
    for it in good[:1]:
        if isinstance(it.kept, str):
            absent["memory"] = it.kept
    build: KernelBuild | None = target.kernel
    return Kernel(
        target=target.name,
        release=first.release,
        version=build.version if build else "",
        abi=first.abi,
        runs=len(good),
        costs=combine.costs([it.costs for it in good]),
        memory=combine.memories([it.kept for it in good if not isinstance(it.kept, str)]),
        absent=absent,
        reason="; ".join(reasons),
    )


def emulator(arch: Architecture) -> str:
    """Which QEMU counts the instructions of an architecture, as it calls itself."""
    said = subprocess.run(  # noqa: S603 (an argv list, no shell)
        [find_qemu(arch), "--version"], capture_output=True, text=True, check=False, timeout=30
    )
    return said.stdout.partition("\n")[0].strip() or "QEMU"
