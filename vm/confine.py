# SPDX-License-Identifier: MIT
"""QEMU runs what may be a hostile kernel: without capabilities, and with its sandbox on.

It opens what it was given by file descriptors or may read as its user, and /dev/kvm by its mode.
Without capabilities, root reads only what is root's, or open to all.
"""

import shutil
import subprocess
from pathlib import Path

from suite.distribution import lacking
from suite.errors import InfrastructureError

SANDBOX = (
    "-sandbox",
    "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
)
"""Options of QEMU, if it was built with seccomp and may install the filter."""
_TRIAL_S = 10.0
# Root gets no capability by execve(2) that is not in its bounding set. Other users have none, and
# setpriv then leaves their bounding set as it is. no_new_privs keeps set-uid programs from giving
# any.
_DROP = (
    "--no-new-privs", "--bounding-set", "-all", "--inh-caps", "-all", "--ambient-caps", "-all",
)  # fmt: skip


def dying_with_us() -> list[str]:
    """A launcher whose program is killed when the thread that started it ends.

    Raises:
        InfrastructureError: setpriv is not installed.
    """
    return [_setpriv(), "--pdeathsig", "KILL"]


def powerless() -> list[str]:
    """A launcher whose program has no capability, and gets none by whatever it executes.

    Raises:
        InfrastructureError: setpriv is not installed.
    """
    return [_setpriv(), *_DROP]


def sandbox(qemu: Path) -> list[str]:
    """``SANDBOX`` if this QEMU can do it here, found by a trial of 0.1 s, else nothing."""
    try:
        done = subprocess.run(  # noqa: S603 (an argv list, no shell)
            [*powerless(), str(qemu), "-machine", "none", *SANDBOX, "-device", "help"],
            check=False,
            capture_output=True,
            timeout=_TRIAL_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return list(SANDBOX) if done.returncode == 0 else []


def _setpriv() -> str:
    found = shutil.which("setpriv")
    if found is None:
        raise InfrastructureError(lacking("setpriv"))
    return found
