# SPDX-License-Identifier: MIT
"""A profile of AppArmor, as container engines and packages bring: loaded in guests only."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from suite.process.process import Process

NAME = "landproof-confined"
_PARSER = "apparmor_parser"
_FEATURES = Path("/etc/apparmor.d/abi/3.0")
"""Of a kernel that the profile is made for: this machine's own may be without AppArmor."""
_PROFILE = f"""
profile {NAME} flags=(attach_disconnected) {{
  file,
  capability,
  unix,
  signal,
  network,
  deny network inet dgram,
  deny mount,
  deny ptrace,
}}
"""
_FILES = "/sys/kernel/security"


def is_there() -> bool:
    """Whether profiles can be made here."""
    return shutil.which(_PARSER) is not None and _FEATURES.exists()


def enter(process: Process) -> None:
    """Load the profile and change to it."""
    made = subprocess.run(
        [_PARSER, "--skip-kernel-load", "--skip-cache", "--stdout", f"--features-file={_FEATURES}"],
        input=_PROFILE.encode(),
        check=True,
        capture_output=True,
    )
    process.observe(Process.mount, "securityfs", _FILES, "securityfs")
    process.write_file(f"{_FILES}/apparmor/.load", made.stdout)
    process.write_file("/proc/self/attr/current", f"changeprofile {NAME}".encode())
