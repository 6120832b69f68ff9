# SPDX-License-Identifier: MIT
"""What files in /proc show of another process, where tracing guards only a part of them.

Source: fs/proc/array.c, do_task_stat(): PTRACE_MODE_NOAUDIT; fs/proc/base.c, proc_pid_wchan() and
proc_map_files_lookup().
"""

import mmap
import os

from cases.inheritance.held import hold, tid
from cases.processes import page_size
from cases.ptrace.reach import RULESET
from suite.case import (
    O_PATH, Allowed, Case, Denied, Judge, Need, Outcome, Process, Seen, Tree, answers, needs,
    own_memory, since, table,
)  # fmt: skip

pytestmark = own_memory

PTRACE_PEEKUSER = 3
FIELDS = {"start-of-code": (26, "1"), "end-of-code": (27, "1"), "start-of-stack": (28, "0")} | {
    "start-of-data": (45, "0"),
    "arguments": (48, "0"),
    "environment": (50, "0"),
}


class Field(Case, frozen=True, kw_only=True):
    """A field of stat, counted from 1."""

    number: int


STAT = {
    f"stat-{name}": Field(
        number=number,
        expect=since(RULESET.features, Seen(hidden)),
        answers="ptr-proc-stat-zeroed",
    )
    for name, (number, hidden) in FIELDS.items()
}


def field(process: Process, pid: int, number: int) -> Outcome:
    """A field of /proc/PID/stat; its second one may have spaces, and ends in a parenthesis."""
    texts: list[str] = []

    def read(process: Process) -> None:
        _, _, rest = process.read_file(f"/proc/{pid}/stat").decode().rpartition(")")
        texts.extend(rest.split())

    outcome = process.observe(read).outcome
    return outcome if outcome != Allowed() else Seen(texts[number - 3])


@table(STAT)
def test_stat(case: Field, process: Process, judge: Judge) -> None:
    """Addresses in stat are hidden from a domain outside of which the process is."""
    process.drop_capabilities()
    pid = process.getpid().value
    reader = process.fork()
    shown = field(reader, pid, case.number)
    reader.restrict(RULESET)
    hidden = field(reader, pid, case.number)
    judge(case.expect, hidden if hidden != shown else Seen("shown"), something(shown))


def something(shown: Outcome) -> Outcome:
    """The control of what is to be hidden: an address or a place, not what stands for none."""
    return Allowed() if isinstance(shown, Seen) and shown.what not in ("0", "1") else shown


@answers("ptr-proc-wchan")
@needs(Need.PROC_WCHAN)
def test_wchan(process: Process, judge: Judge) -> None:
    """Where a process sleeps in the kernel is hidden: wchan says 0."""
    target = process.fork()
    hold(process, target)
    process.observe(Process.syscall, "ptrace", PTRACE_PEEKUSER, tid(target), 0, 0)
    path = f"/proc/{tid(target)}/wchan"
    shown = content(process.fork(), path)
    hidden = content(process.under(RULESET), path)
    observed = hidden if hidden != shown else Seen("shown")
    judge(since(RULESET.features, Seen("0")), observed, something(shown))


def content(process: Process, path: str) -> Outcome:
    texts: list[str] = []
    outcome = process.observe(lambda p: texts.append(p.read_file(path).decode())).outcome
    return outcome if outcome != Allowed() else Seen(texts[0])


@answers("ptr-proc-map_files")
def test_map_file(process: Process, tree: Tree, judge: Judge) -> None:
    """Nor are the files found that a process has mapped."""
    process.drop_capabilities()
    address = process.map_shared(process.open(tree.file, os.O_RDONLY), mmap.PROT_READ).value
    end = address + page_size(process)
    name = f"/proc/{process.getpid().value}/map_files/{address:x}-{end:x}"
    control = process.fork().observe(Process.open, name, O_PATH | os.O_NOFOLLOW)
    observed = process.under(RULESET).observe(Process.open, name, O_PATH | os.O_NOFOLLOW)
    judge(since(RULESET.features, Denied("EACCES")), observed, control)
