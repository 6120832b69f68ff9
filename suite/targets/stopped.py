# SPDX-License-Identifier: MIT
"""Whether a process of the host stands still: a verdict must not blame a kernel for that."""

from pathlib import Path


def is_stopped(pid: int) -> bool:
    """Whether a signal (SIGSTOP, SIGTSTP) has stopped a process; not so if it is traced, or gone.

    Source: proc_pid_stat(5), "state".
    """
    try:
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state == "T"
