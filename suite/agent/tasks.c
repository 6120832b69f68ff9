// SPDX-License-Identifier: MIT
/*
 * Tasks: driven processes and threads, and how they are made.
 *
 * A task that shares memory has a place in it, which holds its struct task and its stack. When the
 * task is killed its place stays, and the next task of that id uses it again, with the areas that
 * belong to it: the pages that it needs are there already.
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

enum { STACK = 64 << 10 }; /* the size of a place */

/* What is known, in this memory, of the tasks that use it, by id. */
static struct {
	int control, files; /* as in struct task; `control` is 0 if no such task has it open */
	unsigned noted; /* when; see `notes` */
	struct task *place; /* or NULL */
} slots[PROCESSES];
static int highest_id; /* of a task so far */
static unsigned notes; /* how many notes of a control socket were made in this memory */

static int id_of(struct task *task)
{
	return task->journal - journals; /* 0 in a new image that has no journals yet */
}

void note_control(struct task *task, int files)
{
	int id = id_of(task);
	slots[id].control = task->control;
	slots[id].files = task->files = files;
	slots[id].noted = __atomic_add_fetch(&notes, 1, __ATOMIC_RELAXED);
	highest_id = id > highest_id ? id : highest_id;
}

void forget_control(struct task *task)
{
	slots[id_of(task)].control = 0;
}

/*
 * In a copy of this table of file descriptors, close the control sockets that were noted until then.
 * A parent that shares the memory may note more meanwhile: in the copy, their numbers are of other files.
 */
static void close_controls(int files, unsigned until)
{
	for (int i = 0; i <= highest_id; i++)
		if (slots[i].control && slots[i].files == files && slots[i].noted <= until)
			SYS(close, slots[i].control);
}

/* Forget the control sockets in this table: the task that it was made for is gone, and so are its threads. */
static void forget_controls(int files)
{
	for (int i = 0; i <= highest_id; i++)
		if (slots[i].files == files)
			slots[i].control = 0;
}

/* A child inherits ignored signals, and the supervisor ignores these. */
static void reset_signals(void)
{
	struct sigaction action = { 0 };
	SYS(rt_sigaction, SIGCHLD, &action, 0, 8);
	SYS(rt_sigaction, SIGPIPE, &action, 0, 8);
}

/*
 * Close every descriptor but `fd` and the standard ones. The table is a copy of the supervisor's; its
 * list of what is open, in memory that we share, may have changed since. close_range(2) came with
 * Linux 5.9: a kernel without it has no Landlock either.
 */
static void close_all_but(int fd)
{
	SYS(close_range, 3, fd - 1, 0);
	SYS(close_range, fd + 1, ~0U, 0);
}

/* Where a task that shares memory begins. */
static void begin_shared(void *argument)
{
	struct task *task = argument;
	if (!(task->flags & CLONE_SIGHAND))
		reset_signals();
	if (!(task->flags & CLONE_FILES) && task->copied_files < 0) {
		close_all_but(task->control);
	} else if (!(task->flags & CLONE_FILES)) {
		SYS(close, task->supervisor_end);
		close_controls(task->copied_files, task->copied_notes);
	}
	task->run(task);
}

static void copy_area(struct area *to, struct area *from)
{
	to->size = 0;
	memcpy(grow(to, from->size), from->base, from->size);
}

/* Set up the place of a task that will share our memory; NULL if there is no memory for it. */
static struct task *prepare_shared(struct task *parent, int id, uint64_t flags, void (*run)(struct task *),
				   const int *pair)
{
	struct task *task = slots[id].place;
	if (!task) {
		long memory = MAP(STACK, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		if (failed(memory))
			return NULL;
		slots[id].place = task = (void *)memory;
		/* Where memory is short for clone(2) alone (struct around), the end of its stack must be there. */
		*((volatile char *)memory + STACK - 1) = 0;
	}
	task->control = pair[1];
	task->supervisor_end = pair[0];
	task->journal = &journals[id];
	task->flags = flags;
	task->run = run;
	task->parent_waits = !!(flags & CLONE_VFORK);
	task->copied_files = parent ? parent->files : -1;
	task->copied_notes = notes;
	task->segment = parent ? parent->segment : (struct segment){ 0 };
	if (task->segment.ahead) {
		copy_area(&task->in, &parent->in);
		copy_area(&task->out, &parent->out);
	}
	if (!(flags & CLONE_FILES))
		forget_controls(id);
	note_control(task, flags & CLONE_FILES ? parent->files : id);
	return task;
}

/*
 * Where a process begins that has memory of its own: a copy of its parent's. It forgets the places in
 * it. No other task uses them there, but it runs on its parent's stack itself, which may lie in one.
 */
static void begin_copy(struct task *parent, int id, uint64_t flags, void (*run)(struct task *), const int *pair)
{
	struct task task = { .control = pair[1], .journal = &journals[id], .flags = flags,
			     .parent_waits = !!(flags & CLONE_VFORK) };
	int files = parent ? parent->files : 0, shared = flags & CLONE_FILES;
	reset_signals();
	if (!shared) {
		SYS(close, pair[0]);
		close_controls(files, notes);
	}
	for (int i = 0; i <= highest_id; i++) {
		slots[i].place = NULL;
		if (!shared || slots[i].files != files)
			slots[i].control = 0;
	}
	if (parent) {
		task.in = parent->in;
		task.out = parent->out;
		task.segment = parent->segment;
	}
	note_control(&task, shared ? files : id);
	run(&task);
}

static void write_piece(const struct around *around, const struct piece *piece)
{
	SYS(write, around->fd, piece->base, piece->size);
}

long make_task(struct task *parent, int id, uint64_t flags, void (*run)(struct task *), const struct around *around,
	       int *fds)
{
	int pair[2], pidfd = -1;
	long result = SYS(socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
	if (failed(result))
		return result;
	if (!(flags & CLONE_THREAD))
		flags |= CLONE_PIDFD;
	if (flags & CLONE_VM) {
		struct task *task = prepare_shared(parent, id, flags, run, pair);
		if (around && task)
			write_piece(around, &around->before);
		result = task ? raw_clone_vm(flags, (char *)task + STACK, &pidfd, begin_shared, task) : -ENOMEM;
	} else {
		uint64_t signal = flags & CSIGNAL;
		uint64_t clone3_args[8] = { flags & ~signal, (uintptr_t)&pidfd, 0, 0, signal };
		if (around)
			write_piece(around, &around->before);
		if (flags >> 32)
			result = SYS(clone3, clone3_args, sizeof(clone3_args));
		else
			result = CLONE(flags, &pidfd);
		if (!result)
			begin_copy(parent, id, flags, run, pair);
	}
	if (around) {
		SYS(pread64, around->fd, around->between.base, around->between.size, 0);
		write_piece(around, &around->behind);
	}
	if (failed(result))
		slots[id].control = 0;
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
