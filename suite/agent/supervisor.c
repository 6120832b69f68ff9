// SPDX-License-Identifier: MIT
/*
 * landproof's agent: performs system calls on a target on the host's behalf. No Landlock here.
 *
 * This is the supervisor. It speaks frames with the host and runs programs. A program is a list of
 * operations, each addressed to a process; every run of operations for one process (a segment)
 * goes to that process over its control socket. Layouts: wire.h, and wire.py on the host.
 */
#include "supervisor.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "area.h"
#include "channel.h"
#include "journals.h"
#include "leave.h"
#include "messages.h"
#include "processes.h"
#include "program.h"
#include "raw.h"
#include "serve.h"
#include "tasks.h"
#include "wire.h"

enum { PROGRAMS = 64 }; /* at once; others wait in the channel */
enum { ROOM_FOR_RECORDS = 4096 }; /* so many bytes may be received together with the reply's header */

struct program {
	int used; /* this slot holds a program */
	int answered; /* its results were sent already */
	int cursor; /* the operation to go on with */
	int process; /* the one that runs a segment of it, or -1 */
	int receiver; /* the process that is to be given `in_transit`, or 0 */
	int in_transit; /* a file descriptor */
	uint32_t id, count;
	uint8_t *at; /* where the operation at the cursor is */
	struct area code, state; /* its operations; the records so far */
};

static struct program programs[PROGRAMS];
static int slots_used; /* no slot from here on held a program so far */
static int look_again; /* a process was lost: a program whose turn is over may go on */

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

/* What a child of the supervisor does. With memory of its own, it first lets go of what is ours. */
static void serve_child(struct task *task)
{
	if (!(task->flags & CLONE_VM)) {
		is_guest = 0;
		close_channel();
		SYS(close, journal_memory);
		close_processes();
		for (int i = 0; i < PROGRAMS; i++) {
			shrink(&programs[i].code);
			shrink(&programs[i].state);
		}
	}
	serve(task);
}

static void add_record(struct program *program, int op, int status, int64_t value)
{
	struct record *record = (void *)grow(&program->state, sizeof(*record));
	*record = (struct record){ op, status, 0, value };
}

static void send_results(struct program *program)
{
	send_records(program->id, program->count, &program->state);
	program->answered = 1;
}

static uint8_t *code_end(struct program *program)
{
	return program->code.base + program->code.size;
}

/* Find the parts of the operation at the cursor; returns its end. */
static uint8_t *view_at(struct program *program, struct view *view)
{
	return parse(program->at, code_end(program), view);
}

static void move_to(struct program *program, int cursor)
{
	struct view view;
	while (program->cursor < cursor && program->cursor < (int)program->count) {
		program->at = view_at(program, &view);
		program->cursor++;
	}
}

/* Note what the operation at the cursor came to; go on with the next one, or where its failure leads. */
static void settle(struct program *program, int status, int64_t value)
{
	struct view view;
	view_at(program, &view);
	add_record(program, program->cursor, status, value);
	int bad = status != DONE || failed(value);
	move_to(program, bad && view.op->on_fail > program->cursor ? view.op->on_fail : program->cursor + 1);
}

/* A process died in the middle of a segment, or has to. Its journal tells how far it came. */
static void lose(int id, int status)
{
	struct process *process = &processes[id];
	struct program *program = process->running;
	uint32_t done = __atomic_load_n(&journals[id].done, __ATOMIC_ACQUIRE);
	for (uint32_t i = 0; i < done && i < SEGMENT_OPS && !program->receiver; i++) {
		add_record(program, process->start + i, DONE, journals[id].value[i]);
		move_to(program, process->start + i + 1);
	}
	int answered = program->cursor >= process->end;
	if (status == HUNG || !process->is_thread) { /* a process may have lost only its socket */
		kill_process(id);
		await_end(id);
	}
	remove_process(process);
	program->process = -1;
	program->receiver = 0;
	look_again = 1;
	if (!answered)
		settle(program, status, 0);
}

/* A fork may end a segment, but not if the number is taken: we refuse that one ourselves. */
static int makes_new(struct view *view)
{
	return view->op->kind == OP_FORK && !processes[view->arg[0].value].exists;
}

/* The process runs these operations of the program from now on. */
static void watch(struct program *program, int id, int start, int end)
{
	struct process *process = &processes[id];
	struct view view;
	uint8_t *at = program->at;
	uint32_t shortest = UINT32_MAX; /* deadline */
	for (int i = start; i < end; i++) {
		at = parse(at, code_end(program), &view);
		shortest = view.op->deadline_ms < shortest ? view.op->deadline_ms : shortest;
	}
	process->running = program;
	process->progress = 0;
	process->check_every = shortest;
	process->start = start;
	process->end = end;
	process->progress_at = now_ms();
	process->check_at = process->progress_at + shortest;
	program->process = id;
}

/* Send a process as many operations from the cursor on as it can perform in one go. */
static void start_segment(struct program *program, int id, struct view *view)
{
	struct process *process = &processes[id];
	struct segment segment = { .state = program->state.size, .first = program->cursor,
				   .start = program->cursor, .end = program->cursor + 1,
				   .brings_fd = program->receiver > 0 };
	struct view next, last = *view;
	uint8_t *at = view_at(program, view), *op = program->at;
	int fds[MAX_FDS], passed = 0;
	journals[id].done = 0;
	while (!is_alone(last.op) && segment.end < program->count && segment.end - segment.start < SEGMENT_OPS) {
		uint8_t *behind = parse(at, code_end(program), &next);
		if (next.op->process != id || (is_alone(next.op) && !makes_new(&next)))
			break;
		op = at;
		at = behind;
		last = next;
		segment.end++;
	}
	process->fork_op = last.op->kind == OP_FORK ? op : NULL;
	if (process->fork_op)
		segment.ahead = end_ahead(&last, segment.end - 1, at, code_end(program));
	if (segment.ahead)
		journals[last.arg[0].value].done = 0;
	watch(program, id, segment.start, segment.end);
	process->ahead = segment.ahead;
	at = program->at;
	for (int i = segment.start; i < segment.end || i < segment.ahead; i++)
		at = parse(at, code_end(program), &next);
	segment.code = at - program->at;
	struct iovec parts[] = { { &segment, sizeof(segment) },
				 { program->at, segment.code },
				 { program->state.base, program->state.size } };
	if (program->receiver)
		fds[passed++] = program->in_transit;
	if (process->fresh_image) {
		fds[passed++] = journal_memory;
		segment.journal = id;
		process->fresh_image = 0;
	}
	int sent = send_with(process->control, parts, 3, fds, passed);
	if (program->receiver)
		close(program->in_transit);
	if (!sent)
		lose(id, GONE);
}

/*
 * Perform all kills that follow each other before waiting: one process may be unable to end before
 * the next one, its tracer. If nothing follows them, answer first: the host goes on meanwhile.
 */
static void kill_all(struct program *program)
{
	struct view view;
	uint8_t *at = program->at, *limit = code_end(program);
	int count = 0;
	for (; program->cursor < (int)program->count; count++) {
		view_at(program, &view);
		if (view.op->kind != OP_KILL)
			break;
		settle(program, DONE, 0);
	}
	if (program->cursor == (int)program->count)
		send_results(program);
	uint8_t *kill = at;
	for (int i = 0; i < count; i++) {
		kill = parse(kill, limit, &view);
		kill_process(view.op->process);
	}
	for (int i = 0; i < count; i++) {
		at = parse(at, limit, &view);
		int id = view.op->process;
		await_end(id);
		if (processes[id].running)
			lose(id, DIED);
		else if (processes[id].exists)
			remove_process(&processes[id]);
	}
}

/* A child of the supervisor must neither share its file descriptors nor make it wait. */
static void fork_ourselves(struct program *program, int id, uint64_t flags)
{
	int fds[MAX_FDS], refused = flags & (CLONE_FILES | CLONE_VFORK);
	long pid = refused ? -EINVAL : make_task(NULL, id, flags, serve_child, NULL, fds);
	if (!failed(pid))
		add_process(id, fds[0], fds[1]);
	settle(program, DONE, pid);
}

/* Go on with a program until it waits for a process or ends. */
static void advance(struct program *program)
{
	struct view view;
	while (program->process < 0 && program->cursor < (int)program->count) {
		view_at(program, &view);
		int id = program->receiver ? program->receiver : view.op->process;
		if (view.op->kind == OP_FORK && processes[view.arg[0].value].exists) {
			settle(program, DONE, -EEXIST);
		} else if (view.op->kind == OP_KILL) {
			kill_all(program);
		} else if (id == 0 && view.op->kind == OP_FORK) {
			fork_ourselves(program, view.arg[0].value, view.arg[1].value);
		} else if (!processes[id].exists) {
			if (program->receiver)
				close(program->in_transit);
			program->receiver = 0;
			settle(program, GONE, 0);
		} else if (processes[id].running) {
			return;
		} else {
			start_segment(program, id, &view);
		}
	}
	if (program->process < 0) {
		if (!program->answered)
			send_results(program);
		shrink(&program->code);
		shrink(&program->state);
		program->used = 0;
	}
}

/* Receive a process's reply. It may be the first of two, or be about a fork, an exec or a gift. */
static void finish_segment(int id)
{
	struct process *process = &processes[id];
	struct program *program = process->running;
	struct reply reply;
	struct view view;
	int fds[MAX_FDS];
	size_t before = program->state.size;
	grow(&program->state, ROOM_FOR_RECORDS);
	program->state.size = before;
	size_t room = process->answers_twice ? 0 : ROOM_FOR_RECORDS; /* don't read into the second reply */
	long came = receive_with(process->control, &reply, sizeof(reply), program->state.base + before, room,
				 fds);
	size_t more = came < 0 ? 0 : reply.size - sizeof(reply) - came;
	program->state.size += came < 0 ? 0 : came;
	if (came < 0 || !hear(process->control, grow(&program->state, more), more)) {
		program->state.size = before;
		lose(id, DIED);
		return;
	}
	process->running = NULL;
	program->process = -1;
	view_at(program, &view);
	struct record *first = (void *)(program->state.base + before);
	if (program->receiver) {
		program->receiver = 0;
	} else if (process->fork_op && fds[0] >= 0) {
		parse(process->fork_op, code_end(program), &view);
		struct process *child = &processes[view.arg[0].value];
		add_process(view.arg[0].value, fds[0], fds[1] >= 0 ? fds[1] : dup(process->pidfd));
		child->is_thread = fds[1] < 0;
		child->answers_twice = !!(view.arg[1].value & CLONE_VFORK);
		move_to(program, reply.next);
		if (process->ahead)
			watch(program, view.arg[0].value, program->cursor, process->ahead);
		return;
	} else if (view.op->kind == OP_EXEC && first->value == 0) {
		process->fresh_image = 1;
	} else if (view.op->kind == OP_GIVE && fds[0] >= 0) {
		program->receiver = view.arg[1].value;
		program->in_transit = fds[0];
		program->state.size = before;
		return;
	}
	move_to(program, reply.next);
	if (reply.more)
		watch(program, id, program->cursor, process->end);
}

static void take_program(void)
{
	struct frame frame;
	struct program *program = programs;
	while (program->used)
		program++;
	if (program - programs >= slots_used)
		slots_used = program - programs + 1;
	receive_program(&frame, &program->code);
	program->state.size = 0;
	*program = (struct program){ .used = 1, .process = -1, .in_transit = -1, .id = frame.id,
				     .count = frame.count, .at = program->code.base,
				     .code = program->code, .state = program->state };
}

/* Kill the process if the operation that it is in has outlived its deadline. */
static void check_deadline(int id)
{
	struct process *process = &processes[id];
	struct program *program = process->running;
	struct view view;
	uint64_t now = now_ms();
	if (!program || now < process->check_at)
		return;
	uint32_t done = __atomic_load_n(&journals[id].done, __ATOMIC_ACQUIRE);
	if (done != process->progress) {
		process->progress = done;
		process->progress_at = now;
	}
	uint8_t *at = program->at;
	for (uint32_t i = 0; i <= done && process->start + (int)i < process->end; i++)
		at = parse(at, code_end(program), &view);
	uint64_t limit = process->progress_at + view.op->deadline_ms;
	process->check_at = limit < now + process->check_every ? limit : now + process->check_every;
	if (now >= limit)
		lose(id, HUNG);
}

void supervise(int in, int out)
{
	struct pollfd waits[PROGRAMS + 1];
	struct { uint16_t version, pointer; uint32_t page; } hello = { VERSION, sizeof(void *), getpagesize() };
	open_channel(in, out);
	map_processes();
	send_frame(FRAME_HELLO, 0, 0, &hello, sizeof(hello));
	for (;;) {
		int count = 1, used = 0, timeout = -1, ids[PROGRAMS + 1];
		do {
			look_again = 0;
			for (int i = 0; i < slots_used; i++)
				if (programs[i].used)
					advance(&programs[i]);
		} while (look_again);
		for (int i = 0; i < slots_used; i++) {
			int id = programs[i].process;
			used += programs[i].used;
			if (!programs[i].used || id < 0)
				continue;
			int64_t left = processes[id].check_at - now_ms();
			left = left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : left;
			if (timeout < 0 || left < timeout)
				timeout = left;
			ids[count] = id;
			waits[count++] = (struct pollfd){ processes[id].control, POLLIN, 0 };
		}
		waits[0] = (struct pollfd){ used < PROGRAMS ? in : -1, POLLIN, 0 };
		poll(waits, count, timeout);
		for (int i = 1; i < count; i++)
			if (waits[i].revents && processes[ids[i]].running)
				finish_segment(ids[i]);
			else
				check_deadline(ids[i]);
		if (waits[0].revents)
			take_program();
	}
}
