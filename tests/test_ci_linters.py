# SPDX-License-Identifier: MIT
"""Ready workflows, by the linters that people hold theirs against; each is skipped where it lacks.

Zizmor for GitHub, kubernetes-validate with the API's schemas and tmt's own lint come with ``pip
install -e '.[dev]'``, actionlint from where its authors say. GitLab's schema is in ``test_ci.py``.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reports.ci.workflows import ACTIONS, workflow

KERNELS = ["6.1", "6.12.43+amd64", "mine=path:arch/x86/boot/bzImage"]
DIGESTS = {name: f"{number:040x}" for number, name in enumerate(ACTIONS, 1)}


def tool(name: str) -> str:
    """Where a linter is: beside this Python, or on the path."""
    places = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    found = shutil.which(name, path=places)
    if found is None:
        pytest.skip(f"needs {name}")
    return found


def printed(service: str, runner: str = "") -> str:
    return workflow(
        service,
        kernels=KERNELS,
        install="pip install ./landproof-0.1.0-py3-none-any.whl",
        branch="main",
        runner=runner,
        digests=DIGESTS,
    )


def lint(*command: str, folder: Path) -> str:
    """What it says, of a folder in which it finds nothing."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(params=["", "debian"], ids=["theirs", "own"])
def github(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A repository with GitHub's workflow."""
    file = tmp_path / ".github" / "workflows" / "landlock.yml"
    file.parent.mkdir(parents=True)
    file.write_text(printed("github", request.param), encoding="utf-8")
    (tmp_path / ".git").mkdir()
    config = tmp_path / ".github" / "actionlint.yaml"
    config.write_text("self-hosted-runner:\n  labels: [debian]\n")
    return file


def test_actionlint_finds_nothing(github: Path) -> None:
    lint(tool("actionlint"), str(github), folder=github.parents[2])


def test_zizmor_finds_nothing_high(github: Path) -> None:
    words = ("--offline", "--no-progress", "--min-severity=high")
    lint(tool("zizmor"), *words, str(github), folder=github.parents[2])


def test_kubernetes_takes_it(tmp_path: Path) -> None:
    file = tmp_path / "landlock.yml"
    file.write_text(printed("kubernetes"), encoding="utf-8")
    lint(tool("kubernetes-validate"), "--strict", str(file), folder=tmp_path)


def test_tmt_lints_it(tmp_path: Path) -> None:
    (tmp_path / ".fmf").mkdir()
    (tmp_path / ".fmf" / "version").write_text("1\n")
    (tmp_path / "landlock.fmf").write_text(printed("tmt"), encoding="utf-8")
    said = lint(tool("tmt"), "lint", folder=tmp_path)
    tests = re.findall(r"^/landlock/kernel/\d+$", said, re.MULTILINE)
    assert tests == [f"/landlock/kernel/{number}" for number in (1, 2, 3)]
