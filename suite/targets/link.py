# SPDX-License-Identifier: MIT
"""A connection to another machine at whose end the agent runs, by way of ssh's pipes."""

from __future__ import annotations

import os
import secrets
import select
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from suite.errors import InfrastructureError
from suite.targets.ssh_host import CONNECT_S, Host, last_words
from suite.targets.stopped import is_stopped

_GREETING_S = CONNECT_S + 30.0
"""Until the script's first word: a login may wait for the network of the other machine."""
_END_S = 5.0
"""How long the end may take: the agent ends its processes, and its folder is removed."""
_MOST_NOISE = 1 << 16
"""Bytes that a login may print before the script does."""

# The agent's file and the folder for cases are removed by the shell that started the agent: when
# the agent has ended, which it does as soon as its channel closes, however that comes about. A
# signal does not end the shell before that. Each place is tried by running something there.
_SCRIPT = """\
gone() {{ [ -z "$d" ] || {{ chmod -R u+rwx "$d"; rm -rf "$d"; }} 2>/dev/null; }};
d=; trap gone EXIT; trap "exit 129" HUP INT PIPE TERM;
for t in "${{TMPDIR:-/tmp}}" /tmp /var/tmp /dev/shm "$HOME"; do
d=$(mktemp -d "$t/landproof-XXXXXXXX" 2>/dev/null) || {{ d=; continue; }};
{{ echo "#!/bin/sh" >"$d/agent" && chmod 700 "$d/agent" && "$d/agent"; }} 2>/dev/null && break;
gone; d=;
done;
b=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null);
echo "{mark} $(uname -m) ${{b:--}} $d";
[ -n "$d" ] && read -r size || exit 0;
head -c "$size" >"$d/agent" && mkdir -m 700 "$d/{place}" || exit 73;
env -i "$d/agent"
"""
_PLACE = "place"


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the other machine says of itself."""

    machine: str
    """As ``uname -m`` has it."""
    boot: str
    """Its boot id: another after each boot. ``-`` where /proc does not tell."""
    folder: PurePosixPath
    """Where the agent is put, a folder of its own."""


class Link:
    """The connection, from its first word until ``close``; nothing is left there after that.

    Args:
        host: Where to.

    Raises:
        InfrastructureError: There is no connection, or no place for the agent.
    """

    greeting: Greeting

    def __init__(self, host: Host) -> None:
        self._host = host
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (``close`` does)
        mark = f"landproof-{secrets.token_hex(8)}"
        script = " ".join(_SCRIPT.format(mark=mark, place=_PLACE).split("\n"))
        # A session of its own: Ctrl-C is for us.
        self._ssh = subprocess.Popen(  # noqa: S603 (an argv list, no shell here)
            host.script(script),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            start_new_session=True,
        )
        assert self._ssh.stdin  # noqa: S101 (it is a pipe)
        assert self._ssh.stdout  # noqa: S101 (so is this)
        self.reader, self.writer = self._ssh.stdout.fileno(), self._ssh.stdin.fileno()
        try:
            self.greeting = self._greeted(mark)
        except BaseException:
            self.close()
            raise

    @property
    def place(self) -> Path:
        """An empty folder there, for the files of cases."""
        return Path(self.greeting.folder / _PLACE)

    def bring(self, agent: Path) -> None:
        """Put the agent there and start it; its channel is ``reader`` and ``writer`` from now on.

        Raises:
            InfrastructureError: The connection broke.
        """
        image = agent.read_bytes()
        view = memoryview(f"{len(image)}\n".encode() + image)
        try:
            while view:
                view = view[os.write(self.writer, view) :]
        except OSError as error:
            raise InfrastructureError(self.fault()) from error

    def status(self, patience_s: float) -> int | None:
        """The exit status of ssh, which is that of the agent; None if it still runs."""
        try:
            return self._ssh.wait(patience_s)
        except subprocess.TimeoutExpired:
            return None

    def fault(self) -> str:
        """Why it did not come up, or broke, in a line."""
        self.status(_END_S)
        return self._host.fault(self._said())

    @property
    def is_stopped(self) -> bool:
        """Whether ssh stands still."""
        return is_stopped(self._ssh.pid)

    @property
    def last_words(self) -> str:
        """What ssh has said last, or what befell it."""
        if (self._ssh.returncode or 0) < 0:
            return f"ssh was killed by {signal.Signals(-self._ssh.returncode).name}"
        return last_words(self._said()) or "ssh ended without a word"

    def close(self) -> None:
        """End the agent, and with it all that is there of ours."""
        for pipe in (self._ssh.stdin, self._ssh.stdout):
            if pipe:
                pipe.close()
        if self.status(_END_S) is None:
            self._ssh.kill()
            self._ssh.wait()
        self._errors.close()

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read(_MOST_NOISE).decode(errors="replace")

    def _greeted(self, mark: str) -> Greeting:
        """Read up to the script's first line, byte by byte: what follows is the agent's."""
        limit = time.monotonic() + _GREETING_S
        poll = select.poll()
        poll.register(self.reader, select.POLLIN)
        heard = bytearray()
        while not (heard.endswith(b"\n") and heard.splitlines()[-1].startswith(mark.encode())):
            if not poll.poll(max(0.0, limit - time.monotonic()) * 1000):
                raise InfrastructureError(f"no answer in {_GREETING_S:.0f} s")
            byte = os.read(self.reader, 1)
            heard += byte
            if not byte or len(heard) > _MOST_NOISE:
                raise InfrastructureError(self._unlike_a_shell(bytes(heard)))
        words = heard.splitlines()[-1].decode(errors="replace").split(" ", 3)
        _, machine, boot, folder = (*words, *[""] * (4 - len(words)))
        if not folder:
            raise InfrastructureError(
                "no folder there is open to us and lets programs be run (tried:"
                " $TMPDIR, /tmp, /var/tmp, /dev/shm, $HOME): mount one of them without noexec"
            )
        return Greeting(machine, boot, PurePosixPath(folder))

    def _unlike_a_shell(self, heard: bytes) -> str:
        """The connection ended, or goes on and on, before our script has said anything."""
        if not (said := self._after_its_end()) and heard.strip():
            line = heard.strip().splitlines()[-1].decode(errors="replace")
            return f"there is no shell there that runs programs, it says: {line}"
        return self._host.fault(said)

    def _after_its_end(self) -> str:
        self.status(_END_S)
        return self._said() if last_words(self._said()) else ""
