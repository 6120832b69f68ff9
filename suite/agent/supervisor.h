// SPDX-License-Identifier: MIT
/* The supervisor. */
#pragma once

void supervise(int in, int out); /* for good */
