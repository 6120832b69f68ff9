# SPDX-License-Identifier: MIT
"""Kernel modules of a target, loaded when something that a case needs is in one."""

from __future__ import annotations

from collections.abc import Iterable

from suite.session import Mode
from suite.targets.base import Ground, Target

_DEADLINE_MS = 60_000
"""Under emulation, xfs takes 3 s to load, and btrfs measures its checksums for another one."""


def load_modules(names: Iterable[str], ground: Ground, target: Target) -> None:
    """Load modules with what they need, each once; whether one is there, its feature will tell."""
    session = ground.session
    before, session.deadline_ms = session.deadline_ms, _DEADLINE_MS
    try:
        for name in names:
            if name in ground.loaded:
                continue
            ground.loaded.add(name)
            for image in target.modules(name):
                # It may be there already (EEXIST), or be for another processor (ENODEV).
                with session.in_mode(Mode.OBSERVED):
                    ground.root.init_module(image)
                session.flush()
    finally:
        session.deadline_ms = before
