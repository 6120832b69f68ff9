# SPDX-License-Identifier: MIT
"""The core of landproof: the ABI, the agent, processes, expectations and verdicts."""
