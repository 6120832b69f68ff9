// SPDX-License-Identifier: MIT
/* The agent as a FUSE server of the folder that it stands in. */
#pragma once

void serve_fuse(int fd); /* of /dev/fuse; never returns */
