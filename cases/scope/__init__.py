# SPDX-License-Identifier: MIT
"""Scopes: abstract UNIX sockets and signals."""
