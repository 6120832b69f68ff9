# SPDX-License-Identifier: MIT
"""One case on one kernel after another, such as for a bisection: fetch it, boot it, hear it."""

import argparse
from dataclasses import dataclass

from reports.bisect import Answer
from suite.cli.check import machine_words
from suite.cli.fetching import display, labelled
from suite.cli.preparing import choose_accelerator
from suite.cli.run import run
from suite.cli.targets import Chosen
from suite.errors import LandproofError
from suite.run.declared import Declared
from vm.command import find_qemu
from vm.store import Store
from vm.tools import FullError, UnreachableError


@dataclass(slots=True)
class Asker:
    """Asks kernels for one case."""

    case: Declared
    store: Store
    arguments: argparse.Namespace
    """With the options of `suite.cli.check.add_machine_options`."""
    accelerator: str | None = None

    def ask(self, label: str, name: str) -> Answer:
        """Fetch, boot, run the case.

        Args:
            label: What the kernel is called.
            name: What its source calls it.

        Raises:
            InfrastructureError: The emulator is not installed.
            FullError: No room for this kernel, nor for any other.
            UnreachableError: No network for it.
            KeyboardInterrupt: The run was interrupted.
        """
        try:
            with display() as show:
                kernel = self.store.fetch(name, progress=labelled(label, show))
        except (FullError, UnreachableError):
            raise  # the next one would fail likewise
        except LandproofError as error:
            return Answer(None, reason=str(error), booted=False)
        find_qemu(kernel.arch)
        if self.accelerator is None:
            self.accelerator = choose_accelerator(kernel, self.arguments.accel)
        chosen = Chosen({label: name}, ())
        (target,) = chosen.names
        options = [f"--store={self.store.folder}", f"--accel={self.accelerator}"]
        options += [*machine_words(self.arguments), *chosen.options]
        outcome = run([target], options=options, nodes=[self.case.node(target)])
        if outcome.interrupted:
            raise KeyboardInterrupt
        (told,) = outcome.results.targets
        (record,) = told.cases
        return Answer.of(record)
