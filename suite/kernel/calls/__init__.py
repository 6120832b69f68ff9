# SPDX-License-Identifier: MIT
"""The system calls, a module an area; importing this registers them all."""

from suite.kernel.calls import landlock as landlock
