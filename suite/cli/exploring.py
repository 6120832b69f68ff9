# SPDX-License-Identifier: MIT
"""What ``landproof explore`` needs of targets, and how far it is, on standard error."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Column

import suite.kernel
import suite.model
from reports.words import plural
from suite.cli import kernels
from suite.cli.check import machine_options
from suite.cli.fetching import display, labelled
from suite.cli.outlet import guard, screen, tell
from suite.cli.preparing import choose_accelerator
from suite.cli.run import CONFIG
from suite.cli.targets import Chosen
from suite.errors import LandproofError
from suite.explore.ledger import digest
from suite.explore.worker import Down, Maker
from suite.run.workers import make_target
from suite.targets.base import Target
from vm.target import VM

_PLUGIN = ("-p", "suite.run.plugin")


@cache
def _config(options: tuple[str, ...]) -> pytest.Config:
    """Pytest's configuration, which says how targets are made, as a run of cases has it."""
    words = [f"--config-file={CONFIG}", f"--rootdir={CONFIG.parent.parent}", *_PLUGIN, *options]
    return pytest.Config.fromdictargs({}, words)


def made(name: str, options: tuple[str, ...]) -> Target:
    """A target of a name; other processes call this, too."""
    return make_target(name, _config(options))


def fetched(arguments: argparse.Namespace, chosen: Chosen) -> tuple[Maker, dict[str, Down]]:
    """Fetch kernels; what makes the targets of a run, and why some can't be had."""
    store = kernels.open_store(arguments)
    lost: dict[str, Down] = {}
    accelerator = None
    for label, wish in chosen.kernels.items():
        try:
            with display() as show:
                kernel = store.fetch(
                    wish, refresh=arguments.refresh, progress=labelled(label, show)
                )
        except LandproofError as error:
            lost[f"{VM}{label}"] = Down(str(error), error.exit)
            tell(f"{label}: {error}")
            continue
        if accelerator is None:
            accelerator = choose_accelerator(kernel, arguments.accel)
    options = *machine_options(arguments, accelerator), *chosen.options
    return partial(made, options=options), lost


def model_sources() -> str:
    """A digest of what models are made of: what one gave is of no use once its rules are others."""
    return digest([Path(it.__file__).parent for it in (suite.kernel, suite.model) if it.__file__])


@dataclass(slots=True)
class _Line:
    task: TaskID
    left: int
    began: float = 0.0
    done: int = 0


@contextmanager
def comparing() -> Iterator[None]:
    """Say at a terminal that results are compared: a million differences take half a minute."""
    console = screen()
    with console.status("comparing") if console.is_terminal else nullcontext():
        yield


class Quiet:
    """A watcher of what is done in a second: it says what goes wrong."""

    def planned(self, target: str, programs: int, left: int) -> None:
        """Nothing is said of it."""

    def played(self, target: str, space: str, programs: int) -> None:
        """Nothing is said of it."""

    def down(self, target: str, why: str) -> None:
        """A target was given up: the answer says so."""

    def told(self, line: str) -> None:
        """Something is to be said."""
        tell(line)


class Shown:
    """A watcher that shows a line a target; at no terminal, a line every half minute."""

    EVERY_S = 30.0

    def __init__(self, targets: Sequence[str]) -> None:
        self._console = screen()
        self._bars = Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            BarColumn(bar_width=min(16, self._console.width // 8)),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._lines = {
            it: _Line(self._bars.add_task(guard(it), total=None, state="starting"), 0)
            for it in targets
        }
        self._said = time.monotonic()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def planned(self, target: str, programs: int, left: int) -> None:
        """So many programs are to be played on a target, of which so many were not yet."""
        if target not in self._lines:  # a model
            self._lines[target] = _Line(self._bars.add_task(guard(target), total=None, state=""), 0)
        line = self._lines[target]
        line.left = left
        self._bars.update(line.task, total=programs, completed=programs - left, state="queued")

    def played(self, target: str, space: str, programs: int) -> None:
        """So many more programs were played."""
        line = self._lines[target]
        line.began = line.began or time.monotonic()
        line.done += programs
        rate = line.done / max(time.monotonic() - line.began, 1)
        state = f"{space}, {rate:.0f}/s" if line.done < line.left else "done"
        self._bars.update(line.task, advance=programs, state=state)
        if not self._console.is_terminal and time.monotonic() - self._said > self.EVERY_S:
            self._said = time.monotonic()
            for name, it in self._lines.items():
                if it.began and it.done < it.left:
                    tell(f"{name}: {it.done:,} of {plural(it.left, 'program')}")
        if line.done == line.left and not self._console.is_terminal:
            seconds = time.monotonic() - line.began
            tell(f"{target}: {plural(line.left, 'program')} in {seconds:.1f} s")

    def down(self, target: str, why: str) -> None:
        """A target was given up."""
        tell(f"{target}: {why}")
        with suppress(KeyError):
            self._bars.update(self._lines[target].task, state="given up")

    def told(self, line: str) -> None:
        """Something is to be said."""
        tell(line)
