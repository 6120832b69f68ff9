# SPDX-License-Identifier: MIT
"""A machine whose apt has other mirrors than this one's."""

from pathlib import Path

import pytest


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for /etc/apt/sources.list.d."""
    parts = tmp_path / "parts"
    parts.mkdir()
    configuration = tmp_path / "machine.conf"
    configuration.write_text(
        f'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "{parts}";\n'
        f'Dir::State "{tmp_path}/state";\nDir::Cache "{tmp_path}/cache";\n'
        'Dir::State::status "/dev/null";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(configuration))
    return parts


def uris(text: str) -> list[str]:
    """The addresses in sources."""
    return [line.partition(" ")[2] for line in text.splitlines() if line.startswith("URIs:")]
