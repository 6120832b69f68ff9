# SPDX-License-Identifier: MIT
"""Two things timed in turns, so that a busy minute hurts both alike."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from suite.errors import Exit, InfrastructureError

LANDPROOF = (sys.executable, "-m", "suite.cli.main")
CHECKED = (Exit.CONFORMS, Exit.DEVIATES)


@dataclass(frozen=True, slots=True)
class Pair:
    """Seconds of both, a pair a round."""

    ours: tuple[float, ...]
    other: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median over median."""
        return statistics.median(self.ours) / statistics.median(self.other)

    def line(self, what: str, other: str) -> str:
        """Such as ``start  0.07 s over 0.02 s (python): ratio 3.50``."""
        return (
            f"  {what:<34} {_told(self.ours)} over {_told(self.other)} ({other}): {self.ratio:.2f}"
        )


def paired(ours: Callable[[], float], other: Callable[[], float], rounds: int) -> Pair:
    """Take both as often as there are rounds; who comes first changes with each."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            second = other()
            pairs.append((ours(), second))
        else:
            pairs.append((ours(), other()))
    first, last = zip(*pairs, strict=True)
    return Pair(first, last)


def timed(command: Sequence[str], good: Collection[int] = (0,)) -> float:
    """Seconds that a command takes, from its start to its end.

    Raises:
        InfrastructureError: It ended with none of the good exit codes.
    """
    start = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 (ours, no shell)
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            out, error = process.communicate()
        except KeyboardInterrupt:
            process.communicate()  # it has heard of it too, and puts away what it has made
            raise
    took = time.perf_counter() - start
    if process.returncode not in good:
        said = (error or out).strip().rpartition("\n")[2]
        raise InfrastructureError(f"{' '.join(command)} ended with {process.returncode}: {said}")
    return took


def _told(seconds: tuple[float, ...]) -> str:
    median = statistics.median(seconds)
    return f"{median:.1f} s" if median >= 10 else f"{median:.2f} s"
