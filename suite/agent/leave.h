// SPDX-License-Identifier: MIT
/* How the agent ends. */
#pragma once

extern int is_guest; /* the agent is process 1 of a guest */

void leave(int status);
