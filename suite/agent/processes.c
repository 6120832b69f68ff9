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

enum { PATIENCE_MS = 1000 };

/* Not static: of memory that no driven process needs, a fork and an exit still look at every page. */
struct process *processes;

void map_processes(void)
{
	processes = (void *)MAP(PROCESSES * sizeof(*processes), MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (failed((intptr_t)processes))
		leave(3);
}

void learn(int id, int control, int pidfd)
{
	processes[id] = (struct process){ .known = 1, .control = control, .pidfd = pidfd };
}

void forget(struct process *process)
{
	close(process->control);
	if (process->pidfd >= 0)
		close(process->pidfd);
	memset(process, 0, sizeof(*process));
}

/* In a child of the supervisor. */
void forget_processes(void)
{
	for (int i = 0; i < PROCESSES; i++)
		if (processes[i].known) {
			SYS(close, processes[i].control);
			SYS(close, processes[i].pidfd);
		}
	SYS(munmap, processes, PROCESSES * sizeof(*processes));
}

void kill_process(int id)
{
	struct process *process = &processes[id];
	if (process->known && process->pidfd >= 0)
		SYS(pidfd_send_signal, process->pidfd, SIGKILL, 0, 0);
}

/* What a process lets go of when it dies may be seen: not by who comes after it. */
void await_end(int id)
{
	struct pollfd ended = { processes[id].pidfd, POLLIN, 0 };
	if (processes[id].known && ended.fd >= 0)
		poll(&ended, 1, PATIENCE_MS);
}

/* End the agent, and all that it drives. */
void end(int status)
{
	for (int i = 0; i < PROCESSES; i++)
		kill_process(i);
	while (!is_guest && SYS(wait4, -1, 0, 0, 0) != -ECHILD)
		; /* when we are gone, all of it is */
	leave(status);
}
