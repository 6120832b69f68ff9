# SPDX-License-Identifier: MIT
"""landproof in a folder that nobody should trust: nothing in it is executed or obeyed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from suite.errors import Exit
from tests.kernels import stored
from tests.runs import PATIENCE_S, Argv
from tests.traps import ROOT, Traps, console_script

CASE = "-kunknown_bits and create"
HOSTILE = {
    "PYTEST_ADDOPTS": "-p trap --trap",
    "PYTEST_PLUGINS": "trap",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}
"""What a shell may have for another project."""


def run_in(
    folder: Path, argv: Argv, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run with a folder as the current one, and none of ours in the environment."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHON"))}
    return subprocess.run(
        argv,
        cwd=folder,
        env={**ours, **(env or {})},
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE_S,
    )


def test_the_traps_are_traps(tmp_path: Path) -> None:
    traps = Traps(tmp_path)
    run_in(traps.folder, [sys.executable, "-c", "import execnet"])
    run_in(traps.folder, [sys.executable, "-m", "pytest"])
    assert traps.sprung == ["execnet", "pytest"]


@pytest.mark.parametrize(
    "arguments",
    [["check"], ["matrix", "--target=local", "-n2"], ["explain", "claims/unknown_bits[create]"]],
    ids=lambda arguments: arguments[0],
)
def test_nothing_of_the_current_folder_runs(tmp_path: Path, arguments: Argv) -> None:
    traps = Traps(tmp_path)
    select = [] if arguments[0] == "explain" else [CASE]
    done = run_in(traps.folder, [*console_script(tmp_path), *arguments, *select], HOSTILE)
    assert (traps.sprung, done.returncode) == ([], Exit.CONFORMS), done.stderr
    assert "local" in done.stdout


def test_nor_by_python_m(tmp_path: Path) -> None:
    # Python itself looks for the module in the current folder.
    traps = Traps(tmp_path, spared=("suite",))
    argv = [sys.executable, "-m", "suite.cli.main", "matrix", "--target=local", "-n2", CASE]
    done = run_in(traps.folder, argv, {"PYTHONPATH": str(ROOT)})
    assert (traps.sprung, done.returncode) == ([], Exit.CONFORMS), done.stderr


def test_the_checkout_of_a_developer_is_what_runs() -> None:
    code = "import sys; from suite.cli import main, verbs; sys.argv[1:] = ['--version']\n"
    code += "verbs.handle = lambda _: print(*sys.path, verbs.__file__, sep='\\n')\nmain.main()"
    done = run_in(ROOT, [sys.executable, "-c", code])
    first, *_, file = done.stdout.splitlines()
    assert (first, Path(file).parents[2]) == (str(ROOT), ROOT), done.stderr


@pytest.mark.vm
def test_no_firmware_of_the_current_folder_boots(tmp_path: Path) -> None:
    stored("6.12")
    traps = Traps(tmp_path)
    argv = [*console_script(tmp_path), "matrix", "--kernels=6.12", CASE]
    done = run_in(traps.folder, argv)
    assert (traps.sprung, done.returncode) == ([], Exit.CONFORMS), done.stderr
    assert re.search(r"^6\.12 +\S+: claims ABI 6", done.stdout, re.MULTILINE)
