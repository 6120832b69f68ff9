# SPDX-License-Identifier: MIT
"""Reports for people at a terminal."""
