# SPDX-License-Identifier: MIT
"""pytest fixtures, markers and options; and how each test becomes one record."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from suite.agent.channel import AgentLostError, AgentSilentError
from suite.errors import LandproofError
from suite.judge.causes import no_landlock_calls
from suite.judge.expectation import Expectation
from suite.judge.outcome import Outcome
from suite.judge.records import CaseRecord, Facts, Verdict
from suite.judge.verdict import Judgement, judge
from suite.landlock.bugs import labelled
from suite.process.process import Observation, Process
from suite.process.promise import FilteredError, HungError, NotModelledError, SetupError
from suite.process.reuse import Spare, is_spent, tidy_up
from suite.run import rows, workers
from suite.run.brief import brief
from suite.run.choice import Chosen, chosen, declared
from suite.run.envelopes import enclose, opened
from suite.run.needs import RINGS, Need
from suite.run.protocol import Protocol
from suite.run.selection import select
from suite.run.surroundings import (
    BARE,
    CAME_TO,
    DENIED_CALL,
    JUDGED,
    JUDGEMENT,
    SPENT,
    denied_call,
    excuse,
    excuse_judgement,
)
from suite.run.unmet import unmet
from suite.targets.base import Ground
from suite.targets.disks import MissingError
from suite.targets.filesystems import FileSystem, lay_tree, mounted
from suite.targets.ground import agent32
from suite.targets.hub import Hub, TargetDownError
from suite.targets.schemes import registered
from suite.targets.tree import Tree
from suite.witness import tracefs

_MOST_CALLS = 100
_expectation = pytest.StashKey[Expectation]()
_control = pytest.StashKey[Outcome | None]()
_hub = pytest.StashKey[Hub]()
_chosen = pytest.StashKey[Chosen]()


class Deviation(AssertionError):  # noqa: N818 (no error of ours, but a case's verdict)
    """The kernel did something other than what it owes."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add landproof's options."""
    group = parser.getgroup("landproof")
    group.addoption(
        "--target",
        action="append",
        default=[],
        metavar="NAME",
        help="where the cases run, such as local or vm:NAME; repeatable (default: local)",
    )
    group.addoption(
        "--brief", action="store_true", help="leave out what shows a behaviour once more"
    )
    group.addoption("--select", metavar="EXPRESSION", help="like -k, of cases and not of targets")
    for scheme in registered().known.values():
        scheme.add_options(group)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    # Cleaned up first to last: after pytest's own collection of garbage, which takes its time.
    config.add_cleanup(gc.unfreeze)
    config.addinivalue_line("markers", "rows(table): what @table runs the function with")
    config.addinivalue_line("markers", "filesystems(one, ...): where the files of the case lie")
    config.addinivalue_line("markers", "covers(feature, ...): the rights that the case is about")
    config.addinivalue_line("markers", "answers(id, ...): the behaviours that the case shows")
    config.addinivalue_line("markers", "needs(need, ...): what the target must have")
    config.addinivalue_line("markers", "own_memory: its processes never share their memory")
    config.addinivalue_line("markers", "vm_only: could change the machine; never on local")
    config.stash[_hub] = hub = Hub(lambda name: registered().of_target(name).make(name, config))
    config.pluginmanager.register(Protocol(hub))
    workers.configure(config, hub)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take every target down."""
    if hub := config.stash.get(_hub, None):
        hub.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Before anything runs, refuse names of targets that do not exist."""
    for name in session.config.getoption("target"):
        try:
            session.config.stash[_hub].target(name)
        except LandproofError as error:
            raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Choose the cases first; keep garbage collection off those that are collected, which stay."""
    gc.disable()
    try:
        _choose(session)
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _choose(session: pytest.Session) -> None:
    """Leave out what --select does not mean, and in a brief run, repetitions."""
    config = session.config
    text, short = config.getoption("select"), config.getoption("brief")
    if workers.is_controller(config) or not (text or short):
        return
    entries, _ = declared(session)
    kept = entries
    if text:
        kept = select(kept, text)
    if short:
        kept = brief(kept)
    config.stash[_chosen] = chosen(entries, kept)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Pass by a file of which no case is run."""
    functions = config.stash.get(_chosen, {}).get(collection_path)
    return True if functions == {} else None


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str) -> list[pytest.Item] | None:
    """Pass by a function of which no case is run."""
    functions = collector.config.stash.get(_chosen, {}).get(collector.path)
    return None if functions is None or name in functions or not name.startswith("test") else []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every case that was chosen on every target."""
    if "ground" in metafunc.fixturenames:
        names = rows.targets(metafunc.config)
        metafunc.parametrize("target_name", names, indirect=True, scope="session")
        functions = metafunc.config.stash.get(_chosen, {}).get(metafunc.definition.path, {})
        name = metafunc.function.__name__
        rows.parametrize(metafunc, functions.get(name) or rows.variants(metafunc.function))


def pytest_itemcollected(item: pytest.Item) -> None:
    """A case that is given a port needs TCP/IP, without saying so."""
    if isinstance(item, pytest.Function) and rows.takes_port(item.function):
        item.add_marker(rows.needs(Need.INET))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort cases by target, so that each is started once."""
    order: dict[str, int] = {}
    for item in items:
        order.setdefault(rows.target_of(item), len(order))
    items.sort(key=lambda item: order[rows.target_of(item)])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Skip a case if its set-up can't be done on the target."""
    return (yield from _skipping_what_can_not_be_done(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Skip a case if something that it does can't be done on the target."""
    return (yield from _skipping_what_can_not_be_done(item))


def _skipping_what_can_not_be_done(item: pytest.Item) -> Generator[None, None, None]:
    try:
        yield
    except (NotModelledError, FilteredError) as error:
        pytest.skip(str(error))
    except SetupError as error:
        reason = excuse(error, item.config.stash[_hub].ground(rows.target_of(item)).facts)
        if reason:
            pytest.skip(reason)
        raise


@pytest.fixture(scope="session")
def target_name(request: pytest.FixtureRequest) -> str:
    """The target of this test."""
    return str(request.param)


@pytest.fixture
def item(request: pytest.FixtureRequest) -> pytest.Item:
    """The test itself; fixtures ask for it because pytest takes longer to give ``request``."""
    node: pytest.Item = request.node
    return node


@pytest.fixture
def ground(item: pytest.Item, target_name: str) -> Ground:
    """The started target; skips the case if the target lacks something that the case needs."""
    hub = item.config.stash[_hub]
    ground = hub.ground(target_name)
    ground.session.bare = BARE in item.stash
    needs = _needs(item)
    if item.get_closest_marker("vm_only"):
        needs.append(Need.DISPOSABLE)
    reason = no_landlock_calls(ground.facts) or unmet(needs, ground, hub.target(target_name))
    if reason:
        pytest.skip(reason)
    return ground


def _needs(node: pytest.Item) -> list[Need]:
    return [need for mark in node.iter_markers("needs") for need in mark.args]


def _has_own_memory(node: pytest.Item) -> bool:
    return node.get_closest_marker("own_memory") is not None or not RINGS.isdisjoint(_needs(node))


@pytest.fixture
def facts(ground: Ground) -> Facts:
    """What the target is."""
    return ground.facts


def _mounted(wanted: FileSystem, item: pytest.Item, ground: Ground, target_name: str) -> str:
    """Where a file system is mounted; skips the case if the target lacks what mounting takes."""
    try:
        return mounted(wanted, ground, item.config.stash[_hub].target(target_name))
    except MissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def mount_point(item: pytest.Item, ground: Ground, target_name: str) -> Callable[[FileSystem], str]:
    """A function that tells where a file system is mounted, or skips the case if it can't be."""
    return lambda wanted: _mounted(wanted, item, ground, target_name)


@pytest.fixture
def filesystem(item: pytest.Item, ground: Ground, target_name: str) -> FileSystem | None:
    """The file system that the case chose for its files, if any, mounted before the case begins."""
    callspec = getattr(item, "callspec", None)
    wanted: FileSystem | None = callspec.params.get("filesystem") if callspec else None
    if wanted is not None:
        _mounted(wanted, item, ground, target_name)
    return wanted


@pytest.fixture
def process(item: pytest.Item, ground: Ground, filesystem: FileSystem | None) -> Iterator[Process]:
    """A process without a domain, as good as new; all that it makes are killed after the case."""
    parent = ground.root if _has_own_memory(item) else ground.sharing
    spare = ground.session.notes.of(Spare)[parent]
    process = spare.pop() if spare else parent.fork()
    with ground.session.scope():
        if Need.TRACEPOINTS not in _needs(item):
            tracefs.forget(process)
        yield process
    judgement = item.stash.get(JUDGEMENT, None)
    if judgement and judgement.verdict.good and not item.stash[SPENT]:
        tidy_up(process)
        spare.append(process)
    else:
        ground.session.kill(process.id)


@pytest.fixture
def process32(ground: Ground, process: Process) -> Process:
    """A child of ``process`` whose calls, like those of its own children, take the 32-bit entry."""
    child = process.fork()
    child.exec32(agent32(ground))
    return child


@pytest.fixture
def tree(
    item: pytest.Item,
    ground: Ground,
    process: Process,
    filesystem: FileSystem | None,
) -> Tree:
    """Fresh files in a folder of the case's own."""
    name = str(item.config.stash[_hub].number())
    if filesystem is not None:
        return lay_tree(filesystem, process, ground, name)
    return Tree(process, f"{ground.place}/{name}", ground.agent)


@pytest.fixture
def port(item: pytest.Item) -> int:
    """A port that no other case of this run uses; nor does any use the port after it."""
    return 1024 + 2 * (item.config.stash[_hub].number() % 16000)


@pytest.fixture(name="judge")
def judge_fixture(item: pytest.Item, ground: Ground, process: Process) -> Callable[..., None]:
    """Judge what was observed: ``judge(expectation, observed, control)``, once a test."""

    def rule(
        expectation: Expectation,
        observed: Observation | Outcome,
        control: Observation | Outcome | None = None,
    ) -> None:
        if JUDGEMENT in item.stash:
            raise LandproofError("the case was judged already: one behaviour, one judgement")
        item.stash[SPENT] = is_spent(process, ground.place)
        ground.session.conclude(*[process.id] if item.stash[SPENT] else [])
        seen = [o.outcome if isinstance(o, Observation) else o for o in (control, observed)]
        assert seen[1] is not None  # noqa: S101 (an observation has an outcome)
        if BARE in item.stash:
            item.stash[CAME_TO] = seen[1]
            return
        judgement = judge(expectation, ground.facts, seen[1], seen[0])
        reason = excuse_judgement(judgement, ground.facts, observed, control)
        if reason:
            pytest.skip(reason)
        item.stash[JUDGED] = observed, control
        item.stash[_control] = seen[0]
        item.stash[_expectation] = expectation
        item.stash[JUDGEMENT] = judgement
        if not judgement.verdict.good:
            item.stash[DENIED_CALL] = denied_call(observed)
            raise Deviation(explain(judgement))

    return rule


def explain(judgement: Judgement) -> str:
    """Why a verdict is not good, in a line or two."""
    if judgement.reason and not judgement.verdict.judged:
        return f"{judgement.verdict}: {judgement.reason}"
    text = f"expected {judgement.expected} ({judgement.clause}), observed {judgement.observed}"
    if judgement.reason:
        text += f"\n{judgement.reason}"
    return f"{text}\n{': '.join(labelled(judgement.bug))}" if judgement.bug else text


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the record once a test: to its call, or to its set-up if that did not pass."""
    report = yield
    if "ground" not in getattr(item, "fixturenames", ()):
        return report
    if BARE in item.stash:
        if call.excinfo and isinstance(call.excinfo.value, AgentLostError):
            # Nothing is said of the case, but the next one needs a target that lives.
            item.config.stash[_hub].bury(rows.target_of(item), call.excinfo.value)
        return report
    if call.when == "call" or (call.when == "setup" and not report.passed):
        hub = item.config.stash[_hub]
        name = rows.target_of(item)
        record = _to_record(item, call, report, hub, name)
        enclose(report, hub.envelope(name, record))
    return report


def _to_record(
    item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport, hub: Hub, name: str
) -> CaseRecord:
    judgement = item.stash.get(JUDGEMENT, None)
    error = call.excinfo.value if call.excinfo else None
    verdict, reason = _verdict(judgement, error, report, hub, name)
    record = CaseRecord(
        **rows.describe(item),
        verdict=verdict,
        reason=reason,
        calls=_last_calls(item) if verdict.bad else [],
        seconds=round(call.duration, 4),
    )
    if judgement is None:
        return record
    return msgspec.structs.replace(
        record,
        expected=judgement.expected,
        observed=judgement.observed,
        control=item.stash.get(_control, None),
        clause=str(judgement.clause),
        clauses=[str(clause) for clause in item.stash[_expectation]],
        bug=judgement.bug,
        about_bug=judgement.clause.bug.name if judgement.clause.bug else "",
        reason=reason or judgement.reason,
    )


def _last_calls(item: pytest.Item) -> list[str]:
    """The last calls of a case and what they gave, to show why its verdict is bad."""
    ground: Ground | None = getattr(item, "funcargs", {}).get("ground")
    if ground is None:
        return []
    # A call without a record was left out, if others of its program have one.
    made = [
        it for it in ground.session.calls() if it.index in it.batch.records or not it.batch.records
    ]
    return [call.told() for call in made[-_MOST_CALLS:]]


def _verdict(  # noqa: PLR0911 (one a way to end)
    judgement: Judgement | None,
    error: BaseException | None,
    report: pytest.TestReport,
    hub: Hub,
    name: str,
) -> tuple[Verdict, str]:
    match error:
        case None if judgement is None:
            return Verdict.BROKEN, "the case ended without a judgement"
        case None | Deviation():
            assert judgement is not None  # noqa: S101 (a deviation has one)
            return judgement.verdict, ""
        case TargetDownError():
            return Verdict.LOST, str(error)
        case AgentSilentError() | AgentLostError():
            return hub.bury(name, error)
        case HungError():
            return Verdict.HUNG, str(error)
        case LandproofError():
            return Verdict.BROKEN, str(error)
        case _ if report.skipped:
            return Verdict.SKIPPED, str(error)
        case _:
            return Verdict.BROKEN, f"{type(error).__name__}: {_words_of(error)}"


def _words_of(error: BaseException) -> str:
    """What an error says; of one that says nothing, such as a plain assert, the line of code."""
    frames = traceback.extract_tb(error.__traceback__)
    return str(error) or (frames[-1].line or "" if frames else "")


def pytest_report_teststatus(
    report: pytest.TestReport,
) -> tuple[str, str, tuple[str, dict[str, Any]]] | None:
    """Show verdicts instead of passed and failed."""
    envelope = opened(report)
    if envelope is None:
        return None
    verdict, good = str(envelope.case.verdict), report.passed
    colour = {"green": True} if good else {"yellow" if report.skipped else "red": True}
    letter = verdict[0] if good else verdict[0].upper()
    # pytest prints the details only of what it counts as failed
    category = "failed" if report.failed else verdict
    return category, letter, (verdict.upper(), colour)
