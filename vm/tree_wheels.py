# SPDX-License-Identifier: MIT
"""Wheels of PyPI in a tree: installed for the tree's Python by the pip of this one."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from suite.errors import InfrastructureError, UsageError
from vm.tools import output
from vm.tree_packages import run

PLACE = "opt/python"
"""Where they are in a tree; a program of theirs has it in PYTHONPATH."""
PYTHON = "python3"
"""The package that a tree with wheels needs."""
_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+]+")
_MINIMAL = re.compile(r"python(3\.\d+)-minimal")


def check(wheels: Iterable[str]) -> None:
    """Refuse what does not say its version: two trees of one order shall hold the same.

    Raises:
        UsageError: One doesn't.
    """
    for it in wheels:
        if not _PINNED.fullmatch(it):
            raise UsageError(f"{it!r} is no wheel with its version, such as landlockpy==0.2.0")


def install(wheels: Sequence[str], root: Path, packages: Iterable[str]) -> None:
    """Install wheels into a tree, without what they depend on: that is to be named, too.

    Args:
        wheels: Each with its version.
        root: The tree.
        packages: What it has of Debian, by which its Python is known.

    Raises:
        InfrastructureError: No network, no such wheel for this Python, or no pip.
    """
    versions = [match[1] for it in packages if (match := _MINIMAL.fullmatch(it))]
    if not versions:
        raise InfrastructureError(f"can't install {wheels[0]}: the tree has no Python; report this")
    pip = [sys.executable, "-I", "-m", "pip"]
    if not output([*pip, "--version"]):
        raise InfrastructureError(
            f"can't install {wheels[0]}: {sys.executable} has no pip; run: {sys.executable} -m"
            " ensurepip"
        )
    run(
        [
            *pip, "install", "--quiet", "--no-deps", "--no-compile", "--disable-pip-version-check",
            "--no-input", "--root-user-action=ignore", "--only-binary=:all:",
            f"--python-version={versions[0]}", "--implementation=cp",
            f"--target={root / PLACE}", *wheels,
        ],
        f"can't install {', '.join(wheels)}",
    )  # fmt: skip
