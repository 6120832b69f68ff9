# SPDX-License-Identifier: MIT
"""Hatch's build hook: compile the agent into the wheel.

``LANDPROOF_ARCHES=x86_64,i386,aarch64`` builds a release wheel; the default is the host's, and on
x86_64 i386 too, for the cases about the 32-bit entry (which ``LANDPROOF_CC`` can't build).
"""

import os
import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The build runs before landproof can be imported: take build.py from beside this file.
build_py = runpy.run_path(str(Path(__file__).resolve().parent / "build.py"))


class AgentBuildHook(BuildHookInterface[Any]):
    """Adds ``suite/agent/bin/landproof-agent-ARCH`` and the platform's tag."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before the files are collected."""
        wished = os.environ.get("LANDPROOF_ARCHES")
        host = build_py["host_arch"]()
        arches = wished.split(",") if wished else [host]
        for arch in arches:
            build_py["build"](arch)
        build_data["pure_python"] = False
        if not wished and host == "x86_64" and not os.environ.get("LANDPROOF_CC"):
            build_py["build"]("i386")
        if len(arches) == 1:
            build_data["tag"] = f"py3-none-linux_{arches[0]}"
        else:
            build_data["tag"] = "py3-none-any"
