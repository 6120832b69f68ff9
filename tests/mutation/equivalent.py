# SPDX-License-Identifier: MIT
"""The list of mutants that no case can kill, each with why."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from suite.errors import UsageError

EQUIVALENT = Path(__file__).parents[1] / "data" / "equivalent.toml"


def read(path: Path) -> Mapping[str, str]:
    """The reasons, by names of mutants.

    Raises:
        UsageError: An entry gives no reason, or the file is no TOML.
    """
    try:
        reasons = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}") from error
    for name, reason in reasons.items():
        if not isinstance(reason, str) or not reason.strip():
            raise UsageError(f'{path}: {name} needs a reason: "NAME" = "why no case can kill it"')
    return reasons
