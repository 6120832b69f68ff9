# SPDX-License-Identifier: MIT
"""How tasks begin, change and end."""

from __future__ import annotations

from suite.kernel.errors import NotModelled
from suite.kernel.kernel import Kernel
from suite.kernel.tasks import Group, Task

_KNOWN = 0xFF
"""The signal at the end of a child."""


def fork(kernel: Kernel, task: Task, identity: int, flags: int) -> int:
    """clone(2) with CLONE_* flags and the signal at its end; the child is ``identity`` to the host.

    Returns:
        Its id, in the PID namespace of the parent.
    """
    if flags & ~_KNOWN:
        raise NotModelled("processes: clone flags")
    pids = kernel.pids
    pids.last += 1
    group = Group(parent=task, process_group=task.group.process_group, session=task.group.session)
    child = Task(
        identity,
        pids.last,
        group,
        task.credentials,
        task.files.copy(),
        task.fs.copy(),
        task.memory.copy(),
        task.namespaces,
        task.name,
        no_new_privs=task.no_new_privs,
        blocked=task.blocked,
        executable=task.executable,
    )
    group.leader = child
    group.threads.append(child)
    group.exit_signal = flags & _KNOWN
    task.group.children.append(group)
    child.numbers[pids.number] = pids.last
    pids.tasks[pids.last] = child
    kernel.tasks[identity] = child
    return pids.last


def execute(kernel: Kernel, task: Task, at: int, path: int, flags: int) -> int:
    """execveat(2): of the agent, or of what runs it; the task goes on to be driven."""
    raise NotModelled("processes: execveat")


def give(kernel: Kernel, task: Task, fd: int, identity: int) -> int:
    """Send a descriptor to the task of that identity (SCM_RIGHTS); its number there."""
    file = task.files.get(fd, or_path=True)
    return kernel.tasks[identity].files.add(file, closes_on_exec=True)


def kill(kernel: Kernel, task: Task) -> None:
    """SIGKILL from nobody that Landlock would ask about."""
    for thread in list(task.group.threads):
        thread.is_alive = False
        thread.files.close_all()
    task.group.threads.clear()


def forget(kernel: Kernel, task: Task) -> None:
    """``kill``, and the host's number is free again; the task may have ended already."""
    kill(kernel, task)
    del kernel.tasks[task.identity]
