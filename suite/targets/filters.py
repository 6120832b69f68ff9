# SPDX-License-Identifier: MIT
"""Which system calls the seccomp filters answer that a target has inherited."""

from __future__ import annotations

import os
import re

from suite.agent.wire import Status
from suite.judge.standing import KILLS
from suite.landlock.abi import LANDLOCK_CALLS
from suite.packed import joined, packed
from suite.process.process import Process
from suite.process.promise import Call, Mode
from suite.process.uapi import SECCOMP_RET_ALLOW

_SECCOMP_RET_TRACE = 0x7FF00000
_MARK = 0x1A4D10C5
"""The sixth argument of the calls that are asked about; no other call has it."""
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_SIXTH_ARGUMENT = 56
"""Its offset in struct seccomp_data."""
BUILT_IN = re.compile(rb" [Tt] landlock_\w")
"""A line of /proc/kallsyms. A kernel without Landlock has symbols of its calls, too, but weak ones
(kernel/sys_ni.c, COND_SYSCALL)."""
_UNFILTERED = {"uprobe", "uretprobe"}
"""Made by code that the kernel puts into a process; no filter is asked about them."""
_TRACED = "ENOSYS"
"""What a call gives that our filter hands to a tracer that there is not."""


def filtered(process: Process) -> dict[str, str]:
    """The calls that filters answer with an errno, or by killing, whatever their arguments.

    None of them is done. A filter of ours, which comes on top, leaves all calls that carry a mark
    to a tracer. What filters answer that are in force already, short of allowing the call, comes
    before that: a kill, a trap, an errno (Documentation/userspace-api/seccomp_filter.rst). Without
    a tracer, the call gives ENOSYS; so a filter that answers ENOSYS is not seen, unless the call is
    one of Landlock's and the kernel is known to have it.
    """
    answers: dict[str, str] = {}
    left = [name for name in process.session.numbers if name not in _UNFILTERED]
    while left:
        said = _ask(process, left)
        answers |= {name: answer for name, answer in said.items() if answer not in ("", _TRACED)}
        if not said[left[0]]:
            break  # our filter can't be installed: nobody was asked
        left = [name for name, answer in said.items() if not answer]
    for name in [name for name, answer in answers.items() if answer == KILLS]:
        if _ask(process, [name])[name] != KILLS:  # its process ended for another reason
            del answers[name]
    return answers | _missing_of_landlock(process, answers)


def _ask(process: Process, names: list[str]) -> dict[str, str]:
    """What a child is answered that makes these calls until one is its death; empty after that."""
    child = process.fork()
    said = dict.fromkeys(names, "")
    if _mark_filtered(child):
        with process.session.in_mode(Mode.DEATH):
            calls = [child.syscall(name, 0, 0, 0, 0, 0, _MARK) for name in names]
        process.session.flush()
        said = {call.name: _answer(call) for call in calls}
    process.session.kill(child.id)
    return said


def _mark_filtered(process: Process) -> bool:
    """Install our filter, by whichever call is left for it."""
    steps = (
        (_LOAD, 0, 0, _SIXTH_ARGUMENT + 4 * process.session.is_big),  # its lower half
        (_JUMP_IF_EQUAL, 0, 1, _MARK),
        (_RETURN, 0, 0, _SECCOMP_RET_TRACE),
        (_RETURN, 0, 0, SECCOMP_RET_ALLOW),
    )
    program = joined(packed("HBBI", *step) for step in steps)
    process.observe(Process.no_new_privs)
    with process.session.in_mode(Mode.DEATH):
        installed = process.prctl_seccomp(program)
    process.session.flush()
    return _answer(installed) == "0"


def _answer(call: Call) -> str:
    """What a call gave; empty if its process was dead already."""
    record = call.record
    if record is None or record.status == Status.GONE:
        return ""
    if record.status == Status.DIED:
        return KILLS
    return call.failure or str(record.value)


def _missing_of_landlock(process: Process, answers: dict[str, str]) -> dict[str, str]:
    """The calls of Landlock that give ENOSYS though the kernel has them."""
    asked: dict[str, Call] = {}
    for name in LANDLOCK_CALLS:
        if name not in answers:
            with process.session.in_mode(Mode.OBSERVED):
                asked[name] = process.syscall(name, 0, 0, -1, 0)
    missing = {name: "ENOSYS" for name, call in asked.items() if call.failure == "ENOSYS"}
    if not missing or (len(missing) == len(LANDLOCK_CALLS) and not _has_landlock(process)):
        return {}
    return missing


def _has_landlock(process: Process) -> bool:
    """Whether the kernel's own symbols say that it was built with Landlock."""
    seen = b""
    with process.session.in_mode(Mode.OBSERVED):
        fd = process.open("/proc/kallsyms", os.O_RDONLY)
    while fd.failure is None:
        with process.session.in_mode(Mode.OBSERVED):
            part = process.read(fd, 1 << 16)
        if part.failure is not None or part.value == 0:
            return False
        text = seen[-64:] + part.data[: part.value]
        if BUILT_IN.search(text):
            return True
        seen = text
    return False
