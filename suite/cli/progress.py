# SPDX-License-Identifier: MIT
"""Show on standard error how far a run is: a line a target on a terminal, else one at its end."""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from suite.recorder import Planned
from suite.records import Verdict

_BAD = (Verdict.DEVIATES, Verdict.BROKEN, Verdict.CRASHED, Verdict.HUNG, Verdict.LOST)


class RunProgress:
    """A watcher of a run, as a context manager."""

    def __init__(self, targets: list[str]) -> None:
        self._console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[elapsed]:>6} {task.fields[state]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {
            name: self._bars.add_task(name, total=None, state="waiting", elapsed="")
            for name in targets
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
        self._bars.stop()

    def changed(self, target: Planned) -> None:
        """A case of a target began or ended."""
        now = target.ended or time.monotonic()
        elapsed = f"{now - target.started:.1f} s" if target.started else ""
        state = _state(target)
        self._bars.update(
            self._tasks[target.name],
            total=len(target.cases) or None,
            completed=target.done,
            state=state,
            elapsed=elapsed,
        )
        if target.ended and target.name not in self._ended:
            self._ended.add(target.name)
            if not self._console.is_terminal:
                line = f"{target.name}: {target.done} cases in {elapsed}, {state}"
                self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def _state(target: Planned) -> str:
    if target.started is None:
        return "waiting"
    if target.facts is None:
        return "booting" if target.done == 0 else "does not come up"
    bad = Counter(record.verdict for record in target.cases.values() if record)
    said = ", ".join(f"{bad[verdict]} {verdict}" for verdict in _BAD if bad[verdict])
    return said or ("done" if target.ended else "running")
