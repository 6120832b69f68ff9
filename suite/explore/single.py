# SPDX-License-Identifier: MIT
"""Programs that are to be seen: played in this process, with all of their calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from suite.errors import LandproofError
from suite.explore.given import Given
from suite.explore.pool import Heard
from suite.explore.space import Name
from suite.explore.spaces import SPACES
from suite.explore.worker import Chunk, Down, Maker, Player


class Seen(NamedTuple):
    """A program on a target."""

    name: Name
    target: str
    given: Given
    calls: list[str]
    """As strace writes them, with what they gave."""


@dataclass(slots=True)
class Single:
    """Has programs played as a pool does, with every target up at once, as a context manager.

    Args:
        make: Makes targets.
        heard: Is told of everything.
    """

    make: Maker
    heard: Heard
    seen: list[Seen] = field(default_factory=list)
    """The programs as they are, in no other manner."""
    _players: dict[str, Player] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for player in self._players.values():
            player.stop()

    def run(self, chunks: Mapping[str, Iterable[Chunk]]) -> None:
        """Do all that is asked for, by target."""
        for target, them in chunks.items():
            player = self._players.setdefault(target, Player(self.make))
            try:
                for chunk in them:
                    if up := player.on(target):
                        self.heard.up(target, up)
                    self.heard.played(chunk, list(self._play(player, chunk)))
            except LandproofError as error:
                player.stop()
                self.heard.down(target, Down(str(error), error.exit))

    def _play(self, player: Player, chunk: Chunk) -> Iterator[tuple[int, Given]]:
        if chunk.manner:
            yield from player.play(chunk)
            return
        for number in chunk.numbers:
            name = Name(SPACES[chunk.space], number)
            given, calls = player.shown(name.space, number)
            self.seen.append(Seen(name, chunk.target, given, [it.told() for it in calls]))
            yield number, given
