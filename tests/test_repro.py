# SPDX-License-Identifier: MIT
"""Reproducers: they build without a warning, and come to what their cases came to."""

from __future__ import annotations

import re
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from suite.agent import build
from suite.cli import collect
from suite.cli.main import main
from suite.cli.repro import reproducer
from suite.cli.run import run
from suite.errors import Exit
from suite.judge.outcome import Allowed, Denied
from suite.judge.records import TargetRecord, Verdict
from suite.process.calls.sockets import inet
from suite.process.process import Process
from suite.process.session import Session
from suite.repro.errors import UnwritableError
from suite.repro.sources import Formatted, Negative, Slice, Sources
from suite.run.declared import Declared
from suite.run.tracing import Traced, Tracer
from suite.values import Int, Out
from tests.agents import ARCH

CASES = (
    "fs/truncate[truncate]",
    "fs/execute[program-without-execute]",
    "fs/open_flavours[openat2-to-read]",
    "history/tcp_fast_open[ipv4]",
    "history/tcp_fast_open[ipv6]",
    "history/sigio[to-process-group]",
    "scope/signal[same-nested-domain]",
    "syscalls/create_ruleset[net-known-and-unknown]",
)
"""Of several kinds: files, programs, sockets, signals, calls of Landlock itself."""
WHERE = TargetRecord(name="local")


@pytest.fixture(scope="module")
def traced(declared: dict[str, Declared]) -> dict[str, Traced]:
    """The cases, run once on this kernel."""
    kept: list[Traced] = []
    nodes = [collect.find(declared, case).node("local") for case in CASES]
    run(["local"], nodes=nodes, plugins=[Tracer(kept.append)])
    return {it.record.id: it for it in kept}


@pytest.fixture
def exit_code(tmp_path: Path) -> Callable[[str], int]:
    """Build a reproducer and run it."""

    def of(text: str) -> int:
        source, program = tmp_path / "repro.c", tmp_path / "repro"
        source.write_text(text)
        command = [*build.compiler(ARCH), "-Wall", "-Wextra", "-Werror", "-static"]
        subprocess.run([*command, "-o", str(program), str(source)], check=True)
        return subprocess.run([program], capture_output=True, check=False).returncode

    return of


def judged(traced: dict[str, Traced], case: str) -> Traced:
    """A case that came to an outcome here."""
    if case not in traced or traced[case].judgement is None:
        pytest.skip(f"{case} can't be shown here")
    return traced[case]


@pytest.mark.parametrize("case", CASES)
def test_a_reproducer_comes_to_what_its_case_came_to(
    case: str, traced: dict[str, Traced], exit_code: Callable[[str], int]
) -> None:
    it = judged(traced, case)
    assert exit_code(reproducer(it, WHERE)) == (it.record.verdict is Verdict.DEVIATES)


def test_it_fails_where_something_else_is_owed(
    traced: dict[str, Traced], exit_code: Callable[[str], int]
) -> None:
    it = judged(traced, "fs/truncate[truncate]")
    assert it.judgement is not None
    for wrong in (Allowed(), Denied("EIO")):
        judgement = replace(it.judgement, expected=wrong)
        assert exit_code(reproducer(replace(it, judgement=judgement), WHERE)) == 1


def test_a_kernel_that_denies_nothing_is_found(
    traced: dict[str, Traced], exit_code: Callable[[str], int]
) -> None:
    text = reproducer(judged(traced, "fs/truncate[truncate]"), WHERE)
    without = text.replace("GATE(landlock_restrict_self, v->ruleset, 0)", "GATE(sched_yield)")
    assert without != text
    assert exit_code(without) == 1


def test_what_a_lying_kernel_did_is_not_there_on_an_honest_one(
    declared: dict[str, Declared], exit_code: Callable[[str], int]
) -> None:
    """The file holds what is owed, and not what was seen where it was written."""
    kept: list[Traced] = []
    target = "lying:enforces-nothing/local"
    node = collect.find(declared, "fs/truncate[truncate]").node(target)
    run([target], nodes=[node], plugins=[Tracer(kept.append)])
    it = judged({it.record.id: it for it in kept}, "fs/truncate[truncate]")
    assert it.record.verdict is Verdict.DEVIATES
    assert exit_code(reproducer(it, TargetRecord(name=target))) == 0


@pytest.mark.parametrize("step", ["MUST(mkdirat, ", "TRY(CONTROL, truncate, "])
def test_a_set_up_or_a_control_that_fails_blames_nobody(
    step: str, traced: dict[str, Traced], exit_code: Callable[[str], int]
) -> None:
    text = reproducer(judged(traced, "fs/truncate[truncate]"), WHERE)
    broken = text.replace(step, re.sub(r"\w+, $", "dup, -1, ", step), 1)
    assert broken != text
    assert exit_code(broken) == 2


def test_the_compiler_at_hand_has_no_warning(traced: dict[str, Traced], tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("there is no cc")
    for case, it in traced.items():
        source = tmp_path / "repro.c"
        source.write_text(reproducer(judged(traced, case), WHERE))
        command = ["cc", "-Wall", "-Wextra", "-fsyntax-only", str(source)]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (built.returncode, built.stderr) == (0, ""), it.record.id


def test_processes_that_are_gone_show_nothing(
    traced: dict[str, Traced], exit_code: Callable[[str], int]
) -> None:
    text = reproducer(judged(traced, "fs/truncate[truncate]"), WHERE)
    gone = text.replace("	s->turn = 1;", "	s->turn = 1;\n	_exit(0);")
    assert gone != text
    assert exit_code(gone) == 2


def test_files_of_others_are_left_alone(traced: dict[str, Traced], tmp_path: Path) -> None:
    """Where it gets no mounts of its own, it makes a folder, and removes what it has made."""
    text = reproducer(judged(traced, "fs/truncate[truncate]"), WHERE)
    place = tmp_path / "place"
    here = text.replace('#define PLACE "/tmp/landproof"', f'#define PLACE "{place}"')
    alone = here.replace("ways[] = { all, all | CLONE_NEWUSER, 0 }", "ways[] = { 0, 0, 0 }")
    assert len({text, here, alone}) == 3
    source, program = tmp_path / "repro.c", tmp_path / "repro"
    source.write_text(alone)
    subprocess.run([*build.compiler(ARCH), "-static", "-o", str(program), str(source)], check=True)
    assert subprocess.run([program], capture_output=True, check=False).returncode == 0
    assert not place.exists()
    place.mkdir()
    (place / "precious").touch()
    ran = subprocess.run([program], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert f"mkdir {place}: File exists" in ran.stdout
    assert (place / "precious").exists()


def test_a_kernel_that_died_has_to_survive(
    traced: dict[str, Traced], exit_code: Callable[[str], int]
) -> None:
    it = judged(traced, "fs/truncate[truncate]")
    record = msgspec.structs.replace(
        it.record, verdict=Verdict.CRASHED, expected=None, observed=None, reason="a panic"
    )
    dead = replace(it, record=record, judgement=None, observed=None, control=None)
    text = reproducer(dead, WHERE)
    assert " * Owed: to survive\n" in text
    assert exit_code(text) == 0
    first = 'MUST(mkdirat, AT_FDCWD, PLACE "/1", 0777)'
    assert first in text
    blocked = text.replace("LIMIT_S = 30", "LIMIT_S = 1").replace(first, "MUST(ppoll, 0, 0, 0, 0)")
    assert exit_code(blocked) == 1


# The verb


def test_the_verb_writes_the_file_and_says_what_it_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "repro.c"
    assert main(["repro", "fs/truncate[truncate]", "--output", str(output)]) == Exit.CONFORMS
    text = output.read_text()
    assert "fs/truncate[truncate]\n" in text
    assert " * Source: " in text
    assert "LANDLOCK_ACCESS_FS_TRUNCATE" in text
    assert capsys.readouterr().out == ""


def test_what_can_not_be_written_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["repro", "syscalls/flags[create-one]"])
    said = capsys.readouterr()
    assert code == Exit.INFRASTRUCTURE
    assert said.out == ""
    line = said.err.strip()
    assert line.startswith("landproof: syscalls/flags[create-one] ")
    assert "\n" not in line


def test_a_case_that_does_not_exist_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["repro", "no/such[case]"]) == Exit.USAGE
    assert "no/such[case]" in capsys.readouterr().err


# Where numbers come from


def test_numbers_that_a_case_took_from_results_are_found_again(
    process: Process, session: Session
) -> None:
    child = process.fork()
    pipe = process.pipe()
    assert child.pid is not None
    pid = child.pid.value
    second = int.from_bytes(pipe.data[4:8], "little")
    calls = [
        process.write(second, b"x"),
        process.kill(pid, 0),
        process.kill(-pid, 0),
        process.readlink(f"/proc/{pid}/fd/{second}"),
        process.readlink(f"/else/{pid}/status"),
        process.readlink(f"/place/{pid}/file"),
    ]
    session.flush()
    sources = Sources(place="/place")
    for call in session.calls():
        if call is calls[0]:
            break
        sources.arguments(call)
    write, kill, group, link, status, own = (sources.arguments(it) for it in calls)
    assert write[0] == Int(pipe, 4)
    assert kill[0] is child.pid
    assert group[0] == Negative(child.pid)
    assert link[1] == Formatted("/proc/%ld/fd/%ld", (child.pid, Int(pipe, 4)))
    assert status[1] == Formatted("/else/%ld/status", (child.pid,))
    assert own[1] == f"/place/{pid}/file"


def test_bytes_that_a_call_has_left_are_found_again(process: Process) -> None:
    fd = process.socket(socket.AF_INET, socket.SOCK_DGRAM)
    process.bind(fd, inet(0))
    named = process.syscall("getsockname", fd, Out(128), struct.pack("<I", 128))
    call = process.connect(fd, named.data[:16])
    assert Sources([named]).arguments(call)[1] == Slice(named, 0)


def test_what_is_not_known_to_come_from_a_call_stays(process: Process) -> None:
    call = process.kill(77, 9)
    assert Sources().arguments(call) == [77, 9]


def test_an_outcome_that_is_no_calls_result_is_refused(traced: dict[str, Traced]) -> None:
    it = judged(traced, "fs/truncate[truncate]")
    with pytest.raises(UnwritableError, match="put together"):
        reproducer(replace(it, observed=None), WHERE)
