# SPDX-License-Identifier: MIT
"""What is read from consoles; the logs are real ones, named for what happened."""

import os
from pathlib import Path

import pytest

from vm import console
from vm.console_log import ConsoleLog

LOGS = Path(__file__).parent / "data" / "consoles"

PANICS = {
    "7.3-sysrq-panic": "kernel panic: sysrq triggered crash",
    "6.1-sysrq-panic": "kernel panic: sysrq triggered crash",
    "7.3-init-exit": "kernel panic: Attempted to kill init! exitcode=0x00000300",
    "7.3-oops-panic": (
        "kernel panic: BUG: kernel NULL pointer dereference, address: 0000000000000000 "
        "(Fatal exception)"
    ),
    "6.1-oops-panic": (
        "kernel panic: BUG: kernel NULL pointer dereference, address: 0000000000000000 "
        "(Fatal exception)"
    ),
    "7.3-bug-panic": "kernel panic: Oops: invalid opcode: 0000 [#1] SMP NOPTI (Fatal exception)",
    "7.3-oops-survived": (
        "kernel panic: BUG: kernel NULL pointer dereference, address: 0000000000000000 "
        "(Attempted to kill init! exitcode=0x00000009)"
    ),
}


def lines(name: str) -> list[str]:
    return read(LOGS / f"{name}.log")


def read(path: Path) -> list[str]:
    """What a log gives that has printed a file."""
    log = ConsoleLog(None, "x")
    os.write(log.pipe, path.read_bytes())
    log.drain()
    said = list(log.lines())
    log.close()
    return said


@pytest.mark.parametrize(("name", "sentence"), PANICS.items(), ids=PANICS)
def test_a_panic_is_told_in_a_sentence(name: str, sentence: str) -> None:
    assert console.find_panic(lines(name)) == sentence


@pytest.mark.parametrize("name", ["kvm-internal-error", "6.1-soft-lockup"])
def test_what_is_no_panic_is_none(name: str) -> None:
    assert console.find_panic(lines(name)) is None


def test_an_oops_cut_short_is_trouble_and_no_panic() -> None:
    cut = lines("7.3-oops-panic")[:10]
    assert console.find_panic(cut) is None
    assert console.find_trouble(cut) == (
        "BUG: kernel NULL pointer dereference, address: 0000000000000000"
    )


def test_a_lockup_is_trouble() -> None:
    trouble = console.find_trouble(lines("6.1-soft-lockup"))
    assert trouble is not None
    assert trouble.startswith("watchdog: BUG: soft lockup - CPU#0 stuck for")


def test_a_kvm_that_gives_up_is_a_halt() -> None:
    assert console.find_halt(lines("kvm-internal-error")) == "KVM internal error. Suberror: 1"
    aborted = ["qemu-system-x86_64: error: failed to set MSR 0x10a to 0x0\n"]
    assert console.find_halt(aborted) == aborted[0].strip()


@pytest.mark.parametrize("name", sorted(path.stem for path in LOGS.glob("*.log")))
def test_no_log_has_a_halt_or_a_warning_that_is_not_there(name: str) -> None:
    assert (console.find_halt(lines(name)) is None) == (not name.startswith("kvm"))
    assert console.find_warnings(lines(name)) == []


def test_a_warning_is_found() -> None:
    line = "[    2.1] WARNING: CPU: 0 PID: 7 at security/landlock/fs.c:42 hook+0x1/0x2\n"
    assert console.find_warnings([line]) == [
        "WARNING: CPU: 0 PID: 7 at security/landlock/fs.c:42 hook+0x1/0x2"
    ]


def test_stamps_and_terminal_sequences_go() -> None:
    noisy = ["\x1bc\x1b[?7l\x1b[2J", "[    0.0][    T1] hello\r\n", "<4>[  1.25] there \n"]
    assert list(console.plain(noisy)) == ["", "hello", "there"]


def test_the_tail_leaves_empty_lines_out() -> None:
    assert console.tail(["a\n", "\n", "b\n", "c\n"], 2) == "b\nc"


def test_bytes_that_are_no_text_do_not_stop_the_reading(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"\xff\xfe\n[ 1.0] Kernel panic - not syncing: x\xff\n")
    assert console.find_panic(read(log)) == "kernel panic: x\ufffd"
