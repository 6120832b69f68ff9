# SPDX-License-Identifier: MIT
"""Run this machine's package tools: found or explained, read line by line, never left behind."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from suite.distribution import lacking
from suite.errors import InfrastructureError
from vm import keeper

_ADMIN_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
_STOP_S = 5
_streamed: set[subprocess.Popen[str]] = set()
"""Commands whose lines are being read, each by a thread."""


class UnreachableError(InfrastructureError):
    """The archive can't be reached; trying the next kernel makes no sense."""


class FullError(InfrastructureError):
    """No room is left; trying the next kernel makes no sense."""


class GoneError(InfrastructureError):
    """The archive no longer has what its index at hand promises."""


def tool(name: str) -> str:
    """Return the path of a tool that `suite/distribution.toml` has a row of.

    Raises:
        InfrastructureError: It isn't on this machine; says how it gets there.
    """
    path = _which(name)
    if path is None:
        raise InfrastructureError(lacking(name))
    return path


def apt_tool(name: str = "apt-get") -> str:
    """Return the path of a tool of apt's.

    Raises:
        InfrastructureError: This machine has no apt; says which kernels it can have.
    """
    path = _which(name)
    if path is None:
        raise InfrastructureError(
            "this machine has no apt, by which the kernels of archives come; name others: installed"
            ", a package's file, a folder, mainline:v6.6 (needs dpkg), or a machine by --target"
            " ssh:HOST"
        )
    return path


def _which(name: str) -> str | None:
    # Administrators' tools are not on everybody's PATH.
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_ADMIN_PATH}")


@contextmanager
def streamed(
    command: Sequence[str],
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[tuple[subprocess.Popen[str], Iterator[str]]]:
    """Run a command and give its lines, errors among them.

    It has ended when the block ends, however it ends, and all that it has started has ended with
    it; so it has when this process is killed, or another thread calls `end_streamed`.

    Args:
        command: Its argv.
        cwd: Its current folder.
        environment: Variables that differ from ours.
    """
    process = subprocess.Popen(  # noqa: S603 - a fixed argument list
        [sys.executable, "-I", "-S", keeper.__file__, *command],
        cwd=cwd,
        env={**plain_environment(), **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # The terminal's Ctrl-C is ours alone.
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101 - as asked for
    _streamed.add(process)
    try:
        yield process, (line.rstrip("\n") for line in process.stdout)
        process.wait()
    finally:
        _streamed.discard(process)
        _stop(process)
        process.stdout.close()


def end_streamed() -> None:
    """End all commands whose lines other threads read: there, each fails within seconds."""
    for process in list(_streamed):
        assert process.stdin is not None  # noqa: S101 - as asked for
        process.stdin.close()


def output(command: Sequence[str]) -> bytes:
    """Return what a command prints; empty or cut short if it fails."""
    return subprocess.run(  # noqa: S603 - a fixed argument list
        command, capture_output=True, env=plain_environment(), check=False
    ).stdout


def plain_environment() -> dict[str, str]:
    """Return the environment in which tools speak English."""
    return {**os.environ, "LC_ALL": "C", "LANGUAGE": "C"}


def _stop(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None  # noqa: S101 - as asked for
    process.stdin.close()
    try:
        process.wait(keeper.GRACE_S + _STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
