# SPDX-License-Identifier: MIT
"""Kernel modules of a target, loaded when a case needs something that is in one."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from suite.judge.outcome import Denied
from suite.process.process import Process
from suite.targets.base import Ground, Target

_DEADLINE_MS = 60_000
"""Long, for under emulation btrfs spends a second on measuring its checksums alone."""
_MARKER = b"~Module signature appended~\n"
_SIGNATURE_INFO = 12
_ELF64 = b"\x7fELF\2"
_BYTE_ORDERS = {1: "<", 2: ">"}
"""As an ELF file tells it at 5."""
_FTRACE = (b"__mcount_loc\0", b"_ftrace_events\0")
"""The sections that list functions and events for ftrace."""
_ALLOC = 2
_ONLY_SIGNED = (Denied("EKEYREJECTED"), Denied("ENOKEY"), Denied("EPERM"))
"""Answers of a kernel that loads only signed modules, such as one in lockdown."""


class _AskedFor(set[str]):
    """The names of modules that we have tried to load already."""


def load_modules(names: Iterable[str], ground: Ground, target: Target) -> None:
    """Try once to load each module, with what it needs; its feature shows whether it is there."""
    session = ground.session
    asked_for = session.notes.of(_AskedFor)
    before, session.deadline_ms = session.deadline_ms, _DEADLINE_MS
    try:
        for name in names:
            if name in asked_for:
                continue
            asked_for.add(name)
            for image in target.modules(name):
                _load(image, ground)
    finally:
        session.deadline_ms = before


def _load(image: bytes, ground: Ground) -> None:
    """Try to load an image: it may be there (EEXIST), or be for another processor (ENODEV)."""
    lean = _untraced(_unsigned(image))
    observed = ground.root.observe(Process.init_module, lean)
    if observed.outcome in _ONLY_SIGNED and lean != image:
        _ = ground.root.observe(Process.init_module, image).outcome


def _unsigned(image: bytes) -> bytes:
    """A module without its signature, whose digest would take seconds under emulation.

    Source: include/linux/module_signature.h, struct module_signature: its last field, before the
    marker, is the length of the signature, big-endian.
    """
    if not image.endswith(_MARKER):
        return image
    end = len(image) - len(_MARKER)
    length = int.from_bytes(image[end - 4 : end], "big")
    return image[: end - _SIGNATURE_INFO - length]


def _untraced(image: bytes) -> bytes:
    """A module with its functions and events hidden from ftrace, which would look up and list each.

    For xfs that takes two seconds under emulation. The functions themselves stay as they are.

    Source: kernel/trace/ftrace.c, ftrace_process_locs(); kernel/module/main.c, find_sec(), which
    ignores a section without SHF_ALLOC.
    """
    order = _BYTE_ORDERS.get(image[5]) if image.startswith(_ELF64) else None
    if order is None:
        return image
    changed = bytearray(image)
    (headers,) = struct.unpack_from(f"{order}Q", image, 0x28)
    size, count, names_index = struct.unpack_from(f"{order}3H", image, 0x3A)
    (names,) = struct.unpack_from(f"{order}Q", image, headers + names_index * size + 24)
    for header in range(headers, headers + count * size, size):
        name, _, flags = struct.unpack_from(f"{order}IIQ", image, header)
        if image.startswith(_FTRACE, names + name):
            struct.pack_into(f"{order}Q", changed, header + 8, flags & ~_ALLOC)
    return bytes(changed)
