// SPDX-License-Identifier: MIT
/*
 * The side of a driven process: take segments of programs, perform them, answer.
 *
 * Raw system calls only: tasks that share memory share thread-local storage, so libc's errno is not
 * theirs.
 */
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
	for (uint8_t *at = state; at < state + size; 
	     at += sizeof(struct record) + PAD(((struct record *)at)->size))
		if (((struct record *)at)->op == op)
			return (void *)at;
	return NULL;
}

struct records { /* earlier segments' records, then this segment's own */
	uint8_t *before;
	size_t size;
	struct area *own;
};

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
		if (source->value > record->size || source->width > record->size - source->value || source->width > 8)
			return 0;
		*value = 0;
		memcpy(value, (uint8_t *)(record + 1) + source->value, source->width);
		if (source->width == 4)
			*value = (int32_t)*value;
	}
	return 1;
}

static long exec_agent(struct task *task, int index, int64_t *arg)
{
	char environment[] = "LANDPROOF_AGENT=0000000000 00000";
	char *argv[] = { "landproof-agent", NULL }, *envp[] = { environment, NULL };
	for (int i = 25, n = task->control; n; n /= 10)
		environment[i--] = '0' + n % 10;
	for (int i = 31; index; index /= 10)
		environment[i--] = '0' + index % 10;
	SYS(fcntl, task->control, F_SETFD, 0);
	long result = SYS(execveat, arg[0], arg[1], argv, envp, arg[2]);
	SYS(fcntl, task->control, F_SETFD, FD_CLOEXEC);
	return result;
}

static int64_t perform(struct task *task, struct view *view, int index, int64_t *arg, int *fds)
{
	switch (view->op->kind) {
	case OP_CALL:
		if (view->op->nr == SYS_exit) { /* a thread leaves its control socket to the others */
			release(task);
			SYS(close, task->control);
		}
		return raw(view->op->nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	case OP_PEEK:
		memcpy(view->data[0], (void *)(uintptr_t)arg[0], view->buffer[0]->size);
		return arg[2] ? *(int32_t *)view->data[0] : (int64_t)view->buffer[0]->size;
	case OP_POKE:
		memcpy((void *)(uintptr_t)arg[0], view->data[0], view->buffer[0]->size);
		return view->buffer[0]->size;
	case OP_FORK:
		return make_task(task, arg[0] & (PROCESSES - 1), arg[1], serve, fds);
	case OP_EXEC:
		return exec_agent(task, index, arg);
	case OP_GIVE:
		return SYS(fcntl, arg[0], F_DUPFD_CLOEXEC, 0);
	}
	return -ENOSYS;
}

/* One operation: its record goes to task->out. */
static struct record *run_op(struct task *task, struct view *view, int index, struct records *records, int *fds)
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
		memcpy(view->data[fix->buffer] + fix->offset, &value, fix->width);
	}
	for (int i = 0; i < view->op->args; i++)
		if (!resolve(&view->arg[i], view, records, &arg[i]))
			return record;
	record->value = perform(task, view, index, arg, fds);
	record->status = DONE;
	return record;
}

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

/* Perform the operations of a segment and answer. */
static void run_segment(struct task *task, int taken)
{
	struct segment segment = task->segment;
	uint8_t *code = task->in.base, *at = code;
	struct records records = { code + segment.code, segment.state, &task->out };
	struct reply reply = { 0, segment.end, 0 };
	struct view view;
	int fds[PASSED] = { -1, -1 };
	size_t told = sizeof(reply);
	task->out.size = 0;
	grow(&task->out, sizeof(reply));
	task->journal->done = 0;
	for (int i = segment.first; i < segment.end; i++) {
		at = parse(at, code + segment.code, &view);
		if (i < segment.start)
			continue;
		if (is_last(view.op) && i > segment.start) {
			answer(task, (struct reply){ 0, i, 1 }, fds);
			segment.start = i;
			told = task->out.size;
			task->journal->done = 0;
		}
		if (segment.taking) { /* the fd that another process gave us */
			struct record record = { i, DONE, 0, taken };
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
	memmove(task->out.base + sizeof(reply), task->out.base + told, task->out.size - told);
	task->out.size -= told - sizeof(reply);
	answer(task, reply, fds);
}

/* What execve(2) took from a new image. */
static void adopt(struct task *task, int memory)
{
	release(task);
	map_journals(memory);
	SYS(close, memory);
	task->journal = &journals[task->segment.journal];
	hold(task, task->segment.journal);
}

/* A new process knows what its parent did in the segment that ended with the fork. */
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

/*
 * Go on with the segment that its parent was told of, then take others until the supervisor goes.
 * A process whose parent waits for its exec or exit, as vfork(2) has it, takes no others.
 */
void serve(struct task *task)
{
	int passed[PASSED];
	long came;
	if (task->segment.ahead)
		run_ahead(task);
	while (!task->brief) {
		await_input(task->control);
		came = receive_with(task->control, &task->segment, sizeof(task->segment), task->in.base,
				    task->in.room, passed);
		if (came < 0)
			break;
		if (task->segment.journal)
			adopt(task, passed[task->segment.taking]);
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

void go_on_serving(const char *environment)
{
	struct journal none; /* until the supervisor hands over the journals */
	struct task task = { .control = atoi(environment), .journal = journals = &none };
	struct record record = { atoi(environment + 10), DONE, 0, 0 };
	struct reply reply = { 0, record.op + 1, 0 };
	SYS(fcntl, task.control, F_SETFD, FD_CLOEXEC);
	grow(&task.out, sizeof(reply));
	memcpy(grow(&task.out, sizeof(record)), &record, sizeof(record));
	answer(&task, reply, (int[]){ -1, -1 });
	hold(&task, 0);
	serve(&task);
}
