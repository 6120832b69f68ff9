// SPDX-License-Identifier: MIT
#include "watch.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CALLS = 8, THREADS = 256, MOST_BYTES = 128 };

/* include/uapi/linux/ptrace.h, whose name for it the C library has taken */
struct stop {
	uint8_t op;
	uint8_t pad[3];
	uint32_t arch;
	uint64_t instruction, stack;
	union {
		struct { uint64_t nr, args[6]; } entry;
		struct { int64_t value; uint8_t is_error; } exit;
	};
};
enum { GET_STOP = 0x420e, ENTRY = 1, EXIT = 2 };

static struct call {
	long number;
	int pointer, size, file;
} calls[CALLS];
static int known;

/* What a thread had asked for when it entered a call. */
static struct thread {
	pid_t id;
	struct call *call;
	uint64_t args[6];
	uint8_t bytes[MOST_BYTES];
	int size;
	char path[PATH_MAX];
} threads[THREADS];

static struct thread *thread_of(pid_t id)
{
	struct thread *free = threads;
	for (struct thread *it = threads; it < threads + THREADS; it++) {
		if (it->id == id)
			return it;
		if (!it->id)
			free = it;
	}
	*free = (struct thread){ .id = id };
	return free;
}

static void enter(struct thread *thread, struct stop *stop)
{
	thread->call = NULL;
	for (int i = 0; i < known; i++)
		if (calls[i].number == (long)stop->entry.nr)
			thread->call = &calls[i];
	if (!thread->call)
		return;
	memcpy(thread->args, stop->entry.args, sizeof(thread->args));
	thread->size = 0;
	thread->path[0] = 0;
	struct call *call = thread->call;
	uint64_t size = call->size < 0 ? thread->args[-call->size] : (uint64_t)call->size;
	if (call->pointer < 0 || !thread->args[call->pointer])
		return;
	struct iovec ours = { thread->bytes, size < MOST_BYTES ? size : MOST_BYTES };
	struct iovec theirs = { (void *)(uintptr_t)thread->args[call->pointer], ours.iov_len };
	ssize_t came = process_vm_readv(thread->id, &ours, 1, &theirs, 1, 0);
	thread->size = came < 0 ? 0 : came;
	int file;
	if (call->file < 0 || thread->size < call->file + (int)sizeof(file))
		return;
	memcpy(&file, thread->bytes + call->file, sizeof(file));
	char name[64];
	snprintf(name, sizeof(name), "/proc/%d/fd/%d", thread->id, file);
	ssize_t length = readlink(name, thread->path, sizeof(thread->path) - 1);
	thread->path[length < 0 ? 0 : length] = 0;
}

static void leave_call(struct thread *thread, struct stop *stop)
{
	if (!thread->call)
		return;
	printf("call %d %ld %lld", thread->id, thread->call->number, (long long)stop->exit.value);
	for (int i = 0; i < 4; i++)
		printf(" %llx", (unsigned long long)thread->args[i]);
	printf(" ");
	for (int i = 0; i < thread->size; i++)
		printf("%02x", thread->bytes[i]);
	printf("%s %s\n", thread->size ? "" : "-", thread->path);
	thread->call = NULL;
}

static void see_call(pid_t id)
{
	struct stop stop;
	if (ptrace(GET_STOP, id, sizeof(stop), &stop) < 0)
		return;
	if (stop.op == ENTRY)
		enter(thread_of(id), &stop);
	else if (stop.op == EXIT)
		leave_call(thread_of(id), &stop);
}

static int is_ours(pid_t id)
{
	char name[64];
	struct stat ours, theirs;
	snprintf(name, sizeof(name), "/proc/%d/exe", id);
	return !stat("/proc/self/exe", &ours) && !stat(name, &theirs) && ours.st_ino == theirs.st_ino &&
	       ours.st_dev == theirs.st_dev;
}

/* See an event of ptrace; whether it is the last one. */
static int see_event(pid_t id, int event)
{
	unsigned long told = 0;
	ptrace(PTRACE_GETEVENTMSG, id, 0, &told);
	if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE)
		printf("clone %d %lu\n", id, told);
	if (event != PTRACE_EVENT_EXEC)
		return 0;
	printf("exec %d %lu\n", id, told);
	if (!is_ours(id))
		return 0;
	printf("ours %d\n", id);
	return 1;
}

static void end(int status)
{
	fflush(stdout);
	_exit(status); /* which lets go of all that are traced */
}

/* See why a thread has stopped, and let it go on. */
static void see_stop(pid_t id, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16, request = PTRACE_SYSCALL;
	if (signal == (SIGTRAP | 0x80)) {
		see_call(id);
		signal = 0;
	} else if (event) {
		if (see_event(id, event))
			end(0);
		if (event == PTRACE_EVENT_STOP && signal != SIGTRAP)
			request = PTRACE_LISTEN; /* it was stopped by others */
		signal = 0;
	}
	ptrace(request, id, 0, (long)signal);
}

void watch_calls(int count, char **words)
{
	const int options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			    PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
	pid_t first = atoi(words[0]), id;
	int status, is_ready = 0;
	for (int i = 1; i < count && known < CALLS; i++, known++)
		if (sscanf(words[i], "%ld:%d:%d:%d", &calls[known].number, &calls[known].pointer,
			   &calls[known].size, &calls[known].file) != 4)
			end(2);
	if (ptrace(PTRACE_SEIZE, first, 0, options) || ptrace(PTRACE_INTERRUPT, first, 0, 0)) {
		printf("refused %d\n", errno);
		end(1);
	}
	while ((id = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status)) {
			thread_of(id)->id = 0;
			continue;
		}
		see_stop(id, status);
		if (!is_ready)
			write(2, "ready\n", 6);
		is_ready = 1;
	}
	end(0);
}
