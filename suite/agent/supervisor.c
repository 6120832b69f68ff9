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

enum { PROGRAMS = 64, MOST_AT_ONCE = 4096 };

struct program {
	int used, answered, cursor;
	int process; /* that runs a segment of it, or -1 */
	int taking, taken; /* a file descriptor on its way to process `taking`, or -1 */
	uint32_t id, count;
	uint8_t *at; /* the operation at the cursor */
	struct area code, state;
};

static struct program programs[PROGRAMS];
static int most_programs; /* at once, so far */
static int stirred; /* a program whose turn may have passed can go on */

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

/* What a child of the supervisor does: with memory of its own, it lets go of what only we need. */
static void serve_child(struct task *task)
{
	if (!(task->flags & CLONE_VM)) {
		is_guest = 0;
		close_channel();
		SYS(close, journal_memory);
		forget_processes();
		for (int i = 0; i < PROGRAMS; i++) {
			shrink(&programs[i].code);
			shrink(&programs[i].state);
		}
	}
	serve(task);
}

static void record(struct program *program, int op, int status, int64_t value)
{
	struct record *record = (void *)grow(&program->state, sizeof(*record));
	*record = (struct record){ op, status, 0, value };
}

static void send_results(struct program *program)
{
	send_frame(FRAME_RESULTS, program->id, program->count, program->state.base, program->state.size);
	program->answered = 1;
}

static uint8_t *view_at(struct program *program, struct view *view)
{
	return parse(program->at, program->code.base + program->code.size, view);
}

static void move_to(struct program *program, int cursor)
{
	struct view view;
	while (program->cursor < cursor && program->cursor < (int)program->count) {
		program->at = view_at(program, &view);
		program->cursor++;
	}
}

/* The operation at the cursor came to this; go on with the next, or where its failure leads. */
static void settle(struct program *program, int status, int64_t value)
{
	struct view view;
	view_at(program, &view);
	record(program, program->cursor, status, value);
	int bad = status != DONE || failed(value);
	move_to(program, bad && view.op->on_fail > program->cursor ? view.op->on_fail : program->cursor + 1);
}

/* A process went away, or is sent away, in the middle of a segment. */
static void lose(int id, int status)
{
	struct process *process = &processes[id];
	struct program *program = process->running;
	uint32_t done = __atomic_load_n(&journals[id].done, __ATOMIC_ACQUIRE);
	for (uint32_t i = 0; i < done && i < SEGMENT_OPS && !program->taking; i++) {
		record(program, process->start + i, DONE, journals[id].value[i]);
		move_to(program, process->start + i + 1);
	}
	int answered = program->cursor >= process->end;
	if (status == HUNG || !process->is_thread) { /* it may have lost its socket alone */
		kill_process(id);
		await_end(id);
	}
	forget(process);
	program->process = -1;
	program->taking = 0;
	stirred = 1;
	if (!answered)
		settle(program, status, 0);
}

/* A fork may end a segment; not one that is refused. */
static int makes_new(struct view *view)
{
	return view->op->kind == OP_FORK && !processes[view->arg[0].value].known;
}

/* It runs operations of a program from now on. */
static void watch(struct program *program, int id, int start, int end)
{
	struct process *process = &processes[id];
	struct view view;
	uint8_t *at = program->at;
	uint32_t shortest = UINT32_MAX; /* progress is looked at this often */
	for (int i = start; i < end; i++) {
		at = parse(at, program->code.base + program->code.size, &view);
		shortest = view.op->deadline_ms < shortest ? view.op->deadline_ms : shortest;
	}
	process->running = program;
	process->seen = 0;
	process->step = shortest;
	process->start = start;
	process->end = end;
	process->since = now_ms();
	process->look = process->since + shortest;
	program->process = id;
}

static void start_segment(struct program *program, int id, struct view *view)
{
	struct process *process = &processes[id];
	struct segment segment = { .state = program->state.size, .first = program->cursor,
				   .start = program->cursor, .end = program->cursor + 1,
				   .taking = program->taking > 0 };
	struct view next, last = *view;
	uint8_t *at = view_at(program, view), *op = program->at;
	int fds[PASSED], passed = 0;
	journals[id].done = 0;
	while (!is_alone(last.op) && segment.end < program->count && segment.end - segment.start < SEGMENT_OPS) {
		uint8_t *behind = parse(at, program->code.base + program->code.size, &next);
		if (next.op->process != id || (is_alone(next.op) && !makes_new(&next)))
			break;
		op = at;
		at = behind;
		last = next;
		segment.end++;
	}
	process->fork = last.op->kind == OP_FORK ? op : NULL;
	if (process->fork)
		segment.ahead = end_ahead(&last, segment.end - 1, at,
					  program->code.base + program->code.size);
	if (segment.ahead)
		journals[last.arg[0].value].done = 0;
	watch(program, id, segment.start, segment.end);
	process->ahead = segment.ahead;
	at = program->at;
	for (int i = segment.start; i < segment.end || i < segment.ahead; i++)
		at = parse(at, program->code.base + program->code.size, &next);
	segment.code = at - program->at;
	struct iovec parts[] = { { &segment, sizeof(segment) },
				 { program->at, segment.code },
				 { program->state.base, program->state.size } };
	if (program->taking)
		fds[passed++] = program->taken;
	if (process->fresh_image) {
		fds[passed++] = journal_memory;
		segment.journal = id;
		process->fresh_image = 0;
	}
	int sent = send_with(process->control, parts, 3, fds, passed);
	if (program->taking)
		close(program->taken);
	if (!sent)
		lose(id, GONE);
}

/*
 * Kills that follow each other: the end of one may wait for that of the next, its tracer. Of those
 * that end a program the answer goes first: whoever waits for it has other things to do meanwhile.
 */
static void kill_all(struct program *program)
{
	struct view view;
	uint8_t *at = program->at, *end = program->code.base + program->code.size;
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
		kill = parse(kill, end, &view);
		kill_process(view.op->process);
	}
	for (int i = 0; i < count; i++) {
		at = parse(at, end, &view);
		int id = view.op->process;
		await_end(id);
		if (processes[id].running)
			lose(id, DIED);
		else if (processes[id].known)
			forget(&processes[id]);
	}
}

/* Go on with a program until it waits for a process or ends. */
static void advance(struct program *program)
{
	struct view view;
	while (program->process < 0 && program->cursor < (int)program->count) {
		view_at(program, &view);
		int id = program->taking ? program->taking : view.op->process, fds[PASSED];
		if (view.op->kind == OP_FORK && processes[view.arg[0].value].known) {
			settle(program, DONE, -EEXIST);
		} else if (view.op->kind == OP_KILL) {
			kill_all(program);
		} else if (id == 0 && view.op->kind == OP_FORK) {
			int none = view.arg[1].value & (CLONE_FILES | CLONE_VFORK); /* of these we have */
			long pid = none ? -EINVAL : make_task(NULL, view.arg[0].value, view.arg[1].value, serve_child, fds);
			if (!failed(pid))
				learn(view.arg[0].value, fds[0], fds[1]);
			settle(program, DONE, pid);
		} else if (!processes[id].known) {
			if (program->taking)
				close(program->taken);
			program->taking = 0;
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

static void finish_segment(int id)
{
	struct process *process = &processes[id];
	struct program *program = process->running;
	struct reply reply;
	struct view view;
	int fds[PASSED];
	size_t before = program->state.size;
	grow(&program->state, MOST_AT_ONCE);
	program->state.size = before;
	long came = receive_with(process->control, &reply, sizeof(reply), program->state.base + before,
				 process->answers_twice ? 0 : MOST_AT_ONCE, fds);
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
	if (program->taking) {
		program->taking = 0;
	} else if (process->fork && fds[0] >= 0) {
		parse(process->fork, program->code.base + program->code.size, &view);
		struct process *child = &processes[view.arg[0].value];
		learn(view.arg[0].value, fds[0], fds[1] >= 0 ? fds[1] : dup(process->pidfd));
		child->is_thread = fds[1] < 0;
		child->answers_twice = !!(view.arg[1].value & CLONE_VFORK);
		move_to(program, reply.next);
		if (process->ahead)
			watch(program, view.arg[0].value, program->cursor, process->ahead);
		return;
	} else if (view.op->kind == OP_EXEC && first->value == 0) {
		process->fresh_image = 1;
	} else if (view.op->kind == OP_GIVE && fds[0] >= 0) {
		program->taking = view.arg[1].value;
		program->taken = fds[0];
		program->state.size = before;
		return;
	}
	move_to(program, reply.next);
	if (reply.more)
		watch(program, id, program->cursor, process->end);
}

static void take_frame(void)
{
	struct frame frame;
	struct program *program = programs;
	while (program->used)
		program++;
	if (program - programs >= most_programs)
		most_programs = program - programs + 1;
	take_program(&frame, &program->code);
	program->state.size = 0;
	*program = (struct program){ 1, 0, 0, -1, 0, -1, frame.id, frame.count,
				     program->code.base, program->code, program->state };
}

static void check_deadline(int id)
{
	struct process *process = &processes[id];
	struct program *program = process->running;
	struct view view;
	uint64_t now = now_ms();
	if (!program || now < process->look)
		return;
	uint32_t done = __atomic_load_n(&journals[id].done, __ATOMIC_ACQUIRE);
	if (done != process->seen) {
		process->seen = done;
		process->since = now;
	}
	uint8_t *at = program->at;
	for (uint32_t i = 0; i <= done && process->start + (int)i < process->end; i++)
		at = parse(at, program->code.base + program->code.size, &view);
	uint64_t limit = process->since + view.op->deadline_ms;
	process->look = limit < now + process->step ? limit : now + process->step;
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
			stirred = 0;
			for (int i = 0; i < most_programs; i++)
				if (programs[i].used)
					advance(&programs[i]);
		} while (stirred);
		for (int i = 0; i < most_programs; i++) {
			int id = programs[i].process;
			used += programs[i].used;
			if (!programs[i].used || id < 0)
				continue;
			int64_t left = processes[id].look - now_ms();
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
			take_frame();
	}
}
