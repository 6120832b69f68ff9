// SPDX-License-Identifier: MIT
/* What a driven process does: it takes segments of programs, performs them and answers. */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "leave.h"
#include "messages.h"
#include "program.h"
#include "raw.h"

static struct record *record_of(uint8_t *state, size_t size, int op)
{
	for (uint8_t *at = state; at < state + size;) {
		struct record *record = (void *)at;
		if (record->op == op)
			return record;
		at += sizeof(*record) + PAD(record->size);
	}
	return NULL;
}

struct records {
	uint8_t *before; /* `size` bytes of them, of earlier segments */
	size_t size;
	struct area *own; /* the reply so far: its header, then this segment's records */
};

/* Where the last significant bytes of a value are: at its end, if the most significant one comes first. */
static uint8_t *low_bytes(int64_t *value, int width)
{
	return (uint8_t *)value + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? (int)sizeof(*value) - width : 0);
}

/* Find the value that a source stands for; 0 if that is the result of an operation that failed. */
static int resolve(struct source *source, struct view *view, struct records *records, int64_t *value)
{
	if (source->kind == SOURCE_LITERAL) {
		*value = source->value;
		return 1;
	}
	if (source->kind == SOURCE_ADDRESS) {
		int is_there = source->buffer < view->op->buffers;
		*value = is_there ? (uintptr_t)view->data[source->buffer] + source->value : 0;
		return 1;
	}
	struct record *record = record_of(records->before, records->size, source->op);
	if (!record)
		record = record_of(records->own->base + sizeof(struct reply),
				   records->own->size - sizeof(struct reply), source->op);
	if (!record || record->status != DONE || failed(record->value))
		return 0;
	*value = record->value + (source->kind == SOURCE_RESULT ? source->value : 0);
	if (source->kind == SOURCE_DATA) {
		if (source->value > record->size || source->width > record->size - source->value ||
		    source->width > 8)
			return 0;
		*value = 0;
		memcpy(low_bytes(value, source->width), (uint8_t *)(record + 1) + source->value,
		       source->width);
		if (source->width == 4)
			*value = (int32_t)*value;
	}
	return 1;
}

/*
 * Execute a program that goes on serving. Without arguments it is the agent itself, which takes its
 * control socket and the operation's number from the environment. With arguments of the host's, it is
 * a program of others that will execute the agent: the control socket is its standard input.
 */
static long exec_agent(struct task *task, int index, int64_t *arg)
{
	char environment[] = "LANDPROOF_AGENT=0000000000 00000";
	char *argv[] = { "landproof-agent", NULL }, *envp[] = { environment, NULL };
	if (arg[3]) {
		SYS(dup3, task->control, 0, 0);
		long result = SYS(execveat, arg[0], arg[1], arg[3], arg[4], arg[2]);
		SYS(close, 0);
		return result;
	}
	for (int i = 25, n = task->control; n; n /= 10)
		environment[i--] = '0' + n % 10;
	for (int i = 31; index; index /= 10)
		environment[i--] = '0' + index % 10;
	SYS(fcntl, task->control, F_SETFD, 0);
	long result = SYS(execveat, arg[0], arg[1], argv, envp, arg[2]);
	SYS(fcntl, task->control, F_SETFD, FD_CLOEXEC);
	return result;
}

/* clone(2), and what is to be written around it, if the host says so. */
static long fork_task(struct task *task, struct view *view, int64_t *arg, int *fds)
{
	struct piece piece[3];
	int id = arg[0] & (PROCESSES - 1);
	if (!view->op->buffers)
		return make_task(task, id, arg[1], serve, NULL, fds);
	for (int i = 0; i < 3; i++)
		piece[i] = (struct piece){ view->data[i], view->buffer[i]->size };
	struct around around = { arg[2], piece[0], piece[1], piece[2] };
	return make_task(task, id, arg[1], serve, &around, fds);
}

static int64_t perform(struct task *task, struct view *view, int index, int64_t *arg, int *fds)
{
	switch (view->op->kind) {
	case OP_CALL:
		if (view->op->nr == SYS_exit) { /* other threads live on, and so would its control socket */
			forget_control(task);
			SYS(close, task->control);
		}
		return raw(view->op->nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	case OP_PEEK:
		memcpy(view->data[0], (void *)(uintptr_t)arg[0], view->buffer[0]->size);
		return arg[2] ? *(int32_t *)view->data[0] : (int64_t)view->buffer[0]->size;
	case OP_POKE:
		memcpy((void *)(uintptr_t)arg[0], view->data[0], view->buffer[0]->size);
		return view->buffer[0]->size;
	case OP_COUNT:
		return counter();
	case OP_FORK:
		return fork_task(task, view, arg, fds);
	case OP_EXEC:
		return exec_agent(task, index, arg);
	case OP_GIVE:
		return SYS(fcntl, arg[0], F_DUPFD_CLOEXEC, 0);
	}
	return -ENOSYS;
}

/* Perform one operation. Its record goes to task->out, its out buffers are part of that. */
static struct record *run_op(struct task *task, struct view *view, int index, struct records *records,
			     int *fds)
{
	int64_t arg[6] = { 0 }, value;
	size_t at = task->out.size, room = 0;
	for (int i = 0; i < view->op->buffers; i++)
		room += view->buffer[i]->flags & BUFFER_OUT ? PAD(view->buffer[i]->size) : 0;
	grow(&task->out, sizeof(struct record) + room);
	struct record *record = (void *)(task->out.base + at);
	memset(record, 0, sizeof(*record) + room);
	record->op = index;
	record->size = room;
	uint8_t *out = (void *)(record + 1);
	for (int i = 0; i < view->op->buffers; i++)
		if (view->buffer[i]->flags & BUFFER_OUT) {
			if (view->buffer[i]->flags & BUFFER_IN)
				memcpy(out, view->data[i], view->buffer[i]->size);
			view->data[i] = out;
			out += PAD(view->buffer[i]->size);
		}
	record->status = UNRESOLVED;
	for (int i = 0; i < view->op->fixes; i++) {
		struct fix *fix = &view->fix[i];
		if (!resolve(&fix->source, view, records, &value))
			return record;
		memcpy(view->data[fix->buffer] + fix->offset, low_bytes(&value, fix->width), fix->width);
	}
	for (int i = 0; i < view->op->args; i++)
		if (!resolve(&view->arg[i], view, records, &arg[i]))
			return record;
	record->value = perform(task, view, index, arg, fds);
	record->status = DONE;
	return record;
}

/* Send task->out, which begins with room for the reply; the file descriptors go with it. */
static void answer(struct task *task, struct reply reply, const int *fds)
{
	int count = (fds[0] >= 0) + (fds[1] >= 0);
	reply.size = task->out.size;
	memcpy(task->out.base, &reply, sizeof(reply));
	if (!send_with(task->control, &(struct iovec){ task->out.base, task->out.size }, 1, fds, count))
		leave(1);
	for (int i = 0; i < count; i++)
		SYS(close, fds[i]);
}

/* Perform the operations of task->segment and answer. `given` is the descriptor that came with it. */
static void run_segment(struct task *task, int given)
{
	struct segment segment = task->segment;
	uint8_t *code = task->in.base, *at = code;
	struct records records = { code + segment.code, segment.state, &task->out };
	struct reply reply = { 0, segment.end, 0 };
	struct view view;
	int fds[MAX_FDS] = { -1, -1 };
	size_t answered = sizeof(reply); /* where the records begin that no reply held yet */
	task->out.size = 0;
	grow(&task->out, sizeof(reply));
	task->journal->done = 0;
	for (int i = segment.first; i < segment.end; i++) {
		at = parse(at, code + segment.code, &view);
		if (i < segment.start)
			continue;
		if (ends_image(view.op) && i > segment.start) {
			answer(task, (struct reply){ 0, i, 1 }, fds);
			segment.start = i;
			answered = task->out.size;
			task->journal->done = 0;
		}
		if (segment.brings_fd) { /* that is all that the segment does */
			struct record record = { i, DONE, 0, given };
			memcpy(grow(&task->out, sizeof(record)), &record, sizeof(record));
			break;
		}
		struct record *record = run_op(task, &view, i, &records, fds);
		if (view.op->kind == OP_GIVE && !failed(record->value))
			fds[0] = record->value;
		task->journal->value[i - segment.start] = record->status == DONE ? record->value : -ECANCELED;
		__atomic_store_n(&task->journal->done, i + 1 - segment.start, __ATOMIC_RELEASE);
		if ((record->status != DONE || failed(record->value)) && view.op->on_fail > i + 1) {
			reply.next = view.op->on_fail;
			break;
		}
	}
	memmove(task->out.base + sizeof(reply), task->out.base + answered, task->out.size - answered);
	task->out.size -= answered - sizeof(reply);
	answer(task, reply, fds);
}

/* Map the journals again, which execve(2) unmapped. */
static void take_journals(struct task *task, int memory)
{
	forget_control(task);
	map_journals(memory);
	SYS(close, memory);
	task->journal = &journals[task->segment.journal];
	note_control(task, task->segment.journal);
}

/* What the parent's operations gave in the segment that ended with the fork is state for its child. */
static void run_ahead(struct task *task)
{
	struct segment *segment = &task->segment;
	size_t done = task->out.size - sizeof(struct reply);
	memcpy(grow(&task->in, done), task->out.base + sizeof(struct reply), done);
	segment->state += done;
	segment->start = segment->end;
	segment->end = segment->ahead;
	run_segment(task, -1);
}

void serve(struct task *task)
{
	int passed[MAX_FDS];
	long came;
	if (task->segment.ahead)
		run_ahead(task);
	while (!task->parent_waits) {
		await_input(task->control);
		came = receive_with(task->control, &task->segment, sizeof(task->segment), task->in.base,
				    task->in.room, passed);
		if (came < 0)
			break;
		if (task->segment.journal)
			take_journals(task, passed[task->segment.brings_fd]);
		size_t more = task->segment.code + task->segment.state - came;
		task->in.size = came;
		if (!hear(task->control, grow(&task->in, more), more))
			break;
		run_segment(task, passed[0]);
		shrink(&task->in);
		shrink(&task->out);
	}
	SYS(exit_group, 0);
}

void serve_new_image(int control, int index)
{
	struct journal unseen; /* nobody reads it; the journals come with the first segment */
	struct task task = { .control = control, .journal = &unseen };
	struct record record = { index, DONE, 0, 0 };
	struct reply reply = { 0, index + 1, 0 };
	journals = &unseen;
	SYS(fcntl, task.control, F_SETFD, FD_CLOEXEC);
	grow(&task.out, sizeof(reply));
	memcpy(grow(&task.out, sizeof(record)), &record, sizeof(record));
	answer(&task, reply, (int[]){ -1, -1 });
	note_control(&task, 0);
	serve(&task);
}
