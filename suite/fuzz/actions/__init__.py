# SPDX-License-Identifier: MIT
"""The table of actions; a new one is a row of a file here."""

from suite.fuzz.action import Action, Word
from suite.fuzz.actions import files, sockets, tasks

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
    Word.ADDRESS: (*sockets.PORTS, *sockets.ADDRESSES),
}
"""What words of these kinds may be, the simplest first."""
