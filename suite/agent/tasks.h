// SPDX-License-Identifier: MIT
/* Tasks: driven processes and threads, and how they are made. */
#pragma once

#include <stdint.h>

#include "area.h"
#include "journals.h"
#include "wire.h"

struct task {
	int control; /* its end of the socket to the supervisor */
	struct journal *journal;
	struct area in, out; /* the segment's code and state; the reply */
	struct segment segment;
	int files; /* its table of file descriptors, named by the id of the task that the table was made for */
	int parent_waits; /* until it execs or exits, as after vfork(2) */
	int supervisor_end; /* to close in a new table: the other end of `control` */
	int copied_files; /* the table that its own began as a copy of, or -1 for the supervisor's */
	unsigned copied_notes; /* when: after so many notes of control sockets */
	uint64_t flags; /* of the clone(2) that made it */
	void (*run)(struct task *task); /* what the task does; it never returns */
};

/* Note, or forget, that the task has its control socket open in this table: no child may keep it open. */
void note_control(struct task *task, int files);
void forget_control(struct task *task);

struct piece { /* of memory */
	void *base;
	size_t size;
};

/* What a parent writes to a file just before clone(2); just behind it, it reads from there, and writes again. */
struct around {
	int fd;
	struct piece before, between, behind;
};

/*
 * Make a process or thread that does run(task). The parent is NULL for the supervisor; `around` is NULL
 * where nothing is to be written. Returns its id in the kernel, or -errno; fds[0] is then the
 * supervisor's end of its control socket, fds[1] its pidfd, or -1 for a thread.
 */
long make_task(struct task *parent, int id, uint64_t flags, void (*run)(struct task *), const struct around *around,
	       int *fds);
