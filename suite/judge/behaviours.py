# SPDX-License-Identifier: MIT
"""The list of behaviours that the cases have to show: ``cases/behaviours.toml``."""

from __future__ import annotations

from pathlib import Path

import msgspec

from suite.errors import UsageError

LIST = Path(__file__).parents[2] / "cases" / "behaviours.toml"


class Behaviour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that user space can see of Landlock."""

    area: str
    """The folder of ``cases/`` that it belongs to."""
    says: str
    """One sentence."""
    source: str
    """Where it is written: a header, a page, a function, the subject of a commit."""
    reason: str = ""
    """Why no case shows it; empty for one that a case must show."""


def behaviours(path: Path = LIST) -> dict[str, Behaviour]:
    """All of them, by id, in the order of the file.

    Raises:
        UsageError: The file is malformed.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=dict[str, Behaviour])
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: {error}") from error
