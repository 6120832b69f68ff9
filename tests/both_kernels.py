# SPDX-License-Identifier: MIT
"""The running kernel and a small one, for tests that hold the one against the other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from suite.kernel.boot import booted
from suite.kernel.channel import ModelChannel
from suite.kernel.target import named
from suite.process.process import Process
from suite.process.session import Session
from suite.targets.base import Ground
from suite.targets.local import LocalTarget


@contextmanager
def running(
    needs: str = "namespaces of its own", fits: Callable[[Ground], bool] = lambda _ground: True
) -> Iterator[Ground]:
    """The running kernel, with namespaces of ours; skips the test where it does not fit."""
    target = LocalTarget()
    try:
        ground = target.start()
        if not ground.private or not fits(ground):
            pytest.skip(f"needs {needs}")
        yield ground
    finally:
        target.stop()


def small() -> Process:
    """The first process of a small kernel without Landlock; nothing is mounted, loopback is up."""
    kernel = booted(named("model:none"))
    kernel.net.loopback_up = True
    return Process(Session(ModelChannel(kernel), "x86_64"), 0)
