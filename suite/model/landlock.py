# SPDX-License-Identifier: MIT
"""Rulesets, layers and domains."""

from __future__ import annotations

from dataclasses import dataclass, field

from suite.landlock.abi import Erratum


@dataclass(frozen=True, slots=True)
class Model:
    """Which Landlock: all rules are functions of one."""

    abi: int
    """0: none."""
    errata: frozenset[Erratum] = frozenset()
    """Those that are fixed."""
    bugs: frozenset[str] = frozenset()
    """Known bugs that it has, by the names in ``suite.landlock.bugs``."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a task's credentials keep of Landlock."""

    domain: object = None
    same_exec: frozenset[int] = field(default_factory=frozenset)
    log_subdomains_off: bool = False


NO_SUBJECT = Subject()
