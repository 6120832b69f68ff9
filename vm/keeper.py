# SPDX-License-Identifier: MIT
"""Run a command that ends, with all that it has started, when whoever asked for it does.

``python -I -S keeper.py COMMAND...``: standard input is the lifeline. Nothing comes over it; when
its other end is closed, be it that its owner was killed, the command gets SIGTERM, and a little
later SIGKILL. PR_SET_PDEATHSIG can't do that: it is not inherited, and forgotten by a process that
changes its user, as apt's methods do. What the command leaves running is ended likewise.

It imports nothing of ours, and nothing that is installed, so that it starts in 20 ms.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from pathlib import Path

GRACE_S = 2.0
"""From SIGTERM to SIGKILL."""
_PR_SET_CHILD_SUBREAPER = 36
_LIFELINE = 0
_POLL_S = 0.02


def main(command: list[str]) -> int:
    """Run the command; its exit status, 128 and the signal's number if it died of one."""
    # What loses its parent becomes our child, whoever it runs as.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    news, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    try:
        child = os.posix_spawnp(
            command[0],
            command,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, _LIFELINE, os.devnull, os.O_RDONLY, 0)],
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
        )
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 127
    poll = select.poll()
    poll.register(_LIFELINE, select.POLLIN)
    poll.register(news, select.POLLIN)
    status = None
    while status is None:
        ready = {fd for fd, _ in poll.poll()}
        if news in ready:
            os.read(news, 4096)
            status = _reap().get(child)
        if _LIFELINE in ready and not os.read(_LIFELINE, 4096):
            break
    end_all()
    code = 128 + signal.SIGKILL if status is None else os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def end_all() -> None:
    """End all that descends from us: politely, and after ``GRACE_S`` by force."""
    limit = time.monotonic() + GRACE_S
    asked: set[int] = set()
    while left := _descendants():
        if time.monotonic() >= limit:
            _send(left, signal.SIGKILL)
        else:
            _send(left - asked, signal.SIGTERM)
            asked |= left
        _reap()
        time.sleep(_POLL_S)


def _reap() -> dict[int, int]:
    """How each child ended that has: its wait status, by its number."""
    ended = {}
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            ended[pid] = status
    return ended


def _send(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _descendants() -> set[int]:
    """All that run and descend from us, whoever they run as."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = entry.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state not in ("Z", "X"):
                parents[int(entry.parent.name)] = int(parent)
    kin = {os.getpid()}
    while len(grown := kin | {pid for pid, parent in parents.items() if parent in kin}) > len(kin):
        kin = grown
    return kin - {os.getpid()}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
