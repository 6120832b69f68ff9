# SPDX-License-Identifier: MIT
"""A pseudoterminal: its master in anybody's hand, its other end where a session runs."""

import os
from dataclasses import dataclass

from suite.case import CLONE_NEWNS, Call, Process
from suite.packed import packed
from suite.process.calls.ioctls import TCSETS, TIOCGPTPEER, TIOCSCTTY, TIOCSPTLCK

INTERRUPT = b"\x03"
_CFLAGS = 0xBF  # eight bits, 38400 baud, and reception
_VMIN = 6
_MANY = 100


@dataclass(frozen=True, slots=True)
class Terminal:
    """The file descriptors of both ends, which whoever is forked later has too."""

    master: Call
    end: Call

    def take_over(self, leader: Process) -> None:
        """Let a process lead a session on the terminal, in the foreground."""
        leader.setsid()
        leader.ioctl(self.end, TIOCSCTTY, 0)

    def be_raw(self, process: Process) -> None:
        """Hand on what comes as it is, and nothing to readers until there is a lot."""
        characters = bytearray(19)
        characters[_VMIN] = _MANY
        process.ioctl(self.end, TCSETS, packed("4IB19s", 0, 0, _CFLAGS, 0, 0, bytes(characters)))

    def settle(self, process: Process) -> None:
        """Wait until the terminal has dealt with all that was written to its master.

        poll(2) does so before it says that there is nothing to read.
        """
        process.poll(self.end, wait=False)


def open_terminal(process: Process, folder: str) -> Terminal:
    """Open a new terminal of an instance of devpts, mounted on a folder for the process alone."""
    process.unshare(CLONE_NEWNS)
    process.mount("devpts", folder, "devpts")
    master = process.open(f"{folder}/ptmx", os.O_RDWR | os.O_NOCTTY)
    process.ioctl(master, TIOCSPTLCK, bytes(4))
    return Terminal(master, process.ioctl(master, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY))
