// SPDX-License-Identifier: MIT
/* The agent as a FUSE server. */
#pragma once

void serve_fuse(int fd); /* for good */
