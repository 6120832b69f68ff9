# SPDX-License-Identifier: MIT
"""Show on standard error how far a run is: a line a target on a terminal, else one at its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID
from rich.table import Column
from rich.text import Text

from reports.kernel_line import count
from suite.cli.fetching import Lines, told
from suite.cli.outlet import guard, screen, tell
from suite.run.recorder import Planned
from vm import store

_WAITS, _GOES_ON, _IS_BAD, _IS_DONE = "dim", "", "red", "green"
"""The styles of what is said of a target."""


@dataclass(slots=True)
class _Shown:
    """What is known of a target."""

    plan: Planned
    doing: str = ""
    """What is done for its kernel."""
    failed: str = ""
    """Why its kernel can't be had."""


class RunProgress:
    """A watcher of a run and of the fetches for it, as a context manager.

    If the block ends by an error, what was shown at a terminal goes: the error says what to know.

    Args:
        targets: All targets, in the order of their lines.
        at_once: How many run at once.
    """

    def __init__(self, targets: list[str], at_once: int) -> None:
        self._console = screen()
        self._at_once = at_once
        self._over = False
        self._lines = Lines()
        name = Column(no_wrap=True, overflow="ellipsis", max_width=self._console.width // 3)
        cases = Column(no_wrap=True, justify="right", min_width=9)
        seconds = Column(no_wrap=True, justify="right", min_width=5)
        rest = Column(no_wrap=True, overflow="ellipsis", ratio=1)
        self._bars = Progress(
            _Said(lambda shown: Text(guard(shown.plan.name)), name),
            BarColumn(bar_width=min(16, self._console.width // 8)),
            _Said(lambda shown: _cases(shown.plan), cases),
            _Said(lambda shown: _elapsed(shown.plan), seconds),
            _Said(lambda shown: Text(*self._state(shown)), rest),
            console=self._console,
            disable=not self._console.is_terminal,
            expand=True,
        )
        self._shown = {name: _Shown(Planned(name)) for name in targets}
        self._tasks: dict[str, TaskID] = {
            name: self._bars.add_task(name, total=1, shown=shown)
            for name, shown in self._shown.items()
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
        self._bars.live.transient = error is not None
        self._bars.stop()

    def changed(self, target: Planned) -> None:
        """A target's plan is known, or a case of it began or ended."""
        shown = self._shown[target.name]
        shown.plan = target
        if not shown.doing:
            self._fill(target.name, target.done, len(target.cases))
        if target.ended and target.started and target.name not in self._ended:
            self._ended.add(target.name)
            if not self._console.is_terminal:
                cases = f"{target.done} case{'s' * (target.done != 1)}"
                took = f"{target.ended - target.started:.1f} s"
                line = f"{target.name}: {cases} in {took}, {self._state(shown)[0]}"
                tell(line)

    def fetched(self, target: str, news: store.Progress) -> None:
        """The fetch of its kernel has come so far."""
        if not self._console.is_terminal:
            self._lines(news)
            return
        self._shown[target].doing = told(news)
        self._fill(target, news.done, news.total)

    def doing(self, target: str, what: str) -> None:
        """What is done for its kernel, in a few words; none if it is ready."""
        shown = self._shown[target]
        shown.doing = what
        self._fill(target, shown.plan.done, len(shown.plan.cases))

    def failed(self, target: str, why: str) -> None:
        """Its kernel can't be had."""
        self._shown[target].failed = guard(why)

    def _fill(self, target: str, done: int, total: int) -> None:
        self._bars.update(self._tasks[target], completed=done, total=total or 1)

    def _state(self, shown: _Shown) -> tuple[str, str]:  # noqa: PLR0911 (one a state)
        """What is said of a target, and in which style."""
        plan = shown.plan
        if shown.failed:
            return f"can't be had: {shown.failed}", _IS_BAD
        if self._over and not plan.ended:
            return "interrupted", _IS_BAD
        if shown.doing:
            return shown.doing, _WAITS
        if not plan.cases:
            return "collecting", _WAITS
        if plan.started is None:
            return f"queued: {self._at_once} run{'s' * (self._at_once == 1)} at once", _WAITS
        if plan.facts is None:
            return ("does not come up", _IS_BAD) if plan.done else ("starting", _GOES_ON)
        found = count(record.verdict for record in plan.cases.values() if record)
        bad = ", ".join(f"{number} {verdict}" for verdict, number in found.items() if verdict.bad)
        if bad:
            return bad, _IS_BAD
        return ("done", _IS_DONE) if plan.ended else ("running", _GOES_ON)


class _Said(ProgressColumn):
    """What is said of a target, anew whenever its line is drawn."""

    def __init__(self, say: Callable[[_Shown], Text], column: Column) -> None:
        super().__init__(column)
        self._say = say

    def render(self, task: Task) -> Text:
        """The text of one line."""
        return self._say(task.fields["shown"])


def _cases(plan: Planned) -> Text:
    total = len(plan.cases)
    return Text(f"{plan.done:{len(str(total))}}/{total}" if total else "")


def _elapsed(plan: Planned) -> Text:
    if plan.started is None:
        return Text("")
    return Text(f"{(plan.ended or time.monotonic()) - plan.started:.0f} s")
