// SPDX-License-Identifier: MIT
/* How the agent ends. */
#pragma once

extern int is_guest; /* the supervisor is process 1 of a guest */

/* End this process; end the guest, if it is process 1 of one. */
void leave(int status);
