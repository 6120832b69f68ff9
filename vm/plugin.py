# SPDX-License-Identifier: MIT
"""pytest plugin: the ``vm:`` targets and their options."""

from __future__ import annotations

from pathlib import Path

import pytest

from vm.catalogue import DEFAULT_FLAVOUR
from vm.store import Store
from vm.target import VmTarget

SCHEME = "vm:"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of virtual machines."""
    group = parser.getgroup("landproof")
    group.addoption("--store", type=Path, metavar="FOLDER", help="where kernels are kept")
    group.addoption("--flavour", default=DEFAULT_FLAVOUR, help="of kernel names that say none")
    group.addoption("--accel", metavar="NAME", help="kvm or tcg (default: a trial boot decides)")
    group.addoption("--consoles", type=Path, metavar="FOLDER", help="keep the consoles here")


def pytest_landproof_target(name: str, config: pytest.Config) -> VmTarget | None:
    """A machine for a stored kernel; nothing is downloaded here."""
    if not name.startswith(SCHEME):
        return None
    store = Store(config.getoption("store"), flavour=config.getoption("flavour"))
    kernel = store.get(name.removeprefix(SCHEME))
    return VmTarget(name, kernel, config.getoption("accel"), config.getoption("consoles"))
