// SPDX-License-Identifier: MIT
/* The supervisor: runs the host's programs on processes. */
#pragma once

void supervise(int in, int out); /* never returns */
