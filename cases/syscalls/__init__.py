# SPDX-License-Identifier: MIT
"""The contract of the three system calls."""
