# SPDX-License-Identifier: MIT
"""Work in forked processes, which may change whatever they like of their copy of this one."""

from __future__ import annotations

import gc
import os
import pickle
import selectors
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


def forked(
    tasks: Iterable[_Task], work: Callable[[_Task], _Result], at_once: int
) -> Iterator[tuple[_Task, _Result | None]]:
    """Do each task in a process of its own, and give the results as they come.

    A result of None is that of a process that died of a signal. Tasks are taken as late as
    possible, so that an iterator may choose by the results so far. Whoever does not want all of
    them closes this generator, which ends what still runs.

    Raises:
        ChildProcessError: A process failed, which it has told standard error of.
    """
    coming = iter(tasks)
    running: dict[int, tuple[int, _Task, bytearray]] = {}
    with selectors.DefaultSelector() as selector:
        try:
            while True:
                while len(running) < at_once and (task := next(coming, None)) is not None:
                    reader, process = _begin(task, work)
                    running[reader] = process, task, bytearray()
                    selector.register(reader, selectors.EVENT_READ)
                if not running:
                    return
                for key, _ in selector.select():
                    process, task, heard = running[key.fd]
                    if data := os.read(key.fd, 1 << 16):
                        heard += data
                        continue
                    selector.unregister(key.fd)
                    del running[key.fd]
                    os.close(key.fd)
                    yield task, _result(process, heard)
        finally:
            for process, _, _ in running.values():
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)


def _begin(task: _Task, work: Callable[[_Task], object]) -> tuple[int, int]:
    reader, writer = os.pipe()
    process = os.fork()
    if process:
        os.close(writer)
        return reader, process
    code = 1
    try:
        gc.disable()
        with os.fdopen(writer, "wb") as stream:
            stream.write(pickle.dumps(work(task)))
        code = 0
    except KeyboardInterrupt:
        pass
    except BaseException:  # noqa: BLE001 (told, and the process ends)
        import traceback  # noqa: PLC0415 (hardly ever needed)

        traceback.print_exc()
    finally:
        os._exit(code)


def _result(process: int, heard: bytearray) -> _Result | None:
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        return None
    if status:
        raise ChildProcessError(f"a process ended with {os.waitstatus_to_exitcode(status)}")
    result: _Result = pickle.loads(heard)  # noqa: S301 (written by a copy of ourselves)
    return result
