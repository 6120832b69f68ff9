# SPDX-License-Identifier: MIT
"""Kernels that lie: each shape is told as what it is, and nobody beneath a lie gets around it."""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.kernel_line import Blame, KernelLine, summarize
from suite.agent import build
from suite.cli.run import run
from suite.errors import UsageError
from suite.judge.outcome import Allowed, Denied, Rejected
from suite.judge.records import TargetRecord
from suite.landlock.abi import ABIS, ADD_RULE, CREATE, FEATURES, FS, NEWEST, SCOPE
from suite.landlock.ruleset import Ruleset
from suite.packed import packed
from suite.process.process import Process
from suite.process.uapi import CAP_SYS_ADMIN, CLONE_VM
from suite.targets.lying import CannotLieError, lie
from suite.targets.lying_kernel import Lying, LyingTarget
from suite.targets.shapes import SHAPES, Shape
from suite.targets.standing import permitted_capabilities
from suite.values import Argument
from tests.agents import Agent, survivors
from tests.machines import children, usual, wait_for
from tests.runs import landproof
from tests.runs import run as run_command

NAMES = [name for name, shape in SHAPES.items() if shape.errata is None]
"""The shapes that the area ``claims`` tells of."""
TOP = 1 << 63
ENDS = {"fs": 8, "net": 16, "scope": 24, "permission": 56}
"""Where the field of each kind of bits ends in the attribute."""
NOBODY = 65534
ASKS = "import ctypes; print(ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1))"
"""A program of somebody else's that asks for the ABI version."""
LIED_TO = 2
"""Of the agent's own children: who asks for a lie, and the liar. Who is lied to is the first's."""
ROCKY = SHAPES["rocky-9.7"]
MACHINES = Path(__file__).parents[1] / "docs" / "machines.md"


def target_of(shape: str) -> str:
    return f"lying:{shape}/local"


@pytest.fixture(scope="module")
def told() -> dict[str, TargetRecord]:
    """What a run tells of each shape, and of the kernel itself, by the target's name."""
    names = ["local", *map(target_of, NAMES)]
    results = run(names, select="claims and not hearsay").results
    return {it.name: it for it in results.targets}


@pytest.fixture
def root(process: Process) -> Process:
    """A process that may install a filter."""
    if not permitted_capabilities(process) >> CAP_SYS_ADMIN & 1:
        pytest.skip("needs CAP_SYS_ADMIN")
    return process


def abi_of(process: Process) -> int:
    return process.create_ruleset(0, 0, CREATE.VERSION).value


def line_of(told: dict[str, TargetRecord], shape: str) -> KernelLine:
    return summarize(told[target_of(shape)])


@pytest.mark.parametrize("name", NAMES)
def test_each_shape_is_told_by_what_it_claims_and_provides(
    told: dict[str, TargetRecord], name: str
) -> None:
    shape, line = SHAPES[name], line_of(told, name)
    facts = told["local"].facts
    assert facts is not None
    claimed, knows = shape.claimed(facts.abi), min(facts.abi, shape.knows or facts.abi)
    refused = {label for bits in shape.refuses for label in bits.labels}
    claims = {label for label, bit in FEATURES.items() if bit.since <= claimed}
    provides = {label for label, bit in FEATURES.items() if bit.since <= knows} - refused
    if not shape.enforces:
        provides = {label for label in provides if isinstance(FEATURES[label], CREATE | ADD_RULE)}
    size = ABIS[min(claimed, NEWEST)].attr_size
    ignored = {f"{kind} bit 63" for kind, end in ENDS.items() if shape.accepts and end <= size}
    assert line.claimed == claimed
    assert {*Blame.of(told[line.target].cases, claimed).lacks} == claims - provides
    assert {*line.also} == (provides - claims) | ignored
    assert bool(line.counts.keys() - {"conforms", "absent", "skipped"}) == (name != "honest")


def test_what_is_accepted_and_ignored_is_not_enforced(told: dict[str, TargetRecord]) -> None:
    facts = told["local"].facts
    assert facts is not None
    if facts.abi >= FS.RESOLVE_UNIX.since:
        pytest.skip("the running kernel enforces all that landproof knows")
    line = str(line_of(told, "future"))
    assert re.search(r"fs\.resolve_unix[^;]* accepted and not enforced", line)
    assert " deviating" not in line


def test_a_lie_about_errata_is_told() -> None:
    names = [target_of(name) for name in ("no-errata", "all-errata")]
    none, every = run(names, select="history/whiteouts").results.targets
    if not any(case.verdict.judged for case in none.cases):
        pytest.skip("nobody may make whiteouts here")
    hidden = "erratum 4 fixed, not claimed" in str(summarize(none))
    false = "errata: 4 claimed, not fixed" in str(summarize(every))
    assert hidden != false  # the kernel has the fix, or it does not


def test_everyone_beneath_is_lied_to(root: Process) -> None:
    beneath = lie(root, Shape(about="", claims=77))
    nobody = beneath.fork()
    nobody.setuid(NOBODY)  # whose memory others may not read, as a rule
    executed = beneath.fork()
    executed.exec(str(build.agent()))
    sharing = beneath.fork().fork(CLONE_VM)
    for process in (beneath, beneath.fork().fork(), beneath.thread(), nobody, executed, sharing):
        assert abi_of(process) == 77
    assert abi_of(root) < 77
    assert beneath.has_no_new_privs().value == 0


def test_the_32_bit_entry_is_lied_to(root: Process) -> None:
    beneath = lie(root, Shape(about="", claims=77, accepts=TOP))
    if beneath.observe(Process.exec32, str(build.agent("i386"))).outcome != Allowed():
        pytest.skip("the kernel runs no program for i386")
    assert abi_of(beneath) == 77
    attr = packed("Q", TOP | FS.EXECUTE)
    assert beneath.create_ruleset(attr, len(attr)).value > 2


def test_an_attribute_is_judged_as_far_as_it_goes(root: Process) -> None:
    beneath = lie(root, ROCKY)
    scoped, short = packed("3Q", FS.EXECUTE, 0, SCOPE.SIGNAL), packed("I", FS.EXECUTE)
    refused: dict[str, list[tuple[Argument, int]]] = {
        "EINVAL": [(scoped, 24), (short, 4)],
        "E2BIG": [(packed("4Q", FS.EXECUTE, 0, 0, FS.EXECUTE), 32)],
        "EFAULT": [(1, 24)],
        "ENOMSG": [(packed("3Q", 0, 0, 0), 24)],
    }
    for errno_name, given in refused.items():
        for attr, size in given:
            outcome = beneath.observe(Process.create_ruleset, attr, size).outcome
            assert outcome == Rejected("create_ruleset", errno_name)
    assert beneath.create_ruleset(scoped, 16).value > 2  # the field is behind the end


def test_what_is_accepted_makes_a_ruleset_that_enforces_the_rest(root: Process) -> None:
    beneath = lie(root, SHAPES["accepts-unknown"])
    only, more = (packed("Q", bits) for bits in (TOP, TOP | FS.READ_DIR))
    for attr, outcome in ((only, Allowed()), (more, Denied("EACCES"))):
        child = beneath.fork()
        ruleset = child.create_ruleset(attr, len(attr))
        assert child.fcntl(ruleset, 1).value == 1  # F_GETFD: closed by execve(2), as it is to be
        child.restrict_self(ruleset)
        assert child.observe(Process.open, "/", os.O_RDONLY).outcome == outcome


def test_flags_are_refused_after_privileges_were_asked_for(root: Process) -> None:
    beneath = lie(root, ROCKY)
    weak = beneath.fork()
    weak.drop_capabilities()
    for process, errno_name in ((beneath, "EINVAL"), (weak, "EPERM")):
        outcome = process.observe(Process.restrict_self, -1, 1).outcome
        assert outcome == Rejected("restrict_self", errno_name)


def test_liars_end_with_those_they_lie_to_and_with_the_agent() -> None:
    with Agent() as agent:
        process = Process(agent.session, 0).fork()
        if not permitted_capabilities(process) >> CAP_SYS_ADMIN & 1:
            pytest.skip("needs CAP_SYS_ADMIN")
        pid = agent.popen.pid
        with agent.session.scope():
            assert abi_of(lie(process, ROCKY)) == ROCKY.claims
            assert len(children(pid)) == LIED_TO
        process.getpid()
        agent.session.flush()
        for _ in wait_for("the liar to end"):
            if len(children(pid)) == 1:
                break
        assert abi_of(lie(process, ROCKY)) == ROCKY.claims
    assert survivors(pid) == []


def test_who_may_not_lie_is_told_in_a_line(root: Process) -> None:
    with pytest.raises(CannotLieError, match="listener can be installed: EBUSY"):
        lie(lie(root, ROCKY), ROCKY)
    root.drop_capabilities()
    with pytest.raises(CannotLieError, match="as root, or where users may make user namespaces"):
        lie(root, ROCKY)


def test_commands_are_lied_to() -> None:
    words = ("--target=lying:one-more/local", "--target=local", "--json", "--", sys.executable)
    lying, honest = json.loads(run_command(landproof("run", *words, "-c", ASKS)).stdout)["runs"]
    if lying["end"] == "not run":
        pytest.skip(lying["reason"])
    assert int(lying["output"]) == lying["abi"] == honest["abi"] + 1


@pytest.mark.parametrize(
    ("name", "says"),
    {
        "lying:rocky/local": "no shape 'rocky' (there is honest, rocky-9.7, ",
        "lying:honest": "whose kernel? Write lying:honest/local",
        "lying:honest/lying:honest/local": "a kernel has one shape",
        "lying:honest/moon": "no such target: moon",
    }.items(),
)
def test_a_name_that_makes_no_sense_is_refused(
    name: str, says: str, pytestconfig: pytest.Config
) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        Lying().make(name, pytestconfig)


def test_the_manual_lists_every_shape() -> None:
    rows = re.findall(r"^\| `([\w.-]+)` \|", MACHINES.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [*SHAPES]


@pytest.fixture
def guest() -> Iterator[LyingTarget]:
    """A guest whose kernel has a shape, as runs have it: restored, if its machine was saved."""
    target = LyingTarget("lying:rocky-9.7/vm:6.12", ROCKY, usual("6.12"))
    try:
        yield target
    finally:
        target.stop()


@pytest.mark.vm
def test_a_guest_is_lied_to_in_both_of_its_trees(guest: LyingTarget) -> None:
    ground = guest.start()
    assert ground.facts.abi == 6
    assert not ground.facts.standing.seccomp  # what the cases stand on is the kernel's own
    ruleset = Ruleset(scope=SCOPE.SIGNAL)
    for parent in (ground.root, ground.sharing):
        with ground.session.scope():
            outcome = parent.fork().observe(Process.build, ruleset).outcome
            assert outcome == Rejected("create_ruleset", "EINVAL")
