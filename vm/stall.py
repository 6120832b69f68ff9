# SPDX-License-Identifier: MIT
"""A mirror that stalls: said within seconds, and given up by a limit of our own.

apt has limits, too (Acquire::http::Timeout, Acquire::Retries, as this machine sets them), but they
are of one attempt for one file, of which an index has dozens.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from vm.tools import UnreachableError

SAID_AFTER_S = 5.0
GIVEN_UP_AFTER_S = 60.0
"""Seconds without one more byte."""
WAITING = "dlstatus:"
"""How a line begins that says no more than that it waits."""


class Patience:
    """Hears what apt-get prints with ``APT::Status-Fd``: a line twice a second while it waits.

    Args:
        doing: How the error begins.
        folders: Where apt puts what it downloads.
        warn: Told, once each time that it stalls, that the mirror does not answer.
        otherwise: What to do but to try later.
    """

    def __init__(
        self,
        doing: str,
        folders: Sequence[Path],
        warn: Callable[[str], None],
        otherwise: str = "name another with --mirror URL",
    ) -> None:
        self._doing = doing
        self._folders = folders
        self._warn = warn
        self._otherwise = otherwise
        self._answers: set[str] = set()
        self._most = 0
        self._since = time.monotonic()
        self._told = False

    def hear(self, line: str) -> None:
        """Take a line.

        Raises:
            UnreachableError: For ``GIVEN_UP_AFTER_S`` nothing has come from the mirror.
        """
        if self._is_news(line):
            self._since, self._told = time.monotonic(), False
            return
        silent = time.monotonic() - self._since
        if silent >= GIVEN_UP_AFTER_S:
            raise UnreachableError(
                f"{self._doing}: the mirror has not answered for {GIVEN_UP_AFTER_S:g} s; "
                f"try later, or {self._otherwise}"
            )
        if silent >= SAID_AFTER_S and not self._told:
            self._told = True
            self._warn(
                f"the mirror has not answered for {SAID_AFTER_S:g} s; "
                f"given up after {GIVEN_UP_AFTER_S:g} s"
            )

    def _is_news(self, line: str) -> bool:
        """Whether something has come that had not come before, also not in an earlier attempt."""
        if not line.startswith(WAITING):
            # Otherwise apt says by no such line that it waits: it verifies, or reads its lists.
            known = len(self._answers)
            self._answers.add(line)
            return not line.startswith(("Ign:", "Err:", " ")) and len(self._answers) > known
        size = sum(_sizes(self._folders))
        more, self._most = size > self._most, max(size, self._most)
        return more


def _sizes(folders: Sequence[Path]) -> list[int]:
    found = []
    for folder in folders:
        for path in folder.rglob("*"):
            try:
                found.append(path.lstat().st_size)
            except OSError:  # it was moved meanwhile
                continue
    return found
