# SPDX-License-Identifier: MIT
"""A program while its calls are made on a target: which processes and descriptors its names are."""

from __future__ import annotations

from dataclasses import dataclass, field

from suite.explore.trial import Trial
from suite.fuzz.program import FIRST, Step
from suite.process.process import Process
from suite.values import Fd

FOLDERS = ("a", "b", "a/d")
FILES = ("a/f", "b/f", "a/d/f")
"""What there is when a program begins, in a folder of its own, which it is in."""
AGENT = "agent"
"""The path of a program that can be executed, beside the folder."""
DEVICE = "/dev/zero"
"""Can be opened, too, and nothing can come of it."""
_FIRST_OWN = 500
_PORTS = 3
_FIRST_PORT, _AFTER_PORTS = 1024, 32_768
"""Beneath those that the kernel chooses by itself (ip_local_port_range)."""


@dataclass(slots=True)
class Run:
    """A program on a stage.

    Args:
        trial: Takes the calls.
        number: No other program of the stage has it; of one file, folder or port that two programs
            had, the second one would see what the first one left.
    """

    trial: Trial
    number: int
    processes: dict[str, Process] = field(default_factory=dict)
    descriptors: dict[str, Fd] = field(default_factory=dict)

    def lay(self) -> None:
        """Make the first process and its files."""
        process = self.processes[FIRST] = self.trial.fork()
        process.mkdir(str(self.number))
        process.chdir(str(self.number))
        for folder in FOLDERS:
            process.mkdir(folder)
        for file in FILES:
            process.mknod(file, 0)

    def process(self, name: str) -> Process:
        """The process of a name."""
        return self.processes[name]

    def fd(self, name: str) -> Fd:
        """The descriptor of a name."""
        return self.descriptors[name]

    @property
    def number_of_own(self) -> int:
        """The number of one more descriptor of an open file, which nothing else in the program has.

        Which numbers are free depends on what the agent has open; and one that two processes have
        is to be the same file only where one of them has inherited it.
        """
        return _FIRST_OWN + len(self.descriptors)

    def path(self, name: str) -> str:
        """The path of a name."""
        return self.trial.stage.agent if name == AGENT else name

    def port(self, place: int) -> int:
        """The number of one of the program's own ports."""
        count = (_AFTER_PORTS - _FIRST_PORT) // _PORTS
        return _FIRST_PORT + self.number % count * _PORTS + place

    def abstract(self, name: str) -> str:
        """The name of one of the program's own abstract sockets."""
        return f"landproof{self.trial.stage.key}-{self.number}-{name}"

    def keep(self, step: Step, made: object) -> None:
        """Keep what a step has made under its name."""
        if isinstance(made, Process):
            self.processes[step.gives] = made
        elif made is not None:
            self.descriptors[step.gives] = made  # type: ignore[assignment]  # all others give one
