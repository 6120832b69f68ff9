# SPDX-License-Identifier: MIT
"""The typed system calls of a process, by area."""
