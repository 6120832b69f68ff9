# SPDX-License-Identifier: MIT
"""What several tests start from."""

from collections.abc import Iterator

import pytest

from tests.agents import Agent, fork


@pytest.fixture
def agent() -> Iterator[Agent]:
    """An agent with one process, 1."""
    with Agent() as agent:
        agent.values(fork(0, 1))
        yield agent
