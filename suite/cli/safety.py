# SPDX-License-Identifier: MIT
"""What a process of ours must not take from the folder and the shell that it was started in.

A checkout that nobody trusts may lie in the current folder: its modules, plugins and settings are
not ours. ``PYTHONPATH`` is the user's own wish and stays.
"""

import os
import resource
import sys
from pathlib import Path

from suite.errors import InfrastructureError, UsageError

_ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds our packages."""
_LEAST_MEMORY = 96 << 20
"""Bytes of address space; all cases of one target take a little less."""
_OF_PYTEST = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DEBUG", "PYTEST_XDIST_AUTO_NUM_WORKERS")


def make_safe() -> None:
    """Import nothing from the current folder, neither here nor in any Python that we start.

    Unless landproof itself lies there: then its developer is at work.
    """
    # Not ours to search: ``python -m`` and ``python -c`` put the current folder in front.
    if not sys.flags.safe_path and sys.path and _is_current_folder(sys.path[0]):
        del sys.path[0]
        if Path().resolve() == _ROOT:
            sys.path.insert(0, str(_ROOT))
    os.environ["PYTHONSAFEPATH"] = "1"
    for name in _OF_PYTEST:
        os.environ.pop(name, None)
    # The plugins that we need are named where pytest is started.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"


def check() -> None:
    """Refuse to start where nothing can be done.

    Raises:
        UsageError: The current folder is gone.
    """
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError(f"the current folder is gone ({error.strerror}); cd to another") from error


def check_memory() -> None:
    """Refuse to run cases where Python itself would end in the middle of them.

    Raises:
        InfrastructureError: The limit of the address space is too low.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < _LEAST_MEMORY:
        raise InfrastructureError(
            f"{limit >> 20} MiB of memory are not enough to run cases: ulimit -v"
            f" {_LEAST_MEMORY >> 10}, or more"
        )


def _is_current_folder(entry: str) -> bool:
    try:
        return Path(entry).resolve() == Path().resolve()
    except OSError:
        return not entry  # the folder is gone
