# SPDX-License-Identifier: MIT
"""What tests of machines start from: a stored kernel, a guest, and a look at who still runs."""

import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from suite.agent import build
from tests.kernels import stored
from vm import accel
from vm.kernel import Kernel
from vm.machine import Machine

WISHES = ("7.3", "6.1", "6.12")
_SOURCE = Path(__file__).parent / "data" / "guest.c"


def any_stored() -> Kernel:
    """The first stored kernel of ``WISHES``."""
    for wish in WISHES[:-1]:
        try:
            return stored(wish)
        except pytest.skip.Exception:
            continue
    return stored(WISHES[-1])


def compiled_guest(folder: Path) -> Path:
    """The guest of ``data/guest.c``."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("no compiler for the guest: pip install ziglang")
    binary = folder / "guest"
    compile_guest = ["cc", "-target", "x86_64-linux-musl", "-static", "-Os", "-s"]
    subprocess.run(
        [sys.executable, "-m", "ziglang", *compile_guest, "-o", str(binary), str(_SOURCE)],
        check=True,
        capture_output=True,
    )
    return binary


def children(of: int) -> list[int]:
    """The running children of a process."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == of and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_for(what: str, deadline_s: float = 20.0) -> Iterator[None]:
    """Loop until the caller leaves it; fail when that takes too long."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        yield
        time.sleep(0.01)
    pytest.fail(f"waited {deadline_s} s for {what}")


def boots(kernel: Kernel) -> None:
    """Boot it, and end it."""
    agent = build.agent()
    with Machine(kernel, agent=agent, accel=accel.choose(kernel, agent)) as machine:
        assert machine.boot_seconds > 0
