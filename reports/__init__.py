# SPDX-License-Identifier: MIT
"""From results to tables: load, compare, render."""
