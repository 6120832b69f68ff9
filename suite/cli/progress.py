# SPDX-License-Identifier: MIT
"""Show on standard error how far a run is: a line a target on a terminal, else one at its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID
from rich.table import Column
from rich.text import Text

from reports.kernel_line import count
from suite.run.recorder import Planned


class RunProgress:
    """A watcher of a run, as a context manager."""

    def __init__(self, targets: list[str]) -> None:
        self._console = Console(stderr=True, emoji=False)  # vm:one is no picture
        self._over = False
        name = Column(no_wrap=True, overflow="ellipsis", max_width=self._console.width // 3)
        cases = Column(no_wrap=True, justify="right", min_width=9)
        seconds = Column(no_wrap=True, justify="right", min_width=5)
        rest = Column(no_wrap=True, overflow="ellipsis", ratio=1)
        self._bars = Progress(
            _Said(lambda target: Text(target.name), name),
            BarColumn(bar_width=min(16, self._console.width // 8)),
            _Said(_cases, cases),
            _Said(_elapsed, seconds),
            _Said(lambda target: _styled(self._state(target)), rest),
            console=self._console,
            disable=not self._console.is_terminal,
            expand=True,
        )
        self._tasks: dict[str, TaskID] = {
            name: self._bars.add_task(name, total=1, target=Planned(name)) for name in targets
        }
        self._ended: set[str] = set()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over = True
        self._bars.stop()

    def changed(self, target: Planned) -> None:
        """A target's plan is known, or a case of it began or ended."""
        self._bars.update(
            self._tasks[target.name],
            total=len(target.cases) or 1,
            completed=target.done,
            target=target,
        )
        if target.ended and target.started and target.name not in self._ended:
            self._ended.add(target.name)
            if not self._console.is_terminal:
                cases = f"{target.done} case{'s' * (target.done != 1)}"
                took = f"{target.ended - target.started:.1f} s"
                line = f"{target.name}: {cases} in {took}, {self._state(target)}"
                self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _state(self, target: Planned) -> str:
        if self._over and not target.ended:
            return "interrupted"
        if target.started is None:
            return "waiting"
        if target.facts is None:
            return "does not come up" if target.done else "booting"
        found = count(record.verdict for record in target.cases.values() if record)
        said = ", ".join(f"{number} {verdict}" for verdict, number in found.items() if verdict.bad)
        return said or ("done" if target.ended else "running")


class _Said(ProgressColumn):
    """What is said of a target, anew whenever its line is drawn."""

    def __init__(self, say: Callable[[Planned], Text], column: Column) -> None:
        super().__init__(column)
        self._say = say

    def render(self, task: Task) -> Text:
        """The text of one line."""
        return self._say(task.fields["target"])


def _cases(target: Planned) -> Text:
    total = len(target.cases)
    return Text(f"{target.done:{len(str(total))}}/{total}" if total else "")


def _elapsed(target: Planned) -> Text:
    if target.started is None:
        return Text("")
    return Text(f"{(target.ended or time.monotonic()) - target.started:.0f} s")


def _styled(state: str) -> Text:
    style = {"waiting": "dim", "booting": "", "running": "", "done": "green"}.get(state, "red")
    return Text(state, style)
