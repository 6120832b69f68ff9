// SPDX-License-Identifier: MIT
/* The processes that the supervisor drives, by the numbers that the host chose. */
#pragma once

#include <stdint.h>

struct program;

struct process {
	int known, control, pidfd; /* a thread's pidfd is its process's */
	int is_thread;
	int answers_twice; /* before the exec or exit that its parent waits for, and after */
	int fresh_image; /* execve(2) took the journals: they go with its next segment */
	int start, end, ahead; /* the segment that it runs for `running` */
	uint8_t *fork; /* the segment's last operation, if it is one */
	struct program *running;
	uint32_t seen, step; /* how far it was at `since`; look again after so many ms, at `look` */
	uint64_t since, look;
};

extern struct process *processes;

void map_processes(void);
void learn(int id, int control, int pidfd);
void forget(struct process *process);
void forget_processes(void);
void kill_process(int id);
void await_end(int id);
void end(int status);
