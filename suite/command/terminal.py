# SPDX-License-Identifier: MIT
"""A program on a terminal of the target's: what is typed here is typed there."""

from __future__ import annotations

import os
from collections.abc import Callable

from suite.command.order import Order
from suite.command.running import Running, give_streams
from suite.process.calls.ioctls import TIOCGPTN, TIOCSCTTY, TIOCSPTLCK, TIOCSWINSZ
from suite.process.process import Process
from suite.targets.standing import tried
from suite.values import Out, packed


class OnTerminal(Running):
    """A command whose standard files are a terminal, which controls its session.

    Args:
        root: As of `Running`.
        order: As of `Running`.
        typed: Gives what was typed here since it was called last.
        size: Gives the rows and columns of the terminal here.
    """

    look_s = 0.03
    """What is typed waits so long."""

    def __init__(
        self,
        root: Process,
        order: Order,
        typed: Callable[[], bytes],
        size: Callable[[], tuple[int, int]],
    ) -> None:
        self._typed = typed
        self._size = size
        self._told = (0, 0)
        super().__init__(root, order)

    def _streams(self) -> tuple[int, int]:
        keeper = self._keeper
        ours = keeper.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        keeper.ioctl(ours, TIOCSPTLCK, packed("i", 0))
        number = keeper.ioctl(ours, TIOCGPTN, Out(4, "i"))
        _ = number.value
        path = f"/dev/pts/{number.integer(0, 4)}"
        return ours.value, keeper.open(path, os.O_RDWR | os.O_NOCTTY).value

    def _take_streams(self, child: Process, theirs: int) -> None:
        child.syscall("ioctl", theirs, TIOCSCTTY, 0)
        give_streams(child, (theirs, theirs, theirs))

    def _look(self) -> int | None:
        if self._ours >= 0:
            self._pass_on()
        return super()._look()

    def _pass_on(self) -> None:
        """Type there what was typed here; what the terminal has no room for is lost."""
        size = self._size()
        if size != self._told:
            self._told = size
            both = packed("4H", *size, 0, 0)
            tried(self._keeper, lambda it: it.ioctl(self._ours, TIOCSWINSZ, both))
        if data := self._typed():
            tried(self._keeper, lambda it: it.write(self._ours, data))
