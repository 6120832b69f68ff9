# SPDX-License-Identifier: MIT
"""Clients: other people's Landlock enforcers, which make the domains of our cases."""
