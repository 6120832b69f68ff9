# SPDX-License-Identifier: MIT
"""The table of actions; a new one is a row of a file here."""

from collections.abc import Iterator

from suite.fuzz.action import Action, Word
from suite.fuzz.actions import files, sockets, tasks
from suite.fuzz.program import Step

ACTIONS: dict[str, Action] = {it.name: it for it in (*tasks.ROWS, *files.ROWS, *sockets.ROWS)}
"""By name."""
OPTIONS: dict[Word, tuple[str, ...]] = {
    Word.NAME: (*files.NAMES, *files.INNER[files.NAMES]),
    Word.OPENED: (*files.OPENED, *files.INNER[files.OPENED]),
    Word.NEW: (*files.NEW, *files.INNER[files.NEW]),
    Word.FOLDER: (*files.FOLDERS, *files.INNER[files.FOLDERS]),
    Word.MODE: tuple(files.MODES),
    Word.COMMAND: tuple(files.COMMANDS),
    Word.KIND: tuple(sockets.KINDS),
    Word.FLAGS: tasks.FLAGS,
    Word.ADDRESS: (*sockets.PORTS, *sockets.ADDRESSES),
}
"""What words of these kinds may be, the simplest first."""
MADE = {
    Word.FILE, Word.SOCKET, Word.DESCRIPTOR, Word.PROCESS, Word.OTHER, Word.LEADER,
}  # fmt: skip
"""What some step before has made."""
PATHS = {Word.NAME, Word.OPENED, Word.NEW, Word.FOLDER}


def worded(step: Step) -> Iterator[tuple[Word, str]]:
    """The words of a step, each with what it is."""
    kinds = ACTIONS[step.action].takes
    for place, word in enumerate(step.words):
        yield kinds[min(place, len(kinds) - 1)], word
