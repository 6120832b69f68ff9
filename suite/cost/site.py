# SPDX-License-Identifier: MIT
"""What measured calls find on a target: folders within folders, and rulesets over them."""

from __future__ import annotations

import os
import resource
import stat
from dataclasses import dataclass, field, replace

from suite.cost.grid import DEPTHS, RULES
from suite.landlock.ruleset import Ruleset
from suite.process.calls.files import O_PATH
from suite.process.process import Process
from suite.process.promise import Call
from suite.targets.ground import leave_no_children
from suite.values import Fd

FILE, DEVICE, PROGRAM, SIDE = "file", "device", "program", "side"
"""In each folder that calls are measured in. The program is none; the last is a folder."""
PORT = 2000
"""The one that a rule allows; other rules have others."""
_NULL = os.makedev(1, 3)
_SPARE = 32
"""More folders than the most rules, for those that are added while it is measured."""


@dataclass(slots=True)
class Site:
    """A process outside of every domain, and files of its own."""

    outside: Process
    top: str
    """The folder that a rule allows, and the first of the depths."""
    others: list[Call] = field(default_factory=list)
    """File descriptors of folders that other rules allow, as processes inherit them; in any
    order."""

    @classmethod
    def make(cls, outside: Process, folder: str) -> Site:
        """Make the files in a folder that is made for them."""
        outside.mkdir(folder)
        # Processes that have ended would stay and keep their domains, until there can be no more.
        leave_no_children(outside)
        site = cls(outside, f"{folder}/top")
        outside.mkdir(site.top)
        for depth in range(2, DEPTHS[-1] + 1):
            outside.mkdir(site.folder(depth))
        for depth in DEPTHS:
            folder = site.folder(depth)
            outside.write_file(f"{folder}/{FILE}", b"x")
            # Four characters that print: for others, the kernel would look for a module.
            outside.write_file(f"{folder}/{PROGRAM}", b"none", 0o755)
            outside.observe(Process.mknod, f"{folder}/{DEVICE}", stat.S_IFCHR | 0o666, _NULL)
            outside.mkdir(f"{folder}/{SIDE}")
        outside.limit(resource.RLIMIT_NOFILE, 2 * RULES[-1])
        for number in range(RULES[-1] + _SPARE):
            path = f"{folder}/other{number}"
            outside.mkdir(path)
            site.others.append(outside.open(path, O_PATH))
        outside.session.flush()
        return site

    def folder(self, depth: int) -> str:
        """The folder at a depth."""
        return self.top + "/d" * (depth - 1)

    def filled(self, handles: Ruleset, rules: int) -> Ruleset:
        """What is handled, with so many rules of each kind; the first allows what calls do."""
        filled = handles
        if handles.fs:
            others = self.others[: rules - 1]
            places: list[str | Fd] = [self.top, *others]
            filled = replace(filled, paths=tuple((it, handles.fs) for it in places))
        if handles.net:
            ports = tuple((port, handles.net) for port in range(PORT, PORT + rules))
            filled = replace(filled, ports=ports)
        return filled
