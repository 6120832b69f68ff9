# SPDX-License-Identifier: MIT
"""Why a case has no reproducer."""

from suite.errors import LandproofError


class UnwritableError(LandproofError):
    """A case does something that can't be written in C yet; the message says what."""
