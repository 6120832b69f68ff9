# SPDX-License-Identifier: MIT
"""The commits that tags of GitHub's actions stand for, as git is told them just now."""

import os
import re
import subprocess
from collections.abc import Mapping

_PATIENCE_S = 20
_HASH = re.compile(r"[0-9a-f]{40}")


class UnpinnedError(Exception):
    """A tag can't be asked for."""


def digests(actions: Mapping[str, str]) -> dict[str, str]:
    """The commit of each action, by its name.

    Args:
        actions: Their tags.

    Raises:
        UnpinnedError: GitHub did not answer, or has no such tag; says which.
    """
    return {name: _digest(name, tag) for name, tag in actions.items()}


def _digest(name: str, tag: str) -> str:
    url = f"https://github.com/{name}"
    # An annotated tag is an object of its own; what it stands for has ^{} behind it.
    command = ["git", "ls-remote", "--exit-code", url, f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}"]
    try:
        done = subprocess.run(  # noqa: S603 (an argv list, no shell)
            command,
            capture_output=True,
            text=True,
            check=True,
            timeout=_PATIENCE_S,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise UnpinnedError(f"{name} {tag}: {' '.join(str(said).split())[:200]}") from error
    found = {
        ref: digest for digest, _, ref in (it.partition("\t") for it in done.stdout.split("\n"))
    }
    digest = found.get(f"refs/tags/{tag}^{{}}") or found.get(f"refs/tags/{tag}", "")
    if not _HASH.fullmatch(digest):
        raise UnpinnedError(f"{name} has no tag {tag}")
    return digest
