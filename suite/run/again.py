# SPDX-License-Identifier: MIT
"""A case whose machine was lost through no fault of the kernel is run once more."""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol

from suite.run import rows
from suite.targets.hub import Hub


class Again:
    """A plugin of every process that runs cases.

    Args:
        hub: Where the targets are.
        whole: Whether every phase of a case is reported, as pytest does, or no more than what the
            controller needs: sending takes as long as a case.
    """

    def __init__(self, hub: Hub, *, whole: bool) -> None:
        self._hub = hub
        self._whole = whole

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run a case, and report what came of it at last."""
        hook, node = item.ihook, {"nodeid": item.nodeid, "location": item.location}
        hook.pytest_runtest_logstart(**node)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        if self._hub.second_chance(rows.target_of(item)):
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
        for report in reports:
            if self._whole or report.when == "call" or not report.passed:
                hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(**node)
        return True
