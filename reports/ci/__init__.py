# SPDX-License-Identifier: MIT
"""What the formats for CI share, and the ready workflows."""
