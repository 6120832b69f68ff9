# SPDX-License-Identifier: MIT
"""What cases may ask for, as pytest's fixtures. ``Setting`` makes all of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from suite.judge.records import Facts
from suite.process.process import Process
from suite.run import rows
from suite.run.setting import Setting
from suite.targets.base import Ground
from suite.targets.filesystems import FileSystem
from suite.targets.hub import Hub
from suite.targets.tree import Tree


class Fixtures:
    """A plugin. pytest makes ``setting``, and the others only where a fixture asks for them."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._setting: Setting | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """A case begins; its target was chosen when it was collected."""
        if isinstance(item, pytest.Function) and (name := rows.target_of(item)):
            self._setting = Setting(item, self._hub)
            item.funcargs["target_name"] = name
        else:
            self._setting = None

    @pytest.fixture
    def target_name(self, request: pytest.FixtureRequest) -> str:
        """The target of this test."""
        return str(request.param)

    @pytest.fixture(autouse=True)
    def setting(self) -> Setting | None:
        """All that the case asks for; does not ask for ``request``, which takes pytest longer."""
        if self._setting:
            self._setting.fill()
        return self._setting

    # To be run on every target, a case has to ask for ``ground``, or for what asks for it.

    @pytest.fixture
    def ground(self, setting: Setting, target_name: str) -> Ground:
        """The started target; skips the case if the target lacks something that the case needs."""
        return setting.ground

    @pytest.fixture
    def facts(self, setting: Setting, ground: Ground) -> Facts:
        """What the target is."""
        return setting.facts

    @pytest.fixture
    def mount_point(self, setting: Setting, ground: Ground) -> Callable[[FileSystem], str]:
        """A function that tells where a file system is mounted, or skips the case if it can't."""
        return setting.mount_point

    @pytest.fixture
    def filesystem(self, setting: Setting, ground: Ground) -> FileSystem | None:
        """The file system that the case chose for its files, if any."""
        return setting.filesystem

    @pytest.fixture
    def process(self, setting: Setting, ground: Ground, filesystem: FileSystem | None) -> Process:
        """A process without a domain, as good as new; all it makes are killed after the case."""
        return setting.process

    @pytest.fixture
    def process32(self, setting: Setting, process: Process) -> Process:
        """A child of ``process`` whose calls, and its own children's, take the 32-bit entry."""
        return setting.process32

    @pytest.fixture
    def tree(self, setting: Setting, process: Process) -> Tree:
        """Fresh files in a folder of the case's own."""
        return setting.tree

    @pytest.fixture
    def port(self, setting: Setting) -> int:
        """A port that no other case of this run uses; nor does any use the port after it."""
        return setting.port

    @pytest.fixture
    def judge(self, setting: Setting, process: Process) -> rows.Judge:
        """Judge what was observed: ``judge(expectation, observed, control)``, once a test."""
        return setting.judge
