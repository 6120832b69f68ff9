# SPDX-License-Identifier: MIT
"""What kernels are called that have no name of their own: words that are made of their paths."""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

PATH = "path:"
"""How the names of kernels begin that are files or folders of the user's."""
LABEL = re.compile(r"[A-Za-z0-9._+-]+", re.ASCII)
"""What the user may call a kernel."""
_EVERYWHERE = {
    "Image", "Image.gz", "arch", "arm64", "boot", "bzImage", "compressed", "i386", "riscv", "s390",
    "vmlinuz", "x86", "x86_64",
}  # fmt: skip
"""Where a kernel lies in a build tree, or on a disk: it tells none from others."""
_PACKAGE = re.compile(r"\.(?:deb|rpm|apk|(?:pkg\.)?tar(?:\.\w+)?)(?:\+.*)?$", re.DOTALL)
"""The end of a package's name, and what is joined to it: the first tells enough."""


def of_paths(names: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """Return a label for each path: its last part that tells something, such as a tree's folder.

    The same path is always called the same, so that results of two days compare, whatever was built
    there. Only where two would be called alike, or one as something else is, the folder above is
    put in front; and a number behind where that does not help.

    Args:
        names: ``path:FOLDER`` or ``path:FILE``, each absolute.
        taken: What other kernels of the run are called.
    """
    parts = {name: _telling(name) for name in dict.fromkeys(names)}
    depths = dict.fromkeys(parts, 1)
    while True:
        labels = {name: _joined(parts[name][-depth:]) for name, depth in depths.items()}
        often = Counter([*labels.values(), *taken])
        alike = [name for name, label in labels.items() if often[label] > 1]
        deeper = [name for name in alike if depths[name] < len(parts[name])]
        if not deeper:
            return _numbered(labels, taken)
        for name in deeper:
            depths[name] += 1


def _telling(name: str) -> list[str]:
    """The parts of a path as words, without those at its end that are the same everywhere."""
    path = PurePosixPath(os.path.normpath(_PACKAGE.sub("", name.removeprefix(PATH))))
    whole = [part for part in path.parts if part != path.anchor]
    parts = list(whole)
    while parts and parts[-1] in _EVERYWHERE:
        parts.pop()
    words = (re.sub(r"[^A-Za-z0-9._+-]+", "-", part).strip("-.") for part in parts or whole[-1:])
    return [word for word in words if word] or ["kernel"]


def _joined(words: list[str]) -> str:
    """A label that is no version, nor the running kernel's name, whatever a folder is called."""
    label = "-".join(words)
    return label if label[0].isalpha() and label != "host" else f"own-{label}"


def _numbered(labels: dict[str, str], taken: Collection[str]) -> dict[str, str]:
    used = set(taken)
    for name, label in labels.items():
        number, unused = 1, label
        while unused in used:
            number += 1
            unused = f"{label}-{number}"
        labels[name] = unused
        used.add(unused)
    return labels
