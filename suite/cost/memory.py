# SPDX-License-Identifier: MIT
"""Which kernel memory Landlock keeps, as a memory control group counts it.

Source: Documentation/admin-guide/cgroup-v2.rst (memory.stat, slab). Rulesets, rules, objects of
inodes and domains are allocated for who asked (GFP_KERNEL_ACCOUNT).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from suite.cost.site import PORT, Site
from suite.judge.outcome import Allowed
from suite.landlock.abi import FS, MAX_LAYERS, NET, RULE_NET_PORT, RULE_PATH_BENEATH
from suite.landlock.ruleset import Ruleset, net_port, path_beneath
from suite.packed import packed
from suite.process.process import Process
from suite.process.promise import Call
from suite.targets.base import Ground
from suite.values import Pack

_SETTLED_S = 3
_RULES = 256
_MANY = 128
"""So many of each are made, as the kernel counts whole objects late, a page's worth at most."""
_FILES = Ruleset(fs=FS.READ_FILE)
_PORTS = Ruleset(net=NET.BIND_TCP)


@dataclass(frozen=True, slots=True)
class Kept:
    """How much is kept of something."""

    what: str
    bytes: float


@dataclass(slots=True)
class _Group:
    """A control group with a process in it, and another whose calls make the kernel count."""

    folder: str
    inside: Process
    beside: Process

    def slab(self) -> int:
        """Bytes of kernel objects that belong to the group."""
        # The kernel settles what it has not yet counted of one group when another allocates, and
        # small changes every two seconds only (mm/memcontrol.c, FLUSH_TIME).
        self.beside.close(self.beside.open("/", os.O_RDONLY))
        self.beside.syscall("nanosleep", packed("QQ", _SETTLED_S, 0), None)
        stat = self.beside.read_file(f"{self.folder}/memory.stat").decode()
        found = re.search(r"^slab (\d+)$", stat, re.MULTILINE)
        return int(found[1]) if found else 0

    def grown(self, make: Callable[[], object]) -> int:
        """By how many bytes it grows when something is made."""
        before = self.slab()
        make()
        self.inside.session.flush()
        return self.slab() - before


def memory(ground: Ground) -> list[Kept] | str:
    """What Landlock keeps, in bytes; or why it can't be told."""
    session = ground.session
    with session.scope():
        outside = ground.root.fork()
        folder = f"{ground.place}/groups"
        outside.mkdir(folder)
        if outside.observe(Process.mount, "cgroup2", folder, "cgroup2").outcome != Allowed():
            return "the kernel has no control groups of version 2"
        site = Site.make(outside, f"{ground.place}/memory")
        taken = outside.observe(Process.write_file, f"{folder}/cgroup.subtree_control", b"+memory")
        if taken.outcome != Allowed():
            return "the kernel's control groups count no memory"
        group = _group(outside, folder)
        return list(_kept(group, site, ground.facts.abi))


def _group(outside: Process, folder: str) -> _Group:
    members = []
    for name in ("in", "by"):
        outside.mkdir(f"{folder}/{name}")
        member = outside.fork()
        member.write_file(f"{folder}/{name}/cgroup.procs", b"0")
        members.append(member)
    return _Group(f"{folder}/in", *members)


def _kept(group: _Group, site: Site, abi: int) -> Iterator[Kept]:
    inside = group.inside
    folders = [it.value for it in site.others[:_RULES]]

    def filled(ruleset: int) -> Callable[[], None]:
        return lambda: _add_each(
            inside, ruleset, RULE_PATH_BENEATH, [path_beneath(FS.READ_FILE, it) for it in folders]
        )

    rulesets: list[Call] = []
    make = partial(_repeated, lambda: rulesets.append(inside.make_ruleset(_FILES)))
    yield Kept("ruleset, as a file descriptor", group.grown(make) / _MANY)
    # An inode is known to Landlock as long as a rule is about it.
    yield Kept("first rule of a folder", group.grown(filled(rulesets[0].value)) / _RULES)
    yield Kept("further rule of a folder", group.grown(filled(rulesets[1].value)) / _RULES)
    if abi >= NET.BIND_TCP.since:
        ruleset = inside.make_ruleset(_PORTS).value
        attrs = [net_port(NET.BIND_TCP, PORT + at) for at in range(_RULES)]
        fill = partial(_add_each, inside, ruleset, RULE_NET_PORT, attrs)
        yield Kept("rule of a port", group.grown(fill) / _RULES)
    inside.no_new_privs()
    for layers, rules in ((1, 1), (MAX_LAYERS, 1), (1, _RULES)):
        ruleset = inside.make_ruleset(site.filled(_FILES, rules)).value
        children = [inside.fork() for _ in range(_MANY)]
        inside.session.flush()
        restrict = partial(_restrict, children, ruleset, layers)
        yield Kept(_domain(layers, rules), group.grown(restrict) / _MANY)


def _domain(layers: int, rules: int) -> str:
    return f"domain, layers {layers}, rules {rules}"


def _repeated(make: Callable[[], object]) -> None:
    for _ in range(_MANY):
        make()


def _add_each(process: Process, ruleset: int, kind: int, attrs: Iterable[Pack]) -> None:
    for attr in attrs:
        process.add_rule(ruleset, kind, attr)


def _restrict(processes: Iterable[Process], ruleset: int, layers: int) -> None:
    for process in processes:
        for _ in range(layers):
            process.restrict_self(ruleset)
