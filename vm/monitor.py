# SPDX-License-Identifier: MIT
"""QEMU's monitor, as far as saving a machine needs it.

Source: docs/interop/qmp-spec.rst and qapi/migration.json of QEMU. The client that QEMU publishes
(``qemu.qmp``) is partly GPL-2.0, and passes no file descriptors in its asynchronous half.
"""

from __future__ import annotations

import array
import json
import socket
import time
from typing import Any

from suite.errors import InfrastructureError

_ANSWER_S = 20.0
_LOOK_S = 0.01
_NAME = "landproof"
# QEMU's default holds a migration to 128 MB a second, for the sake of a network.
_UNLIMITED = 1 << 50


class MonitorError(InfrastructureError):
    """QEMU does not do what it is told."""


class Monitor:
    """A conversation with QEMU's monitor.

    Args:
        connection: Connected to a monitor in control mode; whoever opened it closes it.

    Raises:
        MonitorError: QEMU is gone, does not answer, or refuses.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._connection.settimeout(_ANSWER_S)
        self._heard = b""
        self._listen()  # the greeting
        self._execute("qmp_capabilities")

    def save(self, pipe: int) -> None:
        """Write the machine's state into a pipe, and let the machine go on.

        Args:
            pipe: Its writing end; QEMU gets a copy, and closes that at the end.
        """
        self._execute("migrate-set-parameters", {"max-bandwidth": _UNLIMITED})
        self._execute("getfd", {"fdname": _NAME}, pipe)
        self._execute("migrate", {"uri": f"fd:{_NAME}"})
        limit = time.monotonic() + _ANSWER_S
        while (told := self._execute("query-migrate"))["status"] != "completed":
            if told["status"] in ("failed", "cancelled") or time.monotonic() > limit:
                why = told.get("error-desc", f"it is {told['status']}")
                raise MonitorError(f"QEMU did not save the machine: {why}")
            time.sleep(_LOOK_S)  # it takes 0.1 s, and its end has to be asked for
        self._execute("cont")

    def _execute(
        self, command: str, arguments: dict[str, object] | None = None, descriptor: int = -1
    ) -> dict[str, Any]:
        message = json.dumps({"execute": command, "arguments": arguments or {}}).encode()
        passed = array.array("i", [descriptor] if descriptor >= 0 else [])
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)] if passed else []
        try:
            self._connection.sendmsg([message], rights)
        except OSError as error:
            raise MonitorError(f"QEMU's monitor: {error.strerror or error}") from error
        while "return" not in (told := self._listen()):
            if "error" in told:
                raise MonitorError(f"QEMU refuses {command}: {told['error'].get('desc')}")
        answer: dict[str, Any] = told["return"]
        return answer

    def _listen(self) -> dict[str, Any]:
        """The next message, be it an answer or an event."""
        while b"\n" not in self._heard:
            try:
                data = self._connection.recv(1 << 16)
            except OSError as error:
                raise MonitorError("QEMU's monitor does not answer") from error
            if not data:
                raise MonitorError("QEMU has closed its monitor")
            self._heard += data
        line, _, self._heard = self._heard.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message
