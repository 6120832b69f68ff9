# SPDX-License-Identifier: MIT
"""Miniature targets and cases for the tests of the pytest plugin: sources, put into files."""

TARGETS = '''
from suite.errors import InfrastructureError
from suite.judge.records import KernelBuild, Verdict
from suite.targets.schemes import Scheme
from suite.targets.local import LocalTarget

class Fake(LocalTarget):
    """The running kernel under another name; ``log`` is a file."""

    made = {}

    def __init__(self, name, log):
        super().__init__()
        self.name, self.log = name, log
        self.kernel = KernelBuild(name="k", release="r", version="1", source="path:/", sha256="0")

    def note(self, what):
        with open(self.log, "a") as log:
            log.write(what + "\\n")

    def start(self):
        self.note(f"start {self.name}")
        if "down" in self.name:
            raise InfrastructureError("no bootable device")
        return super().start()

    def autopsy(self):
        verdict, reason = super().autopsy()
        return (Verdict.LOST if "outside" in self.name else verdict), reason

    def stop(self):
        self.note(f"stop {self.name}")
        super().stop()

class Fakes(Scheme):
    usage = "fake:NAME"

    def make(self, name, config):
        Fake.made[name] = Fake(name, config.rootpath / "log")
        return Fake.made[name]
'''
"""The module ``fake_targets``; ``Fakes`` is a kind of target."""

CONFTEST = '''
import pytest
from fake_targets import Fake

@pytest.fixture
def agent(process, target_name):
    """The agent's process, to be harmed."""
    return Fake.made[target_name]._agent
'''

CASES = '''
"""Miniatures.

Source: the module.
"""
import os
import signal
from dataclasses import dataclass

import pytest
from suite.landlock.abi import FS, NET
from suite.landlock.ruleset import Ruleset
from suite.judge.expectation import always, since
from suite.run.needs import Need
from suite.judge.outcome import Allowed, Denied
from suite.process.process import Process
from suite.landlock.bugs import FREED_PARENT
from suite.run.rows import Case, covers, fatal, needs, table

YES = always(Allowed())

def test_conforms(process, judge):
    """It behaves.

    Source: the function.
    """
    judge(YES, process.observe(Process.getpid), control=process.observe(Process.getpid))

def test_deviates(process, judge):
    judge(YES, process.under(Ruleset(fs=FS.READ_DIR)).observe(Process.open, "/", os.O_RDONLY))

def test_fails_without_landlock_too(process, judge):
    judge(YES, process.under(Ruleset(fs=FS.READ_DIR)).observe(Process.close, 999))

def test_denies_nothing(process, judge):
    judge(always(Denied("EACCES")), process.observe(Process.getpid))

def test_control_fails(process, judge):
    judge(YES, process.observe(Process.getpid), control=process.observe(Process.close, 999))

def test_no_judgement(process):
    process.getpid()

def test_judges_twice(process, judge):
    observed = process.observe(Process.getpid)
    judge(YES, observed)
    judge(YES, observed)

def test_judges_early(process, judge):
    judge(YES, process.observe(Process.getpid))
    process.getpid()

def test_setup_fails(process, judge):
    process.close(999)
    judge(YES, process.observe(Process.getpid))

def test_assertion(process, judge):
    assert process.getpid().value == 0

def test_mistake(process, judge):
    process.frobnicate()

def test_hangs(process, judge):
    process.session.deadline_ms = 100
    try:
        judge(YES, process.observe(Process.syscall, "ppoll", 0, 0, 0, 0))
    finally:
        process.session.deadline_ms = 5000

def test_needs(process, judge):
    pytest.skip("needs a moon")

@pytest.mark.vm_only
def test_vm_only(process, judge):
    raise AssertionError("must not run")

@fatal(FREED_PARENT)
def test_dies(process, judge, agent):
    observed = process.observe(Process.getpid)
    agent.kill()
    agent.wait()
    judge(YES, observed)

killed = []

def test_dies_once(process, judge, agent):
    observed = process.observe(Process.getpid)
    if not killed:
        killed.append(agent)
        agent.kill()
        agent.wait()
    judge(YES, observed)

def test_gone_when_looked_at_again(process, judge, agent):
    observed = process.under(Ruleset(fs=FS.READ_DIR)).observe(Process.open, "/", os.O_RDONLY)
    if process.session.bare:
        agent.kill()
        agent.wait()
    judge(YES, observed)

def test_stopped(process, judge, agent):
    agent.send_signal(signal.SIGSTOP)
    judge(YES, process.observe(Process.getpid))

def test_silent(process, judge):
    process.session.deadline_ms = 300_000
    judge(YES, process.observe(Process.syscall, "ppoll", 0, 0, 0, 0))

def test_after(process, tree, port, judge):
    fd = process.open(tree.file, os.O_RDONLY)
    assert port > 1023
    judge(YES, process.observe(Process.read, fd, 3))

@covers(FS.READ_FILE)
@table({"row-one": Case(expect=YES), "row-two": Case(expect=YES, covers=NET.BIND_TCP)})
def test_table(case, process, judge):
    """A row."""
    judge(case.expect, process.observe(Process.getpid))

def test_not_a_case():
    pass
'''

WORKERS = '''
"""Cases that stop their worker, or take their time."""
import os
import signal
import time

from suite.judge.expectation import always
from suite.judge.outcome import Allowed
from suite.process.process import Process

YES = always(Allowed())

def test_stops(process, judge):
    os.kill(os.getpid(), signal.SIGSTOP)
    judge(YES, process.observe(Process.getpid))

def test_sleeps(process, judge):
    time.sleep(300)

def test_slow(process, judge):
    time.sleep(2)
    judge(YES, process.observe(Process.getpid))

def test_slow_too(process, judge):
    time.sleep(2)
    judge(YES, process.observe(Process.getpid))

def test_fine(process, judge):
    judge(YES, process.observe(Process.getpid))
'''
