# SPDX-License-Identifier: MIT
"""What is to be run."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command, as every kernel gets it."""

    words: tuple[str, ...]
    """The program and its arguments; without a slash, the program is looked for on PATH."""
    folder: str
    """The folder in which it starts, absolute."""
    environment: dict[str, str] = field(default_factory=dict)
    user: int | None = None
    """The user's id; None for that of the target's agent, with its groups."""
    group: int = 0
    groups: tuple[int, ...] = ()
    """Supplementary groups."""
    is_own_user: bool = False
    """Whether that is only who runs landproof, whom other machines need not know."""
    timeout_s: float | None = None
    """Then it is killed, with all that it has started."""
    is_connected: bool = True
    """Whether the loopback device is up."""
