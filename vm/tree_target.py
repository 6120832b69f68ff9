# SPDX-License-Identifier: MIT
"""A kernel in a virtual machine that mounts folders of this one: for commands, not for cases."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from suite.command.tree import Mount
from suite.process.process import Process
from suite.targets.base import Ground
from vm import folders
from vm.command import Accelerator
from vm.folders import Folder, Served
from vm.kernel import Kernel
from vm.machine import Machine
from vm.target import VmTarget


class TreeTarget(VmTarget):
    """It boots with every start: what serves a folder keeps QEMU from saving its state.

    Args:
        name: Such as ``vm:7.3``.
        kernel: What to boot.
        shared: Which folders, the tree first.
        accelerator: As of `VmTarget`.
        consoles: As of `VmTarget`.
        memory_mib: The guest's memory.
    """

    def __init__(
        self,
        name: str,
        kernel: Kernel,
        shared: Sequence[Folder],
        *,
        accelerator: str | None,
        consoles: Path | None,
        memory_mib: int,
    ) -> None:
        super().__init__(name, kernel, accelerator, consoles)
        self._shared = shared
        self._memory_mib = memory_mib
        self._served: Served | None = None
        self._stack = ExitStack()

    @property
    def mounts(self) -> Sequence[Mount]:
        """The folders, once it has started."""
        assert self._served is not None  # noqa: S101 (as promised)
        return self._served.mounts

    def start(self) -> Ground:
        """Boot it, and load what mounts the folders."""
        way = folders.way_of(self._kernel)
        if way is None:
            raise folders.cannot(self._kernel)
        serving = folders.serving(self._shared, self._kernel, way, self._memory_mib)
        self._served = self._stack.enter_context(serving)
        ground = super().start()  # which boots, for it keeps no states
        for name in folders.modules(way):
            for image in self.modules(name):
                _ = ground.root.observe(Process.init_module, image).outcome
        return ground

    def stop(self) -> None:
        """End QEMU, then what served it."""
        super().stop()
        self._stack.close()

    def _machine_of(
        self,
        agent: Path,
        accelerator: Accelerator,
        *,
        monitored: bool = False,
        incoming: int | None = None,
    ) -> Machine:
        assert self._served is not None  # noqa: S101 (it has started)
        return Machine(
            self._kernel,
            agent=agent,
            accel=accelerator,
            folder=self._folder,
            memory_mib=self._memory_mib,
            append=self.kernel.parameters.split(),
            devices=self._served.options,
            handed=self._served.descriptors,
        )
