# SPDX-License-Identifier: MIT
"""Kernels of the store, one that there is not, and the facts of one that has all."""

from pathlib import Path

import pytest

from suite.errors import InfrastructureError
from suite.judge.records import Facts, KernelBuild
from vm.kernel import Kernel
from vm.store import Store

FULL = Facts(
    release="r",
    version="v",
    machine="m",
    abi=6,
    errata=0,
    uid=0,
    capabilities=(1 << 41) - 1,
    user_namespaces=True,
    ipv6=True,
    audit=True,
)
NO_KERNEL = Kernel(
    build=KernelBuild(name="x", release="x", version="1", source="path:/x", sha256="0"),
    vmlinuz=Path("/dev/null"),
    modules=None,
    config=None,
)


def stored(wish: str) -> Kernel:
    """A kernel of the store; without it, the test is skipped."""
    try:
        return Store().get(wish)
    except InfrastructureError as error:
        pytest.skip(f"no kernel {wish} in the store (landproof kernels fetch {wish}): {error}")
