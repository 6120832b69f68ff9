// SPDX-License-Identifier: MIT
/* The side of a driven process. */
#pragma once

#include "tasks.h"

void serve(struct task *task);
void go_on_serving(const char *environment);
