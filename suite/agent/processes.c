// SPDX-License-Identifier: MIT
/* The processes that the supervisor drives, by the numbers that the host chose. */
#include "processes.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "leave.h"
#include "raw.h"
#include "wire.h"

enum { END_TIMEOUT_MS = 1000 }; /* how long a killed process may take to end */

/* Mapped, so that a child can unmap it: a fork and an exit take longer the more pages there are. */
struct process *processes;

void map_processes(void)
{
	processes = (void *)MAP(PROCESSES * sizeof(*processes), MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (failed((intptr_t)processes))
		leave(3);
}

void add_process(int id, int control, int pidfd)
{
	processes[id] = (struct process){ .exists = 1, .control = control, .pidfd = pidfd };
}

void remove_process(struct process *process)
{
	close(process->control);
	if (process->pidfd >= 0)
		close(process->pidfd);
	memset(process, 0, sizeof(*process));
}

void close_processes(void)
{
	for (int i = 0; i < PROCESSES; i++)
		if (processes[i].exists) {
			SYS(close, processes[i].control);
			SYS(close, processes[i].pidfd);
		}
	SYS(munmap, processes, PROCESSES * sizeof(*processes));
}

void kill_process(int id)
{
	struct process *process = &processes[id];
	if (process->exists && process->pidfd >= 0)
		SYS(pidfd_send_signal, process->pidfd, SIGKILL, 0, 0);
}

void await_end(int id)
{
	struct pollfd ended = { processes[id].pidfd, POLLIN, 0 };
	if (processes[id].exists && ended.fd >= 0)
		poll(&ended, 1, END_TIMEOUT_MS);
}

void end_agent(int status)
{
	for (int i = 0; i < PROCESSES; i++)
		kill_process(i);
	while (!is_guest && SYS(wait4, -1, 0, 0, 0) != -ECHILD)
		; /* the host takes our end for the end of all of them */
	leave(status);
}
