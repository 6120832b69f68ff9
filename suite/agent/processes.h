// SPDX-License-Identifier: MIT
/* The processes that the supervisor drives, by the numbers that the host chose. */
#pragma once

#include <stdint.h>

struct program;

struct process {
	int exists, control, pidfd; /* a thread's pidfd is its process's */
	int is_thread;
	int answers_twice; /* before the exec or exit that its parent waits for, and after it */
	int fresh_image; /* execve(2) unmapped the journals: their descriptor goes with its next segment */
	struct program *running; /* the program that it runs a segment of, or NULL */
	int start, end; /* the operations of that segment */
	int ahead; /* the process that the segment forks goes on up to here by itself, or 0 */
	uint8_t *fork_op; /* the segment's last operation if it is a fork, or NULL */
	uint32_t progress; /* how many operations were done when that was last seen to change, */
	uint64_t progress_at; /* in ms */
	uint32_t check_every; /* look at it again after so many ms, */
	uint64_t check_at; /* at this time */
};

extern struct process *processes;

void map_processes(void);
void add_process(int id, int control, int pidfd);
void remove_process(struct process *process);
void close_processes(void); /* in a child of the supervisor: let go of all of them */
void kill_process(int id);
void await_end(int id); /* so that whoever comes next does not see what the dying process still holds */
void end_agent(int status); /* with all that it drives */
