# SPDX-License-Identifier: MIT
"""What programs do with processes, and with domains."""

from __future__ import annotations

import signal
from itertools import combinations

from suite.fuzz import rulesets
from suite.fuzz.action import Action, Gives, Word, plain
from suite.fuzz.rulesets import bits, enforced
from suite.fuzz.run import Run
from suite.landlock.abi import RESTRICT
from suite.process.process import Process
from suite.process.promise import Call, Mode
from suite.process.uapi import PTRACE_SEIZE
from suite.values import Out


def _enforce(run: Run, process: Process, *words: str) -> None:
    asked = enforced(run, words)
    ruleset = process.make_ruleset(asked.ruleset)
    for _ in range(asked.times):
        process.restrict_self(ruleset, asked.flags)
    process.close(ruleset)


def _restrict(run: Run, process: Process, names: str) -> None:
    process.restrict_self(-1, bits(RESTRICT, names, run.trial.stage.abi))


FLAGS = tuple(
    rulesets.names(RESTRICT(sum(them)))
    for count in (1, 2)
    for them in combinations(RESTRICT, count)
)
"""Of landlock_restrict_self(2) without a ruleset."""


def _pid(run: Run, name: str) -> Call:
    pid = run.process(name).pid
    assert pid is not None  # noqa: S101 (all of them are forked)
    return pid


def _end(run: Run, process: Process, name: str) -> None:
    """Kill a process, and wait until it is dead: the next step would find it either way."""
    process.kill(_pid(run, name), signal.SIGKILL)
    with process.session.in_mode(Mode.DEATH):
        run.process(name).getpid()


def _signal_by_pidfd(run: Run, process: Process, name: str) -> None:
    pidfd = process.pidfd_open(_pid(run, name))
    process.pidfd_send_signal(pidfd, 0)
    process.close(pidfd)


def _take_descriptor(run: Run, process: Process, name: str) -> None:
    pidfd = process.pidfd_open(_pid(run, name))
    process.close(process.syscall("pidfd_getfd", pidfd, 0, 0))
    process.close(pidfd)


_PROCESS, _OTHER = (Word.PROCESS,), (Word.OTHER,)
ENFORCE = "enforce"
ROWS = (
    Action("fork", (), lambda run, it: it.fork(), Gives.PROCESS),
    Action("thread", (), lambda run, it: it.thread(), Gives.PROCESS),
    plain(ENFORCE, (Word.RULESET,), _enforce),
    plain("restrict", (Word.FLAGS,), _restrict),
    plain("exec", (), lambda run, it: it.exec(run.trial.stage.agent)),
    plain("exit", (), lambda run, it: it.exit()),
    plain("kill", _OTHER, _end),
    plain("signal", _PROCESS, lambda run, it, name: it.kill(_pid(run, name), 0)),
    plain("signal-thread", _PROCESS, lambda run, it, name: it.tkill(_pid(run, name), 0)),
    plain("signal-pidfd", (Word.LEADER,), _signal_by_pidfd),
    plain("signal-group", (), lambda run, it: it.kill(0, 0)),
    plain("lead-group", (), lambda run, it: it.setpgid()),
    plain(
        "robust-list", _PROCESS,
        lambda run, it, name: it.syscall("get_robust_list", _pid(run, name), Out(8), Out(8)),
    ),
    plain("seize", _OTHER, lambda run, it, name: it.ptrace(PTRACE_SEIZE, _pid(run, name))),
    plain("take-descriptor", (Word.LEADER,), _take_descriptor),
    plain("drop-capabilities", (), lambda run, it: it.drop_capabilities()),
)  # fmt: skip
