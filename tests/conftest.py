# SPDX-License-Identifier: MIT
"""What several tests start from."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.cli.collect import declared_cases
from suite.process.process import Process
from suite.process.session import Session
from suite.run.declared import Declared
from tests.abi_miniature import at_abi_11
from tests.agents import Agent, fork
from tests.browser import Browser
from tests.fake_archive import Archive, Key, direct
from tests.html_pages import told, write
from vm.store import Store

DEAREST = (
    # Where nothing is compiled yet, each compiles a C library for several architectures.
    "test_release.py", "test_architectures.py",
    "test_restored.py", "test_confinements.py", "test_overlap.py", "test_axe.py",
    "test_machine.py", "test_mutant.py", "test_promises.py", "test_repro_many.py",
    "test_vm_faults.py", "test_ssh.py", "test_watch.py", "test_off.py", "test_compat_cells.py",
    "test_labels.py", "test_bench.py", "test_silence.py", "test_plugin.py", "test_packages.py",
    "test_page_commands.py", "test_uml.py",
)  # fmt: skip
"""The files that take longest, in that order; nothing else depends on it."""


def pytest_configure() -> None:
    """Hear signals, whoever started us: a script's background ignores them, and so would runs."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: begun last, it would run alone in the end."""
    rank = {name: at for at, name in enumerate(DEAREST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.fixture
def abi_11() -> Iterator[None]:
    """Reports know the table of the ABI that the miniatures have."""
    with at_abi_11():
        yield


@pytest.fixture
def agent() -> Iterator[Agent]:
    """An agent with one process, 1."""
    with Agent() as agent:
        agent.values(fork(0, 1))
        yield agent


@pytest.fixture
def session() -> Iterator[Session]:
    """A session with a real agent."""
    with Agent() as agent:
        yield agent.session


@pytest.fixture
def process(session: Session) -> Process:
    """A process of it, not yet sent for."""
    return Process(session, 0).fork()


@pytest.fixture(scope="module")
def started() -> Iterator[Browser]:
    """A browser for the tests of a file."""
    with Browser() as browser:
        yield browser


@pytest.fixture
def browser(started: Browser) -> Iterator[Browser]:
    """It, with a window of the usual size; a page must not make it complain."""
    started.screen(1280, 900)
    started.complaints.clear()
    yield started
    assert not started.complaints


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the page of a small run."""
    return write(told(), tmp_path_factory.mktemp("page") / "page.html")


@pytest.fixture(scope="session")
def declared() -> dict[str, Declared]:
    """Every case, by id: reading them takes seconds."""
    return declared_cases()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Key]:
    """Keys of an archive."""
    key = Key(tmp_path_factory.mktemp("key"))
    yield key
    key.close()


@pytest.fixture
def archive(tmp_path: Path, key: Key, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """A small signed archive on the loopback interface."""
    for name, value in direct(tmp_path).items():
        monkeypatch.setenv(name, value)
    with Archive(tmp_path / "www", key) as archive:
        archive.fill()
        yield archive


@pytest.fixture
def store(tmp_path: Path, archive: Archive, key: Key) -> Store:
    """A store that is fed by the archive."""
    return Store(tmp_path / "store", mirror=archive.url, keyring=key.keyring)
