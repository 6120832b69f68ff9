# SPDX-License-Identifier: MIT
"""The agent: its source, its wire format, and the client that speaks to it."""
