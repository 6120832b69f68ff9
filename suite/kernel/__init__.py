# SPDX-License-Identifier: MIT
"""A kernel as small as can be around the model of Landlock, so that cases can run on it."""
