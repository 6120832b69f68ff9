# SPDX-License-Identifier: MIT
"""Every placement of every right over three layers on a chain of four folders.

A layer does not handle a right, or has rules with it on any of the four: 17 policies. Each right is
judged alone (security/landlock/fs.c, ``landlock_unmask_layers``), but for REFER, which has a space
of its own. Where a call is allowed, it fails behind Landlock's hook or leaves nothing but a new
name, so that one domain serves many decisions.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

from suite.explore.manner import Spot
from suite.explore.space import Scene, Slice, Space, digits
from suite.explore.trial import Stage, Trial
from suite.judge.records import Facts
from suite.landlock.abi import FS, NET, known_bits
from suite.landlock.ruleset import Ruleset
from suite.process.calls.sockets import unix
from suite.process.process import Process
from suite.process.uapi import AT_FDCWD
from suite.values import Fd

_LAYERS, _FOLDERS = 3, 4
POLICIES: tuple[tuple[int, ...] | None, ...] = (
    None,
    *(places for count in range(_FOLDERS + 1) for places in combinations(range(_FOLDERS), count)),
)
"""A layer's, for a right: not handled, or the folders with rules; the smallest first."""
_FURTHER = 13
"""A further layer is one of so many: a divisor of 17 would be the first layer once more."""
_ACCMODE_NONE = 3
"""open(2): neither read nor write, but ioctl(2)."""
_COMMAND = 0x4C01
"""An ioctl(2) command that /dev/null does not have."""
_NULL = os.makedev(1, 3)
_CAP_MKNOD = 27


@dataclass(frozen=True, slots=True)
class _At:
    """Where something is done: in which of the folders, spelled in which way."""

    process: Process
    spell: Callable[[str], tuple[Fd, str]]
    new: str
    """A name that nothing has yet."""
    socket: Fd
    """A UNIX datagram socket."""
    folder: str

    def open(self, name: str, flags: int) -> Fd:
        at, path = self.spell(name)
        return self.process.open(path, flags, at=at)

    def make(self, kind: int, device: int = 0) -> None:
        at, path = self.spell(self.new)
        self.process.mknod(path, kind, device, at=at)

    def execute(self) -> None:
        """A text without a program: ENOEXEC, if it may be executed; no memory is replaced."""
        at, path = self.spell("x")
        self.process.session.call(self.process.id, "execveat", at, path, None, None, 0)

    def remove_dir(self) -> None:
        at, path = self.spell("e")
        self.process.rmdir(path, at=at)

    def remove_file(self) -> None:
        at, path = self.spell("e")
        self.process.unlink(path, at=at)

    def make_dir(self) -> None:
        at, path = self.spell(self.new)
        self.process.mkdir(path, at=at)

    def make_link(self) -> None:
        at, path = self.spell(self.new)
        self.process.symlink("f", path, at=at)

    def truncate(self) -> None:
        # There is no truncateat(2); O_TRUNC alone would ask for the right to read, too.
        at, path = self.spell("f")
        where = path if at == AT_FDCWD else f"{self.folder}/{path}"
        self.process.truncate(where, len(_CONTENT))

    def command(self) -> None:
        self.process.ioctl(self.open("z", _ACCMODE_NONE), _COMMAND)

    def resolve(self) -> None:
        at, path = self.spell("s")
        where = path if at == AT_FDCWD else f"{self.folder}/{path}"
        self.process.connect(self.socket, unix(where))


_CONTENT = b"text\n"
_RIGHTS: dict[FS, Callable[[_At], object]] = {
    FS.WRITE_FILE: lambda at: at.open("f", os.O_WRONLY),
    FS.READ_FILE: lambda at: at.open("f", os.O_RDONLY),
    FS.READ_DIR: lambda at: at.open("e", os.O_RDONLY | os.O_DIRECTORY),
    FS.REMOVE_DIR: _At.remove_dir,  # ENOTEMPTY
    FS.REMOVE_FILE: _At.remove_file,  # EISDIR
    FS.MAKE_CHAR: lambda at: at.make(stat.S_IFCHR, _NULL),
    FS.MAKE_DIR: _At.make_dir,
    FS.MAKE_REG: lambda at: at.make(stat.S_IFREG),
    FS.MAKE_SOCK: lambda at: at.make(stat.S_IFSOCK),
    FS.MAKE_FIFO: lambda at: at.make(stat.S_IFIFO),
    FS.MAKE_BLOCK: lambda at: at.make(stat.S_IFBLK, _NULL),
    FS.MAKE_SYM: _At.make_link,
    FS.TRUNCATE: _At.truncate,
    FS.IOCTL_DEV: _At.command,  # ENOTTY
    FS.RESOLVE_UNIX: _At.resolve,
    FS.EXECUTE: _At.execute,
}
"""What needs nothing but the right."""
_ON_DEVICES = (FS.MAKE_CHAR, FS.MAKE_BLOCK, FS.IOCTL_DEV)
"""And CAP_MKNOD: without it, what Landlock allows fails with EPERM, or there is no device."""
SLICES = tuple(Slice(str(right.name).lower(), right, shift) for shift, right in enumerate(_RIGHTS))


class _Chain(Scene):
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        holder = stage.holder
        self._devices = _makes_devices(stage.facts)
        self._spots = [self._spot(stage, number) for number in range(_FOLDERS)]
        nodes = [it.fd for it in self._spots]
        if stage.manner.reached is not str:
            paths = [stage.manner.reached(it.folder) for it in self._spots]
            nodes = [holder.open(path, os.O_PATH) for path in paths]
        programs = [holder.open(f"{it.folder}/x", os.O_PATH) for it in self._spots]
        self._socket = holder.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        known = known_bits(FS, stage.abi)
        self._rulesets = [
            stage.ruleset(_ruleset(policy, known, nodes, programs))
            for policy in range(len(POLICIES))
        ]
        self._other = (
            holder.build(Ruleset(net=NET.BIND_TCP)) if stage.abi >= NET.BIND_TCP.since else None
        )

    def _spot(self, stage: Stage, number: int) -> Spot:
        holder, folder = stage.holder, stage.folder + "/d" * (number + 1)
        holder.mkdir(folder)
        holder.write_file(f"{folder}/f", _CONTENT)
        holder.write_file(f"{folder}/x", _CONTENT, 0o777)
        holder.mkdir(f"{folder}/e")
        holder.mkdir(f"{folder}/e/e")
        bound = holder.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        holder.bind(bound, unix(f"{folder}/s"))
        if self._devices:
            holder.mknod(f"{folder}/z", stat.S_IFCHR, _NULL)
        spot = Spot(folder, holder.open(folder, os.O_PATH), number)
        stage.manner.laid(holder, spot)
        return spot

    def play(self, trial: Trial, number: int) -> None:
        layers = digits(number, *[len(POLICIES)] * _LAYERS)
        manner = trial.stage.manner
        rulesets = [self._rulesets[it] for it in layers]
        if manner.further:
            rulesets.append(self._rulesets[number % _FURTHER])
        if manner.unrelated and self._other is not None:
            rulesets.append(self._other)
        process = trial.enforce(trial.fork(), *rulesets)
        for its in SLICES:
            act = _RIGHTS[FS(its.right)]
            for spot in self._spots:
                label = f"{its.label} {spot.number}"
                if its.right in _ON_DEVICES and not self._devices:
                    trial.leave_out(label)
                    continue
                at = _At(
                    process,
                    partial(manner.spelled, spot),
                    f"{its.label}{number}",
                    self._socket,
                    spot.folder,
                )
                trial.decide(label, act, at)


def _ruleset(policy: int, known: FS, nodes: Sequence[Fd], programs: Sequence[Fd]) -> Ruleset:
    """The layer of a policy: each right has the one that is ``shift`` further on.

    Who executes a program has to read it, too (security/landlock/fs.c,
    ``get_required_file_open_access``): so that only the other right is judged, programs may be
    read, by rules on themselves.
    """
    handled, rules = FS(0), [FS(0)] * _FOLDERS
    for its in SLICES:
        places = POLICIES[(policy + its.shift) % len(POLICIES)]
        right = FS(its.right) & known
        if places is None or not right:
            continue
        handled |= right
        for place in places:
            rules[place] |= right
    rules_of = {node: rights for node, rights in zip(nodes, rules, strict=True) if rights}
    if readable := handled & FS.READ_FILE:
        rules_of |= dict.fromkeys(programs, readable)
    return Ruleset(fs=handled, paths=tuple(rules_of.items()))


def _makes_devices(facts: Facts) -> bool:
    return not facts.in_user_namespace and bool(facts.capabilities >> _CAP_MKNOD & 1)


PATHS = Space(
    "paths",
    "every placement of every right but REFER, three layers, a chain of four folders",
    len(POLICIES) ** _LAYERS,
    _Chain,
    features={it.label: (it.right,) for it in SLICES},
)
