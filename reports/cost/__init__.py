# SPDX-License-Identifier: MIT
"""What Landlock costs on kernels: read, compared, told."""
