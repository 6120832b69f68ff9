# SPDX-License-Identifier: MIT
"""A kernel of the catalogue, booted in a virtual machine, as a target."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from suite.agent import build
from suite.agent.channel import AgentLostError, Channel
from suite.agent.client import AgentClient
from suite.errors import InfrastructureError, LandproofError
from suite.judge.records import KernelBuild, Verdict
from suite.targets.base import Ground, Target
from suite.targets.ground import guest_ground, wake
from suite.targets.schemes import Scheme
from vm import accel, far, initramfs
from vm.catalogue import DEFAULT_FLAVOUR
from vm.command import Accelerator
from vm.kernel import Kernel
from vm.machine import BootError, Machine
from vm.monitor import Monitor
from vm.rehearsal import Recording, Replaying
from vm.saved import State, States, can_save, compressed
from vm.silence import explained
from vm.store import Store

VM = "vm:"
"""How the names of such targets begin."""
LABEL = "--label"
"""The option that says which kernel a target boots that is not called as the kernel is."""
GUEST_ARCH = "x86_64"
LOG = logging.getLogger("landproof.states")
_AWAKE_S = 10.0
"""How long a restored guest may take to answer; it takes 0.3 s, and 1 s on a busy machine."""


class Vm(Scheme):
    """``vm:NAME``: a stored kernel; nothing is downloaded here."""

    usage = f"{VM}[LABEL=]NAME"

    def add_options(self, group: pytest.OptionGroup) -> None:
        """Add the options of virtual machines."""
        group.addoption("--store", type=Path, metavar="FOLDER", help="where kernels are kept")
        group.addoption("--flavour", default=DEFAULT_FLAVOUR, help="of kernel names that say none")
        group.addoption(
            "--accel", metavar="NAME", help="kvm or tcg (default: a trial boot decides)"
        )
        group.addoption("--consoles", type=Path, metavar="FOLDER", help="keep the consoles here")
        group.addoption(
            LABEL, action="append", default=[], metavar="LABEL=NAME", help="what vm:LABEL boots"
        )
        group.addoption("--boot", action="store_true", help="restore no machine: boot each")
        group.addoption("--append", default="", metavar="PARAMETERS", help="for every kernel")
        group.addoption("--processors", type=int, default=1, metavar="N", help="of each machine")

    def make(self, name: str, config: pytest.Config) -> VmTarget:
        """A machine for the kernel of this name, or of this label."""
        store = store_of(config)
        return VmTarget(
            name,
            stored(name, store, config),
            config.getoption("accel"),
            config.getoption("consoles"),
            config.getoption("append"),
            states=None if config.getoption("boot") else store.states,
            processors=config.getoption("processors"),
        )


def store_of(config: pytest.Config) -> Store:
    """The store that pytest's options name."""
    return Store(config.getoption("store"), flavour=config.getoption("flavour"))


def stored(name: str, store: Store, config: pytest.Config) -> Kernel:
    """The kernel of ``vm:NAME``, or of this label; nothing is downloaded.

    Raises:
        LandproofError: It is not there.
    """
    labelled = dict(text.split("=", 1) for text in config.getoption(LABEL))
    own = name.removeprefix(VM)
    return store.get(labelled.get(own, own))


class VmTarget(Target):
    """One kernel in QEMU; a new machine with every start.

    Args:
        name: Such as ``vm:7.3``.
        kernel: What to boot.
        accelerator: ``kvm`` or ``tcg``; None to find out by a trial boot.
        folder: Where consoles are kept; None: nowhere.
        parameters: More parameters for the kernel, with spaces between them.
        states: Where saved machines are; None: it boots with every start.
        processors: How many the machine has.
    """

    disposable = True
    devices: Sequence[str] = ()
    """More options of QEMU, of each machine of the kind."""
    own_parameters: Sequence[str] = ()
    """More parameters of its kernels, before those of the user."""

    def __init__(
        self,
        name: str,
        kernel: Kernel,
        accelerator: str | None = None,
        folder: Path | None = None,
        parameters: str = "",
        *,
        states: States | None = None,
        processors: int = 1,
    ) -> None:
        self.name = name
        self.kernel: KernelBuild = replace(
            kernel.build, parameters=parameters, processors=processors
        )
        self._kernel = kernel
        self._accelerator = accelerator
        self._folder = folder
        self._states = states
        self._machine: Machine | None = None
        self._client: AgentClient | None = None

    def start(self) -> Ground:
        """Boot and prepare the guest, or restore it as it was then, if it is emulated."""
        try:
            agent = build.agent(self._kernel.arch.machine)
        except build.BuildError as error:
            raise InfrastructureError(str(error)) from error
        accelerator = accel.choose(self._kernel, agent, self._accelerator)
        emulated = accelerator is Accelerator.TCG
        if not (emulated and self._kernel.arch.restores and can_save()) or self._states is None:
            return self._boot(self._machine_of(agent, accelerator), agent)
        machine = self._machine_of(agent, accelerator, monitored=True)
        state = self._states.take(self._kernel, machine.recipe)
        if state is not None:
            try:
                return self._restore(state, agent)
            except LandproofError as error:
                self.stop()
                self._states.drop(self._kernel, machine.recipe)
                LOG.info("%s is booted, since it could not be restored: %s", self.name, error)
        return self._boot(machine, agent, self._states)

    def _machine_of(
        self,
        agent: Path,
        accelerator: Accelerator,
        *,
        monitored: bool = False,
        incoming: int | None = None,
    ) -> Machine:
        return Machine(
            self._kernel,
            agent=agent,
            accel=accelerator,
            folder=self._folder,
            append=(*self.own_parameters, *self.kernel.parameters.split()),
            devices=(*self.devices, *_processors(self.kernel.processors)),
            monitored=monitored,
            incoming=incoming,
        )

    def _boot(self, machine: Machine, agent: Path, states: States | None = None) -> Ground:
        """Boot it; if states are kept, save it as soon as it is prepared and was asked all."""
        self.began = "booted"
        try:
            self._machine = machine.__enter__()
        except BootError as error:
            if not error.is_silence:
                raise
            parameters = self.kernel.parameters.split()
            raise explained(error, self._kernel, agent, machine.accel, parameters) from error
        channel = machine.channel.fileno()
        try:
            self._client = AgentClient(channel, channel)
            dear = machine.accel is Accelerator.TCG
            if states is None:
                return self._prepare(self._client, agent, dear=dear)
            recording = Recording(self._client)
            ground = self._prepare(recording, agent, dear=dear)
        except AgentLostError as error:
            _, reason = self.autopsy()
            raise InfrastructureError(f"{error} while the guest was prepared: {reason}") from error
        try:
            self.asks(ground)
            ground.session.flush()
            ground.session.channel = self._client
            self._save(machine, recording, states)
        except InfrastructureError as error:
            # A question that it dies of is for the case that asks it, and for no other, to tell;
            # and after a save that failed QEMU may not have let it go on.
            LOG.warning("%s is booted once more: %s", self.name, error)
            self.stop()
            return self._boot(self._machine_of(agent, machine.accel), agent)
        return ground

    def _save(self, machine: Machine, recording: Recording, states: States) -> None:
        conversation = recording.conversation
        if conversation is None:
            return
        state = compressed(Monitor(machine.monitor).save)
        states.keep(self._kernel, machine.recipe, conversation, state)

    def _restore(self, state: State, agent: Path) -> Ground:
        """Restore a machine.

        Raises:
            LandproofError: The state does not load, or its guest does not answer, or refuses.
        """
        self.began = "restored"
        with state.stream() as incoming:
            machine = self._machine_of(agent, Accelerator.TCG, incoming=incoming)
            self._machine = machine.__enter__()
            channel = machine.channel.fileno()
            client = AgentClient(channel, channel, hello=state.conversation.hello)
            self._client = client
            client.results(client.submit([]), _AWAKE_S)
        replaying = Replaying(client, state.conversation)
        ground = self._prepare(replaying, agent, dear=True)
        self.asks(ground)
        ground.session.flush()
        replaying.finish()
        ground.session.channel = client
        wake(ground)
        return ground

    def _prepare(self, channel: Channel, agent: Path, *, dear: bool) -> Ground:
        """Make the ground; forks are ``dear`` under emulation."""
        return guest_ground(channel, agent, self._kernel.arch.machine, shares_memory=dear)

    def modules(self, name: str) -> Iterator[bytes]:
        """They travel when a case needs them, over the channel: 10 MB in 0.3 s.

        In the initramfs they would cost every boot, and booting is what costs most. None of those
        that QEMU would run wrong.
        """
        files = initramfs.module_files(self._kernel, name) or ()
        return far.sound(name, map(initramfs.read_module, files), self._kernel.arch)

    def stop(self) -> None:
        """End QEMU."""
        if self._client:
            self._client.close()
        if self._machine:
            self._machine.__exit__(None, None, None)
        self._client = self._machine = None

    def autopsy(self) -> tuple[Verdict, str]:
        """How the machine ended, with the last lines of its console.

        Lost if it was QEMU's end and not the kernel's.
        """
        if self._machine is None:
            return Verdict.CRASHED, "the machine is gone"
        death = self._machine.death()
        tail = self._machine.console_tail()
        said = f"{death or 'the guest does not answer'}\n{tail}".rstrip()
        if self._machine.kernel_is_blameless:
            return Verdict.LOST, said
        return Verdict.CRASHED if death else Verdict.HUNG, said


def _processors(number: int) -> tuple[str, ...]:
    """QEMU's options for more processors than the one that virtme-ng is asked for.

    Each in a socket of its own: a kernel without ACPI learns of no second core (SeaBIOS writes the
    table of processors that it reads).
    """
    return ("-smp", f"{number},sockets={number}") if number > 1 else ()
