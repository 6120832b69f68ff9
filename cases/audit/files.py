# SPDX-License-Identifier: MIT
"""How a file is used that a layer is about."""

import os

from suite.case import Process, Tree


def read(process: Process, tree: Tree) -> None:
    process.open(tree.file, os.O_RDONLY)


def write(process: Process, tree: Tree) -> None:
    process.open(tree.file, os.O_WRONLY)
