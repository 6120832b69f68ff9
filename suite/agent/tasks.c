// SPDX-License-Identifier: MIT
/*
 * Make driven processes and threads.
 *
 * One that shares memory has a place in it, by its id, with its stack and its areas. Who is killed
 * leaves the place as it is, and the next of that id takes it: it finds pages where it needs them.
 */
#include "tasks.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "raw.h"

enum { STACK = 64 << 10 };

/* The tasks that use this memory, by id. */
static struct {
	int control, files; /* its control socket, and who of them made its table of files */
	struct task *place;
} known[PROCESSES];
static int most_known;

static int id_of(struct task *task)
{
	return task->journal - journals; /* of an image that execve(2) made: 0, until it has journals */
}

/* No child may keep the control socket of a task open. */
void hold(struct task *task, int files)
{
	int id = id_of(task);
	known[id].control = task->control;
	known[id].files = task->files = files;
	most_known = id > most_known ? id : most_known;
}

void release(struct task *task)
{
	known[id_of(task)].control = 0;
}

/* Close what is open in a copy of somebody's table of files. */
static void let_go(int files)
{
	for (int i = 0; i <= most_known; i++)
		if (known[i].control && known[i].files == files)
			SYS(close, known[i].control);
}

/* Whoever had this id before, and its threads, are gone. */
static void forget_tasks(int files)
{
	for (int i = 0; i <= most_known; i++)
		if (known[i].files == files)
			known[i].control = 0;
}

/* Its parent may ignore these. */
static void reset_signals(void)
{
	struct sigaction action = { 0 };
	SYS(rt_sigaction, SIGCHLD, &action, 0, 8);
	SYS(rt_sigaction, SIGPIPE, &action, 0, 8);
}

/* Of the supervisor's files, which changes them meanwhile. Linux 5.9; who lacks it has no Landlock. */
static void keep_only(int fd)
{
	SYS(close_range, 3, fd - 1, 0);
	SYS(close_range, fd + 1, ~0U, 0);
}

static void start_task(void *argument)
{
	struct task *task = argument;
	if (!(task->flags & CLONE_SIGHAND))
		reset_signals();
	if (!(task->flags & CLONE_FILES) && task->copied < 0) {
		keep_only(task->control);
	} else if (!(task->flags & CLONE_FILES)) {
		SYS(close, task->other);
		let_go(task->copied);
	}
	task->run(task);
}

static void copy(struct area *to, struct area *from)
{
	to->size = 0;
	memcpy(grow(to, from->size), from->base, from->size);
}

/* What a task that shares our memory starts from, its parent or the supervisor; NULL for no memory. */
static struct task *furnish(struct task *parent, int id, uint64_t flags, int *pair,
			    void (*run)(struct task *))
{
	struct task *task = known[id].place;
	if (!task) {
		long memory = MAP(STACK, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		if (failed(memory))
			return NULL;
		known[id].place = task = (void *)memory;
	}
	task->control = pair[1];
	task->other = pair[0];
	task->journal = &journals[id];
	task->flags = flags;
	task->run = run;
	task->brief = !!(flags & CLONE_VFORK);
	task->copied = parent ? parent->files : -1;
	task->segment = parent ? parent->segment : (struct segment){ 0 };
	if (task->segment.ahead) {
		copy(&task->in, &parent->in);
		copy(&task->out, &parent->out);
	}
	if (!(flags & CLONE_FILES))
		forget_tasks(id);
	hold(task, flags & CLONE_FILES ? parent->files : id);
	return task;
}

/* A process with memory of its own, a copy: the others don't use it, but it runs in one's place. */
static void start_copy(struct task *parent, int id, uint64_t flags, int *pair, void (*run)(struct task *))
{
	struct task task = { .control = pair[1], .journal = &journals[id], .flags = flags, .brief = !!(flags & CLONE_VFORK) };
	int files = parent ? parent->files : 0, shared = flags & CLONE_FILES;
	reset_signals();
	if (!shared) {
		SYS(close, pair[0]);
		let_go(files);
	}
	for (int i = 0; i <= most_known; i++) {
		known[i].place = NULL;
		if (!shared || known[i].files != files)
			known[i].control = 0;
	}
	if (parent) {
		task.in = parent->in;
		task.out = parent->out;
		task.segment = parent->segment;
	}
	hold(&task, shared ? files : id);
	run(&task);
}

/* Make a process or thread with a control socket; fds[0] is the supervisor's end, fds[1] a pidfd. */
long make_task(struct task *parent, int id, uint64_t flags, void (*run)(struct task *), int *fds)
{
	int pair[2], pidfd = -1;
	long result = SYS(socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
	if (failed(result))
		return result;
	if (!(flags & CLONE_THREAD))
		flags |= CLONE_PIDFD;
	if (flags & CLONE_VM) {
		struct task *task = furnish(parent, id, flags, pair, run);
		result = task ? raw_clone_vm(flags, (char *)task + STACK, &pidfd, start_task, task) : -ENOMEM;
	} else {
		uint64_t wide[8] = { flags & ~(uint64_t)CSIGNAL, (uintptr_t)&pidfd, 0, 0, flags & CSIGNAL };
		result = flags >> 32 ? SYS(clone3, wide, sizeof(wide)) : SYS(clone, flags, 0, &pidfd, 0, 0);
		if (!result)
			start_copy(parent, id, flags, pair, run);
	}
	if (failed(result))
		known[id].control = 0;
	if (!(flags & CLONE_FILES) || failed(result))
		SYS(close, pair[1]);
	if (failed(result)) {
		SYS(close, pair[0]);
		return result;
	}
	fds[0] = pair[0];
	fds[1] = pidfd;
	return result;
}
