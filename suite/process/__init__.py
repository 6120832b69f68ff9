# SPDX-License-Identifier: MIT
"""Processes on a target, driven call by call."""
