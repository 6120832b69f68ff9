# SPDX-License-Identifier: MIT
"""How a case is run: once, and once more where the first time does not settle whose fault it is."""

from __future__ import annotations

import msgspec
import pytest
from _pytest.runner import runtestprotocol

from suite.judge.records import Verdict
from suite.run import clients, rows
from suite.run.envelopes import enclose, opened
from suite.run.lifetimes import Lifetimes
from suite.run.surroundings import BARE, CAME_TO, DENIED_CALL, JUDGEMENT, acquit, is_in_doubt
from suite.targets.hub import Hub

SHOWN = "landproof_shown"
"""In what a worker is told: whether its controller ``shows_progress``."""


class Protocol:
    """A plugin of every process that runs cases."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._lifetimes = Lifetimes(hub, self._run_again, _correct)

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run an item; pass on only the reports that tell: sending one takes as long as a case."""
        _locate(item)
        hook, node = item.ihook, {"nodeid": item.nodeid, "location": item.location}
        hook.pytest_runtest_logstart(**node)
        name = rows.target_of(item)
        self._lifetimes.begin(item)
        reports = self._run(item, nextitem)
        if self._hub.second_chance(name):
            reports = self._run(item, nextitem)
        if is_in_doubt(item.stash.get(JUDGEMENT, None)):
            self._look_again(item, nextitem, reports)
        self._look_at_client(item, nextitem, reports)
        for report in reports:
            if report.when == "call" or not report.passed:
                hook.pytest_runtest_logreport(report=report)
        if shows_progress(item.config):
            hook.pytest_runtest_logfinish(**node)
        self._lifetimes.end(item, reports)
        if nextitem is None or rows.target_of(nextitem) != name:
            self._lifetimes.settle()
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> pytest.TestReport | None:
        """Make short work of reports that are not passed on: on what passes before and after."""
        if call.when not in ("setup", "teardown") or call.excinfo:
            return None
        return pytest.TestReport(item.nodeid, item.location, {}, "passed", None, call.when)

    def _run(self, item: pytest.Item, nextitem: pytest.Item | None) -> list[pytest.TestReport]:
        """Set it up, call it, tear it down, and know nothing of an earlier time."""
        if JUDGEMENT in item.stash:
            del item.stash[JUDGEMENT]
        if CAME_TO in item.stash:
            del item.stash[CAME_TO]
        return runtestprotocol(item, log=False, nextitem=nextitem)

    def _run_again(self, item: pytest.Item) -> None:
        """Run it once more after others; they, and what follows, are set up by themselves."""
        item.session._setupstate.teardown_exact(None)
        self._run(item, None)

    def _look_at_client(
        self, item: pytest.Item, nextitem: pytest.Item | None, reports: list[pytest.TestReport]
    ) -> None:
        """If the target has somebody else's enforcer, run the case in that one's domains, too."""
        name = rows.target_of(item)
        by = self._hub.client(name)
        if by is None:
            return
        judgement = item.stash.get(JUDGEMENT, None)
        abi = self._hub.ground(name).facts.abi if judgement else 0
        clients.look(item, by, abi, reports, lambda: self._run(item, nextitem))

    def _look_again(
        self, item: pytest.Item, nextitem: pytest.Item | None, reports: list[pytest.TestReport]
    ) -> None:
        """Run it with no domain enforced; if it comes to the same, its report blames no kernel."""
        blamed = item.stash[JUDGEMENT]
        item.stash[BARE] = True
        self._run(item, nextitem)
        del item.stash[BARE]
        if item.stash.get(CAME_TO, None) != blamed.observed:
            return
        facts = self._hub.ground(rows.target_of(item)).facts
        for report in reports:
            envelope = opened(report)
            if envelope is not None:
                record = acquit(envelope.case, facts, item.stash[DENIED_CALL])
                enclose(report, msgspec.structs.replace(envelope, case=record))
                if record.verdict is Verdict.SKIPPED:
                    report.outcome = "skipped"
                    report.longrepr = (str(item.path), item.location[1] or 0, record.reason)


def _correct(item: pytest.Item, report: pytest.TestReport) -> None:
    """Pass on another report of a case that was run before."""
    plugins = item.config.pluginmanager.get_plugins()
    worker = next((it for it in plugins if hasattr(it, "item_index")), None)
    if worker is None:
        item.ihook.pytest_runtest_logreport(report=report)
        return
    # xdist's takes no report but of the item that it runs.
    now, worker.item_index = worker.item_index, item.session.items.index(item)
    item.ihook.pytest_runtest_logreport(report=report)
    worker.item_index = now


def shows_progress(config: pytest.Config) -> bool:
    """Whether pytest's terminal, in this process or the controller, wants to hear of every end.

    To tell a controller takes a message for each case, which nobody reads without a terminal.
    """
    told: dict[str, object] | None = getattr(config, "workerinput", None)
    if told is not None:
        return bool(told[SHOWN])
    return config.pluginmanager.has_plugin("terminalreporter")


def _locate(item: pytest.Item) -> None:
    """Say where a plain function stands: pytest would look for its file with every row."""
    if isinstance(item, pytest.Function) and isinstance(item.parent, pytest.Module):
        file, code = item.nodeid.partition("::")[0], getattr(item.function, "__code__", None)
        wrapped = hasattr(item.function, "__wrapped__")
        if code and not wrapped and code.co_filename == f"{item.config.rootpath}/{file}":
            item.location = file, code.co_firstlineno - 1, item.name
