# SPDX-License-Identifier: MIT
"""Who makes the domains of a case in its place: a client, or we as the client has asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from suite.clients.description import Client as Description
from suite.clients.finding import Attempt, found, of_canary
from suite.clients.start import Start, start
from suite.clients.words import NotExpressedError, words
from suite.errors import LandproofError
from suite.judge.enforced import ClientRecord, Seen
from suite.landlock.ruleset import Ruleset
from suite.process.process import Domains, Enforcer, Process
from suite.targets.client import Client

_SERVES = ("serve", "0")
"""What the agent is told that a client starts: to go on with operation 0 of its program."""
_OF_A_PROCESS = re.compile(r"^/proc/\d+/")
"""Runtimes allow themselves what is theirs there, which is gone when another asks for it."""


class NotStartedError(LandproofError):
    """A client did not come to start the program."""


class ByClient(Client):
    """Domains that a client makes.

    Args:
        client: Who makes them.
        mode: The words of its mode.
        agent: The path of the agent's binary on the target.
        is_traced: Whether the kernel has Landlock's trace events, and speaks for itself.
    """

    def __init__(
        self, client: Description, mode: Sequence[str], agent: str, *, is_traced: bool
    ) -> None:
        self._client = client
        self._mode = mode
        self._agent = agent
        self._is_traced = is_traced
        self._attempt = Attempt(client)

    def begin(self) -> None:
        """Know nothing of earlier runs of cases."""
        self._attempt = Attempt(self._client)

    def again(self) -> Enforcer:
        """Who makes domains of our own that ask for just what the client has asked for."""
        return _Again(self._attempt)

    def found(self, seen: Seen) -> ClientRecord:
        """What the client made of the case."""
        return found(self._attempt, seen)

    def under(self, process: Process, layers: Sequence[Ruleset]) -> Process:
        """A child in the domain that the client makes.

        Raises:
            NotExpressedError: It has no words for the policy.
            NotStartedError: It did not start the program.
        """
        try:
            return self._under(process, layers)
        except LandproofError as error:
            self._attempt.problem = error
            raise

    def canary(self, process: Process) -> ClientRecord:
        """Whether a program that restricts itself alone works there."""
        child = process.fork()
        _, came = self._start(child, self._client.command, ())
        process.session.kill(child.id)
        return of_canary(came)

    def _start(
        self, process: Process, asked: Sequence[str], agents_words: Sequence[str]
    ) -> tuple[Process, Start]:
        environment = self._client.environment
        return start(
            process, self._agent, asked, environment, agents_words, is_traced=self._is_traced
        )

    def _under(self, process: Process, layers: Sequence[Ruleset]) -> Process:
        client, attempt = self._client, self._attempt
        if client.is_canary:
            raise NotExpressedError("restricts nothing but itself")
        if len(layers) != 1:
            raise NotExpressedError("makes one layer at a time")
        asked = words(client, self._mode, layers[0], self._agent)
        child, came = self._start(process, asked, _SERVES)
        attempt.layers.append(layers[0])
        attempt.starts.append(came)
        if not came.is_started:
            raise NotStartedError(f"{client.name} did not start the program: {came.end}")
        return child


@dataclass(slots=True)
class _Again:
    """Domains of our own that ask for just what a client has asked for, of the same case."""

    first: Attempt
    _next: int = 0

    def under(self, process: Process, layers: Sequence[Ruleset]) -> Process:
        """A child in such a domain."""
        asked, view = self.first.layers[self._next], self.first.starts[self._next].view
        self._next += 1
        places = _places(asked, layers[0])
        own = [_elsewhere(layer, places) for layer in view.layers]
        domains = process.session.notes.of(Domains)
        domains.enforcer = None
        try:
            return process.under(*own)
        finally:
            domains.enforcer = self


def _places(before: Ruleset, now: Ruleset) -> dict[str | int, str | int]:
    """Files and ports of a case's first run, and what stands for them in this one."""
    places: dict[str | int, str | int] = {}
    for (was, _), (is_now, _) in zip(before.paths, now.paths, strict=True):
        if isinstance(was, str) and isinstance(is_now, str):
            places[was] = is_now
    for (old, _), (new, _) in zip(before.ports, now.ports, strict=True):
        places[old] = new
    return places


def _elsewhere(layer: Ruleset, places: dict[str | int, str | int]) -> Ruleset:
    paths = tuple(
        (_OF_A_PROCESS.sub("/proc/self/", str(places.get(path, path))), rights)
        for path, rights in layer.paths
        if isinstance(path, str)  # as all are that a client named
    )
    ports = tuple((int(places.get(port, port)), access) for port, access in layer.ports)
    return replace(layer, paths=paths, ports=ports)
