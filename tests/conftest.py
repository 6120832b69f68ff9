# SPDX-License-Identifier: MIT
"""What several tests start from."""

from collections.abc import Iterator

import pytest

from suite.process import Process
from suite.session import Session
from tests.agents import Agent, fork


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
