# SPDX-License-Identifier: MIT
"""Sockets: of UNIX, of TCP and UDP over the loopback interface, and stubs of some others."""
