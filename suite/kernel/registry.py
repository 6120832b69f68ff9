# SPDX-License-Identifier: MIT
"""The system calls that the small kernel has, by name, and how their arguments are read."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeAlias, get_type_hints

from suite.kernel.kernel import Kernel
from suite.kernel.tasks import Task

CInt: TypeAlias = Annotated[int, 32, True]
"""An ``int`` of C: the upper half of the register does not count."""
CUint: TypeAlias = Annotated[int, 32, False]
CLong: TypeAlias = Annotated[int, 64, True]
CUlong: TypeAlias = Annotated[int, 64, False]
Pointer: TypeAlias = CUlong
"""An address in the memory of the task (``task.memory``); 0 is NULL."""

Handler: TypeAlias = Callable[[Kernel, Task, list[int]], int]
CALLS: dict[str, Handler] = {}
"""By name. What is not here is not modelled."""


def call(*names: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Let a function be a system call of these names.

    It takes the kernel, the task that makes the call, and up to six arguments of the types above.
    It gives the call's value, or raises one of ``suite.kernel.errors``. Calls of several names
    (``mkdir`` and ``mkdirat``) have a function each where their arguments differ.
    """

    def register(function: Callable[..., int]) -> Callable[..., int]:
        handler = _handler(function)
        for name in names:
            if name in CALLS:
                raise ValueError(f"{name} is registered twice")
            CALLS[name] = handler
        return function

    return register


def _handler(function: Callable[..., int]) -> Handler:
    parameters = list(inspect.signature(function).parameters)[2:]
    readers: list[tuple[int, bool]] | None = None

    def handle(kernel: Kernel, task: Task, arguments: list[int]) -> int:
        nonlocal readers
        if readers is None:  # types are resolved late: modules may import each other's for typing
            hints: dict[str, Any] = get_type_hints(function, include_extras=True)
            readers = [tuple(hints[name].__metadata__) for name in parameters]
        return function(kernel, task, *(_read(*it) for it in zip(arguments, readers, strict=False)))

    return handle


def _read(value: int, kind: tuple[int, bool]) -> int:
    width, signed = kind
    value &= (1 << width) - 1
    return value - (1 << width) if signed and value >> (width - 1) else value
