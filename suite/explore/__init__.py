# SPDX-License-Identifier: MIT
"""Exploring: all programs of a bounded kind, on every target, against each other."""
