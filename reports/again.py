# SPDX-License-Identifier: MIT
"""How to run on the same kernels once more: words for a shell, which work when they are pasted."""

import shlex
from collections.abc import Iterable

from suite.judge import labels
from suite.judge.records import Results, TargetRecord

_VM = "vm:"


def wish(target: TargetRecord) -> str | None:
    """What ``landproof matrix --kernels`` takes for a target's kernel, under the same name.

    Where a label alone would not tell which kernel it is, that is ``LABEL=NAME``, and a path is
    absolute. None for a target that is no machine of ours.
    """
    if not target.name.startswith(_VM):
        return None
    label, build = target.name.removeprefix(_VM), target.kernel
    if build is None or label == build.name:
        return label
    return f"{label}={build.source if build.source.startswith(labels.PATH) else build.name}"


def places(results: Results) -> dict[str, str]:
    """What ``--target`` takes for each target of a run, by name."""
    asked = {target.name: wish(target) for target in results.targets}
    return {name: name if it is None else f"{_VM}{it}" for name, it in asked.items()}


def options(wishes: Iterable[str]) -> str:
    """The options of ``landproof matrix`` for these kernels, quoted for a shell."""
    wanted = list(dict.fromkeys(wishes))
    # A comma would be the end of a name in --kernels.
    listed = [it for it in wanted if "," not in it]
    words = ["--kernels", ",".join(listed)] if listed else []
    words += [word for it in wanted if "," in it for word in ("--target", f"{_VM}{it}")]
    return shlex.join(words)
