# SPDX-License-Identifier: MIT
"""How a system call of the small kernel ends, if not with a value."""

from __future__ import annotations

import errno


class CallEndedError(Exception):
    """A system call that gives no value."""


class Errno(CallEndedError):  # noqa: N818 (it is what a call gives, and no error of ours)
    """The call fails with this errno, such as ``errno.EACCES``."""

    def __init__(self, number: int) -> None:
        super().__init__(errno.errorcode.get(number, str(number)))
        self.number = number


class NotModelled(CallEndedError):  # noqa: N818 (a limit of ours)
    """There is no word for what was asked; ``what`` names it, and begins with its area.

    To guess is worse than to say so: the case is skipped, and counted by this text.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Waits(CallEndedError):  # noqa: N818 (nothing is wrong)
    """The call can't go on yet, and has changed nothing: it is made again when something happened.

    ``until``: by the kernel's clock (seconds), when it is to be made again at the latest; None if
    it waits for ever.
    """

    def __init__(self, until: float | None = None) -> None:
        super().__init__()
        self.until = until


class Died(CallEndedError):  # noqa: N818 (it is what happens)
    """The task that made the call is no more: exit(2), or a signal that ended it."""
