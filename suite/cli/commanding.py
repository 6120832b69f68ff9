# SPDX-License-Identifier: MIT
"""A command on several targets at once: kernels are fetched, machines run, output is shown."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from suite.cli import kernels
from suite.cli.fetching import display, labelled
from suite.cli.on_kernel import OnKernel, of_name
from suite.cli.outlet import tell
from suite.cli.preparing import choose_accelerator
from suite.cli.targets import Chosen
from suite.command.order import Order
from suite.errors import Exit, LandproofError, UsageError
from suite.judge.ran import End, Ran
from suite.targets.base import Target
from suite.targets.lying_kernel import LYING, apart
from vm.folders import Folder
from vm.target import VM
from vm.tree_target import TreeTarget


class Commands:
    """One command for all targets of a run.

    Args:
        arguments: Of the command line.
        order: What to run.
        folders: Of this machine, for machines of ours: the tree first.
    """

    def __init__(
        self, arguments: argparse.Namespace, order: Order, folders: Sequence[Folder]
    ) -> None:
        self._arguments = arguments
        self._order = order
        self._folders = folders
        self._accelerator: str | None = None
        self._jobs: list[OnKernel] = []
        self.refused: list[Exit] = []
        """The exit codes of what kept targets from being tried."""

    def run(self, chosen: Chosen) -> list[Ran]:
        """Run the command on each target; what it came to, in their order.

        At an interrupt, what still runs is ended, and the answer is of what had ended.
        """
        began: dict[str, Future[Ran]] = {}
        done: dict[str, Ran] = {}
        pool = ThreadPoolExecutor(self._arguments.workers, thread_name_prefix="run")
        try:
            for name in chosen.names:
                try:
                    target = self.target(name, chosen)
                except LandproofError as error:
                    self.refused.append(error.exit)
                    done[name] = Ran(target=name, end=End.NOT_RUN, reason=str(error))
                    tell(f"{name.removeprefix(VM)}: {error}")
                else:
                    began[name] = pool.submit(self._on, target)
            wait(began.values())
        except KeyboardInterrupt:
            for job in self._jobs:
                job.stop()
            for future in began.values():
                future.cancel()
        finally:
            pool.shutdown(wait=True)
        for name in chosen.names:
            if name in began and not began[name].cancelled():
                done[name] = began[name].result()
            done.setdefault(name, Ran(target=name, end=End.INTERRUPTED))
        return [done[name] for name in chosen.names]

    def target(self, name: str, chosen: Chosen) -> Target:
        """A target of the run, not started; its kernel is fetched.

        Raises:
            LandproofError: There is none, or it can't be had.
        """
        arguments = self._arguments
        truth = apart(name)[1] if name.startswith(LYING) else name
        if not truth.startswith(VM):
            return of_name(truth, arguments.consoles, name)
        label = truth.removeprefix(VM)
        wish = chosen.kernels[label] if truth == name else label
        store = kernels.open_store(arguments)
        with display() as show:
            shows = labelled(label, show)
            kernel = store.fetch(wish, refresh=arguments.refresh, progress=shows)
        if self._accelerator is None:
            self._accelerator = choose_accelerator(kernel, arguments.accel)
        return TreeTarget(
            name,
            kernel,
            self._folders,
            accelerator=self._accelerator,
            consoles=arguments.consoles,
            memory_mib=arguments.memory,
        )

    def _on(self, target: Target) -> Ran:
        label = target.name.removeprefix(VM)
        with _log(self._arguments.logs, label) as log:
            lines = _Lines(label, log)
            job = OnKernel(target, self._order, self._folders, self._arguments.junit, lines.take)
            self._jobs.append(job)
            ran = job.run()
            lines.finish()
        return ran


class _Lines:
    """The output of a command, shown line by line behind the name of its target."""

    def __init__(self, label: str, log: BinaryIO | None) -> None:
        self._label = label
        self._log = log
        self._rest = b""

    def take(self, data: bytes) -> None:
        """Show what is whole lines by now."""
        if self._log:
            try:
                self._log.write(data)
            except OSError as error:
                tell(f"the log of {self._label} ends here: {error.strerror}")
                self._log = None
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines:
            self._show(lines)

    def finish(self) -> None:
        """Show what had no end."""
        if self._rest:
            self._show([self._rest])

    def _show(self, lines: Sequence[bytes]) -> None:
        # At once: a command may print a million of them.
        texts = (line.decode(errors="replace").rstrip("\r") for line in lines)
        tell("\n".join(f"{self._label} | {text}" for text in texts))


def make_folder(folder: Path | None) -> None:
    """Make the folder of the logs, before anything is run.

    Raises:
        UsageError: It can't be made.
    """
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--logs {folder}: {error.strerror}") from error


@contextmanager
def _log(folder: Path | None, label: str) -> Iterator[BinaryIO | None]:
    """The file that keeps the output on a target; written at once, whatever ends us."""
    if folder is None:
        yield None
        return
    name = re.sub(r"[^\w.+-]", "-", label)
    with (folder / f"{name}.log").open("wb", buffering=0) as file:
        yield file
