# SPDX-License-Identifier: MIT
"""Targets of the model: ``model:7``, ``model:11+errata=1,3``, ``model:none``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from suite.errors import UsageError
from suite.judge.records import MODEL, KernelBuild, Verdict
from suite.kernel.boot import booted
from suite.kernel.channel import ModelChannel
from suite.kernel.executing import AGENT
from suite.landlock.abi import ABIS, ERRATA, Erratum
from suite.model.landlock import MODELLED, Model
from suite.process.process import Process
from suite.process.session import Session
from suite.process.uapi import MS_PRIVATE, MS_REC
from suite.targets.base import SUPERVISOR, Ground, Target
from suite.targets.ground import furnish
from suite.targets.schemes import Scheme

USAGE = "model:ABI[+errata=N,N][+bugs=NAME,NAME]"


class ModelScheme(Scheme):
    """``model:``."""

    usage = USAGE

    def make(self, name: str, config: pytest.Config) -> ModelTarget:
        """The model of a name."""
        return ModelTarget(name, named(name))


def named(name: str) -> Model:
    """The model that a target's name means. Without a word of errata, all that apply are fixed.

    ``errata=none`` is a kernel that has no fix of any, nor the interface to ask for them.

    Raises:
        UsageError: It means none; the message says what would.
    """
    abi_word, *parts = name.removeprefix("model:").split("+")
    if abi_word != "none" and abi_word not in map(str, ABIS):
        raise UsageError(f"{name}: there are model:1 to model:{max(ABIS)}, and model:none")
    abi = 0 if abi_word == "none" else int(abi_word)
    model = Model(abi, frozenset(it for it in Erratum if ERRATA[it].since <= abi))
    for part in parts:
        key, _, words = part.partition("=")
        values = frozenset(word for word in words.split(",") if word)
        if key == "errata" and values == {"none"}:
            model = replace(model, errata=frozenset(), tells_errata=False)
        elif key == "errata" and values <= {str(int(it)) for it in model.errata}:
            model = replace(model, errata=frozenset(Erratum(int(word)) for word in values))
        elif key == "bugs" and values and values <= MODELLED:
            model = replace(model, bugs=values)
        else:
            raise UsageError(f"{name}: {part}: {_choice(abi)}")
    return model


def _choice(abi: int) -> str:
    errata = ",".join(str(int(it)) for it in Erratum if ERRATA[it].since <= abi)
    return f"say errata={errata or 'none'} (some of them, or none) or bugs=NAME ({_names()})"


def _names() -> str:
    return ", ".join(sorted(MODELLED))


class ModelTarget(Target):
    """The small kernel around a model, in this very process."""

    disposable = True
    may_leak = False

    def __init__(self, name: str, model: Model) -> None:
        self.name = name
        self.model = model
        self.kernel = KernelBuild(name=name, release="", version="", source=MODEL, sha256="")
        self._channel: ModelChannel | None = None

    def start(self) -> Ground:
        """Boot it: all of it is ours, so it needs no namespaces."""
        self._channel = ModelChannel(booted(self.model))
        session = Session(self._channel, "x86_64")
        root = Process(session, SUPERVISOR).fork()
        root.mount("none", "/", None, MS_REC | MS_PRIVATE)
        root.mount("tmpfs", "/tmp", "tmpfs")  # noqa: S108 (the model's own)
        return furnish(session, root, AGENT, private=True)

    def stop(self) -> None:
        """Forget it."""
        if self._channel:
            self._channel.close()
        self._channel = None

    def autopsy(self) -> tuple[Verdict, str]:
        """A model does not die."""
        return Verdict.LOST, "the model was stopped"
