# SPDX-License-Identifier: MIT
"""A kernel that says nothing while it boots is booted once more, and then says all that it does."""

import logging
from pathlib import Path

from vm import console
from vm.command import Accelerator
from vm.kernel import Kernel
from vm.machine import BootError, Machine

LOG = logging.getLogger("landproof.states")


def explained(
    error: BootError, kernel: Kernel, agent: Path, accel: Accelerator, parameters: list[str]
) -> BootError:
    """Return an error with what the kernel says of itself, for one that has nothing of it.

    Args:
        error: Of a boot of which nothing was heard.
        kernel: What was booted; likewise all that follows.
        agent: The guest's ``/init``.
        accel: How QEMU ran it.
        parameters: Those of the user.
    """
    LOG.warning("%s: %s; it is booted once more, without quiet", kernel.build.name, error.cause)
    try:
        with Machine(kernel, agent=agent, accel=accel, append=parameters, loud=True) as machine:
            cause = (
                f"{error.cause}, and came up in {machine.boot_seconds:.0f} s when it was booted"
                " once more: this machine is slow or busy, so run it again"
            )
            return BootError(kernel, cause, machine.console_tail(), error.argv)
    except BootError as again:
        said = console.tail(again.tail.splitlines(), 1)
        cause = f"{error.cause}; without quiet, {again.cause}"
        cause += f", and it said last: {said}" if said else ", and its console is empty"
        told = BootError(kernel, cause, again.tail, again.argv)
        told.is_final = True
        return told
