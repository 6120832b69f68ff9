// SPDX-License-Identifier: MIT
/* Make driven processes and threads. */
#pragma once

#include <stdint.h>

#include "area.h"
#include "journals.h"
#include "wire.h"

struct task { /* a served process or thread */
	int control;
	struct journal *journal;
	struct area in, out;
	struct segment segment;
	int files; /* the id of who made its table of files */
	int brief; /* its parent waits until it execs or exits */
	int other, copied; /* to close: the other end of `control`, and of this table what let_go() says */
	uint64_t flags; /* of clone(2) */
	void (*run)(struct task *task); /* what it does, for good */
};

void hold(struct task *task, int files);
void release(struct task *task);
long make_task(struct task *parent, int id, uint64_t flags, void (*run)(struct task *), int *fds);
