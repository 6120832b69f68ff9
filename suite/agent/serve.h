// SPDX-License-Identifier: MIT
/* What a driven process does: it performs segments of programs. */
#pragma once

#include "tasks.h"

/*
 * Go on with the segment that the parent was sent, then perform others until the supervisor is gone.
 * A task whose parent waits for its exec or exit performs no others. Never returns.
 */
void serve(struct task *task);
/* The same in the image that an OP_EXEC made, given its control socket and the operation's number. */
void serve_new_image(int control, int index);
