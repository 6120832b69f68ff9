# SPDX-License-Identifier: CC0-1.0
"""Which Linux kernels have which feature of Landlock, as measured."""

import json
from functools import cache
from importlib.resources import files
from typing import cast

from landlock_compat.types import AbiSupport, AbiVersion, Compat

__all__ = ["data", "masks", "on_abi"]


@cache
def data() -> Compat:
    """All of it, as ``data.json`` has it."""
    text = files(__name__).joinpath("data.json").read_text(encoding="utf-8")
    return cast("Compat", json.loads(text))


def masks(abi: int) -> AbiVersion | None:
    """What to ask for on a kernel that reports this ABI version.

    That of the newest one known where the kernel is newer; None where it has no Landlock (0, or
    an error).
    """
    return data()["abis"][_known(abi)] if abi > 0 else None


def on_abi(feature: str, abi: int) -> AbiSupport | None:
    """What kernels that report this ABI version do about a feature, such as ``fs.truncate``.

    None where there is no Landlock.

    Raises:
        KeyError: There is no such feature.
    """
    row = data()["features"][feature]
    return row["by_abi"][_known(abi)] if abi > 0 else None


def _known(abi: int) -> str:
    return str(min(abi, max(map(int, data()["abis"]))))
