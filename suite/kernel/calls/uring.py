# SPDX-License-Identifier: MIT
"""io_uring_setup(2), io_uring_enter(2), io_uring_register(2)."""

from __future__ import annotations

import errno

from suite.kernel.errors import Errno, NotModelled, Waits
from suite.kernel.kernel import Kernel
from suite.kernel.registry import CUint, Pointer, call
from suite.kernel.rings import CQES, OTHERS, PLAIN, SQ_TAIL, Ring, new_ring
from suite.kernel.tasks import Task
from suite.process.calls.uring import SETUP_SQPOLL

_PARAMS = 120
_FEATURES = 0x3FFFF
"""IORING_FEAT_*, as Linux 6.18 has them."""
_MOST = 32768
_ENTER_GETEVENTS, _ENTER_SQ_WAKEUP = 1, 2
_REGISTER_PROBE, _REGISTER_PERSONALITY = 8, 9
_PROBE, _PROBED, _SUPPORTED = 16, 8, 1


@call("io_uring_setup")
def io_uring_setup(kernel: Kernel, task: Task, entries: CUint, params: Pointer) -> int:
    """io_uring_setup(2)."""
    memory = task.memory
    given = bytearray(memory.read(params, _PARAMS))
    flags = int.from_bytes(given[8:12], "little")
    if any(given[28:40]) or not 0 < entries <= _MOST:
        raise Errno(errno.EINVAL)
    if flags & ~SETUP_SQPOLL or entries & (entries - 1) or entries > 16:
        raise NotModelled("rings: what rings are asked for")
    it = new_ring(kernel, task, entries, flags)
    values = {0: entries, 4: 2 * entries, 20: _FEATURES, 44: SQ_TAIL, 64: it.array, 100: CQES}
    for at, value in values.items():
        given[at : at + 4] = value.to_bytes(4, "little")
    memory.write(params, bytes(given))
    return task.files.add(it, closes_on_exec=True)


@call("io_uring_enter")
def io_uring_enter(
    kernel: Kernel, task: Task, fd: CUint, count: CUint, least: CUint, flags: CUint
) -> int:
    """io_uring_enter(2): perform what was submitted, or wait until so many have ended in all."""
    if flags & ~(_ENTER_GETEVENTS | _ENTER_SQ_WAKEUP):
        raise NotModelled("rings: flags of io_uring_enter")
    it = _ring(task, fd)
    if it.maker is not None:
        if not it.maker.is_alive:
            raise NotModelled("rings: a polled ring whose maker has ended")
        it.submit(kernel, it.maker, 2 * it.entries)
        submitted = count
    else:
        submitted = it.submit(kernel, task, count)
    if flags & _ENTER_GETEVENTS and it.completed < least:
        raise Waits
    return submitted


@call("io_uring_register")
def io_uring_register(
    kernel: Kernel, task: Task, fd: CUint, what: CUint, argument: Pointer, count: CUint
) -> int:
    """io_uring_register(2): of personalities, and which operations there are."""
    it = _ring(task, fd)
    if what == _REGISTER_PERSONALITY:
        if argument or count:
            raise Errno(errno.EINVAL)
        it.personalities.append(task.credentials)
        return len(it.personalities)
    if what != _REGISTER_PROBE:
        raise NotModelled("rings: what is registered")
    known = {*PLAIN, *OTHERS}
    probe = bytearray(_PROBE + _PROBED * count)
    probe[0], probe[1] = max(known), min(count, max(known) + 1)
    for number in range(probe[1]):
        at = _PROBE + _PROBED * number
        probe[at], probe[at + 2] = number, _SUPPORTED if number in known else 0
    task.memory.write(argument, bytes(probe))
    return 0


def _ring(task: Task, fd: int) -> Ring:
    it = task.files.get(fd)
    if not isinstance(it, Ring):
        raise Errno(errno.EOPNOTSUPP)
    return it
