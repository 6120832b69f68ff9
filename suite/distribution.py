# SPDX-License-Identifier: MIT
"""Which distribution this machine has, and the command by which it installs a tool.

`suite/distribution.toml` has a row for each tool that is asked for.
"""

import platform
import tomllib
from pathlib import Path

import msgspec


class Distribution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One, with all that are like it."""

    name: str
    ids: tuple[str, ...]
    """Of os-release(5): its own, and those that others are like."""
    install: str
    """The command; names of packages follow."""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    distributions: tuple[Distribution, ...]
    tools: dict[str, tuple[str, ...]]
    """The package that has a tool, by distributions."""


_TABLE = msgspec.convert(
    tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")), _Table
)
DISTRIBUTIONS = _TABLE.distributions
TOOLS = _TABLE.tools


def lacking(tool: str) -> str:
    """Say that a tool is not installed, and what to do.

    Args:
        tool: A row of the table.
    """
    return f"{tool} is not installed; {advice(tool)}"


def advice(tool: str) -> str:
    """Say how a tool is installed, as `install` does if that is known."""
    command = install(tool)
    return f"run: {command}" if command else f"install what Debian calls {TOOLS[tool][0]}"


def install(tool: str) -> str:
    """Return the command that installs a tool here; empty where it is not known."""
    ours = of_this_machine()
    return f"{ours.install} {TOOLS[tool][DISTRIBUTIONS.index(ours)]}" if ours else ""


def of_this_machine() -> Distribution | None:
    """Return what this machine has, as far as it is known."""
    try:
        told = platform.freedesktop_os_release()
    except OSError:
        return None
    # Its own first, then those that it is like, the nearest first.
    for word in (told["ID"], *told.get("ID_LIKE", "").split()):
        for it in DISTRIBUTIONS:
            if word in it.ids:
                return it
    return None
