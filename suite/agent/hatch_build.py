# SPDX-License-Identifier: MIT
"""Hatch's build hook: compile the agent into the wheel.

The default is the host's agent and, on x86_64, i386's too, for the cases about the 32-bit entry
(which ``LANDPROOF_CC`` can't build): a wheel for this machine. ``LANDPROOF_ARCHES=all`` makes the
release wheel, which has the agents of all architectures: ``nox -s wheel``.
"""

import os
import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The build runs before landproof can be imported: take build.py from beside this file.
build_py = runpy.run_path(str(Path(__file__).resolve().parent / "build.py"))

COMPILER = "ziglang>=0.15"


class AgentBuildHook(BuildHookInterface[Any]):
    """Adds ``suite/agent/bin/landproof-agent-ARCH`` and the platform's tag."""

    def dependencies(self) -> list[str]:
        """The compiler, 101 MB of download: only where there is something for it to compile."""
        if os.environ.get("LANDPROOF_CC") or all(map(build_py["is_built"], _arches())):
            return []
        return [COMPILER]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before the files are collected.

        Only the agents of this build go into the wheel: others may lie beside them from another
        build, of older sources.
        """
        arches = _arches()
        for arch in arches:
            agent = f"/suite/agent/bin/{build_py['build'](arch).name}"
            build_data["artifacts"] += [agent, f"{agent}.sources"]
        for_all = set(arches) == set(build_py["ZIG_TARGETS"])
        build_data["pure_python"] = for_all
        build_data["tag"] = "py3-none-any" if for_all else f"py3-none-linux_{_platform(arches[0])}"


def _arches() -> list[str]:
    """The architectures to build for; the first is the one that the wheel is for."""
    wished = os.environ.get("LANDPROOF_ARCHES")
    if wished:
        return list(build_py["ZIG_TARGETS"]) if wished == "all" else wished.split(",")
    host = build_py["host_arch"]()
    with_i386 = host == "x86_64" and not os.environ.get("LANDPROOF_CC")
    return [host, "i386"] if with_i386 else [host]


def _platform(arch: str) -> str:
    """An architecture as the tags of wheels call it."""
    return "i686" if arch == "i386" else arch
