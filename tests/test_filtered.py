# SPDX-License-Identifier: MIT
"""Tests of the launcher that other tests confine landproof with."""

import errno
import os
import signal
import sys

import pytest

from tests.filtered import LANDLOCK, filtered
from tests.runs import run

_ASK = """\
import ctypes, os, re
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall(444, 0, 0, 1) > 0, ctypes.get_errno(), os.getppid() > 0)
print(re.search("NoNewPrivs:.(.)", open("/proc/self/status").read())[1])
"""


@pytest.mark.parametrize("name", ["EPERM", "ENOSYS", "EACCES"])
def test_a_filtered_call_gives_the_errno(name: str) -> None:
    ran = run(filtered(name, LANDLOCK, [sys.executable, "-c", _ASK]))
    assert ran.stdout.split()[:3] == ["False", str(getattr(errno, name)), "True"], ran.stderr


@pytest.mark.parametrize("action", ["kill", "trap"])
def test_a_filtered_call_ends_who_makes_it(action: str) -> None:
    ran = run(filtered(action, LANDLOCK, [sys.executable, "-c", _ASK]))
    assert ran.returncode == -signal.SIGSYS


def test_other_calls_are_left_alone() -> None:
    plain = run([sys.executable, "-c", _ASK])
    ran = run(filtered("EPERM", ["kexec_load", "reboot"], [sys.executable, "-c", _ASK]))
    assert ran.stdout == plain.stdout
    if os.geteuid() == 0:
        assert ran.stdout.split()[-1] == "0", "root needs no no_new_privs"


def test_a_name_that_is_no_call_is_refused() -> None:
    ran = run(filtered("EPERM", ["landlock"], ["true"]))
    assert ran.returncode == 1
    assert "KeyError: 'landlock'" in ran.stderr
