# SPDX-License-Identifier: MIT
"""Kernels and the virtual machines that boot them."""
