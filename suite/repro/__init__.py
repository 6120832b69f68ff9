# SPDX-License-Identifier: MIT
"""Reproducers: a case as one C file that needs nothing of landproof."""
