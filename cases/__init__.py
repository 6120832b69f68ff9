# SPDX-License-Identifier: MIT
"""Behaviours of Landlock, one table and one short function each."""
