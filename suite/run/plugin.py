# SPDX-License-Identifier: MIT
"""pytest markers and options; and how each test becomes one record."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Collection, Generator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from suite.agent.channel import AgentLostError, AgentSilentError
from suite.errors import LandproofError
from suite.judge.records import CaseRecord, Facts, Verdict
from suite.judge.verdict import Judgement
from suite.landlock.bugs import Bug
from suite.process.promise import FilteredError, HungError, NotModelledError, SetupError
from suite.run import rows, workers
from suite.run.brief import wanted
from suite.run.choice import Chosen, chosen, declared
from suite.run.coming import COMING
from suite.run.envelopes import enclose, opened
from suite.run.fixtures import Fixtures
from suite.run.needs import Need
from suite.run.protocol import Protocol
from suite.run.setting import Deviation
from suite.run.surroundings import BARE, CONTROL, ENFORCER, EXPECTATION, JUDGEMENT, LOST, excuse
from suite.targets.base import Ground
from suite.targets.hub import Hub, TargetDownError
from suite.targets.schemes import registered

_MOST_CALLS = 100
_hub = pytest.StashKey[Hub]()
_chosen = pytest.StashKey[Chosen]()
_parts = pytest.StashKey[dict[str, set[str]]]()
"""The cases that are run of each target of which only a part is."""


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
    group.addoption(
        "--part",
        action="append",
        default=[],
        metavar="NAME=FIRST:END",
        help="of this target, only these cases, by their places among those that are chosen",
    )
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
    config.addinivalue_line("markers", "fatal(bug): the known bug of which a kernel may die in it")
    config.addinivalue_line("markers", "own_memory: its processes never share their memory")
    config.addinivalue_line("markers", "vm_only: could change the machine; never on local")
    config.stash[_parts] = {}
    config.stash[_hub] = hub = Hub(lambda name: workers.make_target(name, config))
    config.pluginmanager.register(Protocol(hub))
    config.pluginmanager.register(Fixtures(hub))
    workers.configure(config, hub)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take every target down."""
    if hub := config.stash.get(_hub, None):
        hub.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Before anything runs, refuse names of targets that do not exist."""
    config = session.config
    if hasattr(config, "workerinput"):
        return  # the controller has done so
    coming = config.stash.get(COMING, None)
    late = coming.names if coming else frozenset()
    for name in config.getoption("target"):
        if name in late:
            continue  # whoever gets it knows that there is one
        try:
            config.stash[_hub].target(name)
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
    text, short, parts = map(config.getoption, ("select", "brief", "part"))
    if workers.is_controller(config) or not (text or short or parts):
        return
    entries, _ = declared(session)
    kept = wanted(entries, text, short=short)
    config.stash[_chosen] = chosen(entries, kept)
    for part in parts:
        name, _, places = part.rpartition("=")
        first, _, end = places.partition(":")
        config.stash[_parts][name] = {it.id for it in kept[int(first) : int(end)]}


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
        # Of no scope but the function's: pytest would sort by it, and we have done so.
        # Ids of our own: pytest makes none of a long name.
        metafunc.parametrize("target_name", names, indirect=True, ids=names)
        functions = metafunc.config.stash.get(_chosen, {}).get(metafunc.definition.path, {})
        name = metafunc.function.__name__
        rows.parametrize(metafunc, functions.get(name) or rows.variants(metafunc.function))


def pytest_itemcollected(item: pytest.Item) -> None:
    """A case that is given a port needs TCP/IP, without saying so."""
    if isinstance(item, pytest.Function) and rows.takes_port(item.function):
        item.add_marker(rows.needs(Need.INET))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what other shards run; sort cases by target, so that each is started once."""
    if parts := config.stash[_parts]:
        items[:] = [it for it in items if _is_here(it, parts)]
    order: dict[str, int] = {}
    for item in items:
        order.setdefault(rows.target_of(item), len(order))
    items.sort(key=lambda item: order[rows.target_of(item)])


def _is_here(item: pytest.Item, parts: Mapping[str, Collection[str]]) -> bool:
    """Whether no other shard runs a case."""
    target = rows.target_of(item)
    return target not in parts or rows.case_id(item) in parts[target]


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the record once a test: to its call, or to its set-up if that did not pass."""
    report = yield
    if "ground" not in getattr(item, "fixturenames", ()):
        return report
    if BARE in item.stash or ENFORCER in item.stash:
        if call.excinfo and isinstance(call.excinfo.value, AgentLostError):
            # Nothing is said of the case, but the next one needs a target that lives.
            item.config.stash[_hub].bury(rows.target_of(item), call.excinfo.value)
            item.stash[LOST] = True
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
        return _named(record, item, hub.facts(name))
    return msgspec.structs.replace(
        record,
        expected=judgement.expected,
        observed=judgement.observed,
        control=item.stash.get(CONTROL, None),
        clause=str(judgement.clause),
        clauses=[str(clause) for clause in item.stash[EXPECTATION]],
        bug=judgement.bug,
        about_bug=judgement.clause.bug.name if judgement.clause.bug else "",
        reason=reason or judgement.reason,
    )


def _named(record: CaseRecord, item: pytest.Item, facts: Facts | None) -> CaseRecord:
    """A kernel's end goes by the name of the known bug that the case is about."""
    mark = item.get_closest_marker("fatal")
    if mark is None or facts is None or not record.verdict.dead:
        return record
    bug: Bug = mark.args[0]
    named = bug.seen_on(facts.release, facts.version)
    return msgspec.structs.replace(record, bug=named, about_bug=bug.name)


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
