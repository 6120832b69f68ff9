# SPDX-License-Identifier: MIT
"""Errata and known bugs, one by one."""
