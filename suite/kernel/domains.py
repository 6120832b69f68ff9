# SPDX-License-Identifier: MIT
"""The domains there are: who made each of them, and which are no more.

The kernel counts who uses a domain: the credentials of tasks, and of open files, some of which also
have the domain of who set their owner. Here nothing is counted: who wants to know looks for what
is still used. Nobody can tell the difference, as the kernel frees domains some time later, too.

Source: security/landlock/domain.c, landlock_put_domain_deferred(); domain.h, struct
landlock_hierarchy.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from suite.kernel.open_files import File
from suite.kernel.tasks import Task
from suite.model.landlock import Layer, Subject
from suite.model.scopes import Owner

_FIRST = 1 << 32
"""Numbers begin here, or somewhat later. Source: id.c, landlock_init_id()."""
_STEPS = 3, 11, 1, 16, 7
"""From one number to the next: from 1 to 16, as get_id_range() draws them."""


@dataclass(slots=True)
class Origin:
    """Who made a domain, as it was then (struct landlock_details), and what it is called."""

    number: int
    pid: int
    """Of the process, in the initial PID namespace."""
    uid: int
    name: str
    """Of the thread (comm)."""
    program: str
    """The path of the executable, as its process saw it."""
    denials: int = 0
    """How many accesses it has denied, logged or not."""
    is_recorded: bool = False
    """Whether the log names it already (LANDLOCK_LOG_RECORDED)."""


class Domains:
    """All domains, by their youngest layer.

    Attributes:
        origins: Of those that are used, and of those of which nobody knows yet that they are not.
        files: Open files that keep a domain, whoever has them.
        numbers: The next one is free; rulesets have such numbers, too.
        mourners: Who is told of those that are no more.
    """

    def __init__(self) -> None:
        self.origins: dict[Layer, Origin] = {}
        self.files: list[File] = []
        self.numbers = itertools.accumulate(itertools.cycle(_STEPS), initial=_FIRST)
        self.mourners: list[Callable[[Origin], None]] = []

    def make(self, layer: Layer, task: Task, program: str) -> None:
        """A thread has made a domain; ``program`` is what it runs."""
        pid, uid = task.group.leader.number, task.credentials.uid
        self.origins[layer] = Origin(next(self.numbers), pid, uid, task.name, program)

    def keep(self, file: File) -> None:
        """A file was opened, or got an owner: perhaps it keeps a domain."""
        if any(it.domain for it in _subjects(file)):
            self.files.append(file)

    def free(self, tasks: Iterable[Task]) -> None:
        """Forget the domains that neither one of these tasks has nor a file; the youngest first.

        ``tasks`` are all that there are, also those that have ended and that nobody waited for.
        """
        if not self.origins:
            return
        self.files = [it for it in self.files if it.references > 0]
        used = {layer for subject in self._users(tasks) for layer in subject.domain}
        for layer in [it for it in reversed(self.origins) if it not in used]:
            origin = self.origins.pop(layer)
            for tell in self.mourners:
                tell(origin)

    def _users(self, tasks: Iterable[Task]) -> Iterator[Subject]:
        for task in tasks:
            yield task.credentials.landlock
        for file in self.files:
            yield from _subjects(file)


def _subjects(file: File) -> Iterator[Subject]:
    yield file.credentials.landlock
    owner = file.landlock_owner
    if isinstance(owner, Owner) and owner.subject is not None:
        yield owner.subject
