# SPDX-License-Identifier: MIT
"""The files that cases act on."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from suite.landlock.abi import FS
from suite.landlock.ruleset import Ruleset
from suite.process.process import Process

CONTENT = b"content\n"


def lay_on_host(folder: Path, program: bytes) -> None:
    """Make the files of a tree on this machine, and the agent's program, for an image of them."""
    for it in ("d1/sub", "d2"):
        (folder / it).mkdir(parents=True)
    (folder / "d1/file").write_bytes(CONTENT)
    for it in ("d1/sub/file", "d2/file"):
        (folder / it).touch()
    (folder / "d1/program").write_bytes(program)
    (folder / "d1/program").chmod(0o755)


class Tree:
    """A folder of the case's own.

    ::

        d1/file   d1/sub/file   d2/file
    """

    def __init__(
        self,
        process: Process,
        path: str,
        agent: str,
        *,
        fresh: bool = True,
        copies: bool = False,
        fixed: bool = False,
    ) -> None:
        """Make the files, unless they are there: then it is not ``fresh``.

        ``copies``: the agent lies on another file system, from where nothing can be linked;
        ``fixed``: nothing can be changed, and ``d1/program`` is there.
        """
        self._process = process
        self._agent = agent
        self._copies = copies
        self._fixed = fixed
        self.path = path
        self.d1, self.d2 = f"{path}/d1", f"{path}/d2"
        self.file = f"{self.d1}/file"
        self.sub = f"{self.d1}/sub"
        self.sub_file = f"{self.sub}/file"
        self.other = f"{self.d2}/file"
        if fresh:
            self._make()

    def _make(self) -> None:
        process = self._process
        for folder in (self.path, self.d1, self.sub, self.d2):
            process.mkdir(folder)
        fd = process.open(self.file, os.O_WRONLY | os.O_CREAT)
        process.write(fd, CONTENT)
        process.close(fd)
        for empty in (self.sub_file, self.other):
            process.mknod(empty, stat.S_IFREG)

    def twin(self) -> Tree:
        """The same files again, for a control that changes them."""
        return Tree(self._process, f"{self.path}/twin", self._agent, copies=self._copies)

    def layer(self, handled: FS, rules: Mapping[str, FS]) -> Ruleset:
        """A ruleset with rules on paths of this tree, such as ``{"d1": FS.READ_FILE}``."""
        ruleset = Ruleset(fs=handled)
        for path, rights in rules.items():
            ruleset = ruleset.allow(f"{self.path}/{path}", rights)
        return ruleset

    def program(self, path: str) -> str:
        """Put the agent's program there: something to execute that goes on serving."""
        if self._fixed:
            return path
        put = self._process.copy_file if self._copies else self._process.link
        put(self._agent, path)
        return path

    def script(self, path: str, interpreter: str) -> str:
        """Put a script there that an interpreter runs."""
        fd = self._process.open(path, os.O_WRONLY | os.O_CREAT, 0o755)
        self._process.write(fd, f"#!{interpreter}\n".encode())
        self._process.close(fd)
        return path
