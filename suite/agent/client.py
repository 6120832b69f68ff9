# SPDX-License-Identifier: MIT
"""The host's end of the channel: send programs, several in flight, and take their records."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Sequence

from suite.agent import wire
from suite.agent.channel import AgentLostError, AgentSilentError

_KINDS = frozenset(wire.FrameKind) - {wire.FrameKind.PROGRAM}
_MOST = 2 * wire.MAX_FRAME
"""Bytes of a frame: the agent keeps buffers within MAX_FRAME, records of 16 bytes come on top."""

_WINDOW = 3 * wire.CREDIT
"""Bytes that may be on a paced channel and not be taken yet: fewer than a terminal's buffer has."""
_TAKES_S = 60.0
"""How long an agent may take no byte of a paced channel: others may wait for a process to end."""
_CHUNK = 1 << 16
"""Bytes that are read at once. An answer has a few hundred, and more room takes longer to get."""


class AgentClient:
    """The ``Channel`` to an agent over a pair of file descriptors (or one, twice).

    Args:
        reader: Where its frames come from.
        writer: Where programs go.
        hello_s: Seconds until its first word, at most.
        hello: Its first word, if that was spoken before.
        paced: Whether the channel must not be given more than the agent takes.

    Raises:
        AgentLostError: The agent is gone.
        AgentSilentError: It did not answer in time.
    """

    def __init__(
        self,
        reader: int,
        writer: int,
        *,
        hello_s: float = 10.0,
        hello: wire.Hello | None = None,
        paced: bool = False,
    ) -> None:
        self._reader = reader
        self._writer = writer
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        self._readable = select.poll()
        self._readable.register(reader, select.POLLIN)
        self._heard = bytearray()
        self._results: dict[int, bytes] = {}
        self._rooms: dict[int, dict[int, int]] = {}
        """Of each program on its way, how many bytes the buffers of its operations have."""
        self._next = 1
        self._order = hello.byte_order if hello else None
        self._room = _WINDOW if paced else None
        self._hellos = [hello] if hello else []
        self._listen_until(lambda: bool(self._hellos), hello_s)
        self.hello = self._hellos[0]

    def submit(self, ops: Sequence[wire.Op]) -> int:
        """Send a program; its number, for ``results``."""
        identity, self._next = self._next, self._next + 1
        self._rooms[identity] = {at: op.room for at, op in enumerate(ops) if op.buffers}
        self._send(wire.encode_program(identity, ops, self.hello.byte_order))
        return identity

    def results(self, identity: int, patience_s: float) -> dict[int, wire.Record]:
        """The records of a program by operation; operations that were left out have none."""
        self._listen_until(lambda: identity in self._results, patience_s)
        payload, rooms = self._results.pop(identity), self._rooms.pop(identity)
        records = dict(wire.decode_records(payload, self.hello.byte_order))
        for at, record in records.items():
            if record.data:  # else it never had any, or they are lost
                record.data = record.data.ljust(rooms[at], b"\0")
        return records

    def answered(self, identity: int) -> bool:
        """Whether the records of a program were heard, while others were waited for."""
        return identity in self._results

    def close(self) -> None:
        """Nothing to give back: the descriptors belong to whoever opened them."""

    def _send(self, frame: bytes) -> None:
        view = memoryview(frame)
        while view:
            if self._room == 0:
                self._listen_until(lambda: self._room != 0, _TAKES_S)
            try:
                written = os.write(self._writer, view[: self._room])
            except BlockingIOError:
                # Take what the agent has to say meanwhile, or both ends wait for each other.
                writable = select.poll()
                writable.register(self._writer, select.POLLOUT)
                writable.poll(10)
                self._hear()
            except OSError as error:
                raise AgentLostError("the agent closed its channel") from error
            else:
                view = view[written:]
                if self._room is not None:
                    self._room -= written

    def _listen_until(self, done: Callable[[], bool], patience_s: float) -> None:
        limit = time.monotonic() + patience_s
        while not done():
            left = limit - time.monotonic()
            # Heard even when time is up: it was we who stood still, if the user pressed Ctrl-Z.
            if self._readable.poll(max(left, 0) * 1000):
                self._hear()
            if left <= 0 and not done():
                raise AgentSilentError(f"no answer from the agent in {patience_s:.0f} s")

    def _hear(self) -> None:
        try:
            data = os.read(self._reader, _CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            raise AgentLostError("the agent's channel broke") from error
        if not data:
            raise AgentLostError("the agent is gone")
        self._heard += data
        self._order = order = self._order or wire.byte_order(self._heard)
        while len(self._heard) >= wire.FRAME.size:
            size, identity, kind, _count = wire.decode_frame(self._heard, order)
            if kind not in _KINDS or not wire.FRAME.size - 4 <= size <= _MOST:
                raise AgentLostError(f"not the agent's, but came over its channel: {self._noise()}")
            if len(self._heard) < size + 4:
                return
            payload = bytes(self._heard[wire.FRAME.size : size + 4])
            del self._heard[: size + 4]
            self._take(kind, identity, payload, order)

    def _noise(self) -> str:
        return repr(bytes(self._heard[:80]).decode(errors="replace"))

    def _take(self, kind: int, identity: int, payload: bytes, order: wire.ByteOrder) -> None:
        match kind:
            case wire.FrameKind.HELLO:
                hello = wire.decode_hello(payload, order)
                if hello.version != wire.VERSION:
                    raise AgentLostError(
                        f"the agent speaks protocol {hello.version}, this landproof "
                        f"{wire.VERSION}: reinstall landproof so that both come from one build"
                    )
                self._hellos.append(hello)
            case wire.FrameKind.RESULTS:
                self._results[identity] = payload
            case wire.FrameKind.CREDIT:
                if self._room is not None:
                    self._room += wire.CREDIT
            case wire.FrameKind.ERROR:
                raise AgentLostError(f"the agent ended: {payload.decode(errors='replace')}")
