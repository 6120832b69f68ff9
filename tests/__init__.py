# SPDX-License-Identifier: MIT
"""Tests of landproof itself."""
