# SPDX-License-Identifier: MIT
"""Fuzzing: programs that are longer than what can be played whole, on a kernel and on its model."""
