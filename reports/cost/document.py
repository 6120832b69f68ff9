# SPDX-License-Identifier: MIT
"""Files that hold what ``landproof cost`` measured: written whole, read strictly."""

from __future__ import annotations

from pathlib import Path

import msgspec

from suite.errors import UsageError
from suite.judge.costs import SCHEMA_VERSION, Costs


class _Header(msgspec.Struct):
    """What tells such a file from a results file."""

    unit: str
    kernels: list[msgspec.Raw]
    schema: int


def is_costs(path: Path) -> bool:
    """Whether a file is one of these, as far as it can be read at all."""
    try:
        msgspec.json.decode(path.read_bytes(), type=_Header)
    except (OSError, msgspec.MsgspecError):
        return False
    return True


def load(path: Path) -> Costs:
    """Read such a file.

    Raises:
        UsageError: It can't be read, is none, or is one of another version.
    """
    try:
        data = path.read_bytes()
        header = msgspec.json.decode(data, type=_Header)
        if header.schema != SCHEMA_VERSION:
            raise UsageError(
                f"{path} has version {header.schema} of the schema; this landproof reads"
                f" {SCHEMA_VERSION}"
            )
        return msgspec.json.decode(data, type=Costs)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path} holds no costs: {error}") from error


def json(costs: Costs) -> str:
    """The text of such a file."""
    return msgspec.json.format(msgspec.json.encode(costs), indent=1).decode() + "\n"
