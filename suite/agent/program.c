// SPDX-License-Identifier: MIT
/* A program as it lies in memory: its operations, and which of them a process performs in one go. */
#include "program.h"

#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>

uint8_t *parse(uint8_t *at, uint8_t *end, struct view *view)
{
	struct op *op = (void *)at;
	if (end - at < (long)sizeof(*op) || op->args > 6 || op->buffers > BUFFERS || op->process >= PROCESSES ||
	    op->kind > OP_KILL)
		return NULL;
	view->op = op;
	view->arg = (void *)(op + 1);
	view->fix = (void *)(view->arg + op->args);
	at = (void *)(view->fix + op->fixes);
	if (at > end || ((op->kind == OP_PEEK || op->kind == OP_POKE) && !op->buffers))
		return NULL;
	for (int i = 0; i < op->buffers; i++) {
		struct buffer *buffer = (void *)at;
		if (end - at < (long)sizeof(*buffer))
			return NULL;
		at += sizeof(*buffer);
		size_t room = buffer->flags & BUFFER_IN ? PAD((size_t)buffer->size) : 0;
		if ((size_t)(end - at) < room || buffer->size > MAX_FRAME || !buffer->flags || buffer->flags > 3 ||
		    (op->kind == OP_PEEK && !(buffer->flags & BUFFER_OUT)) ||
		    (op->kind == OP_POKE && !(buffer->flags & BUFFER_IN)))
			return NULL;
		view->buffer[i] = buffer;
		view->data[i] = at;
		at += room;
	}
	for (int i = 0; i < op->fixes; i++)
		if (view->fix[i].buffer >= op->buffers || (view->fix[i].width != 4 && view->fix[i].width != 8) ||
		    (uint64_t)view->fix[i].offset + view->fix[i].width > view->buffer[view->fix[i].buffer]->size)
			return NULL;
	return at;
}

/* Whether a fork has what is written and read around it: see OpKind.FORK in wire.py. */
static int has_around(struct view *fork)
{
	return fork->op->args >= 3 && fork->op->buffers == 3 && fork->buffer[0]->flags == BUFFER_IN &&
	       fork->buffer[1]->flags == BUFFER_OUT && fork->buffer[2]->flags == BUFFER_IN;
}

int is_valid(struct area *code, uint32_t count)
{
	struct view view;
	size_t out = 0;
	uint8_t *at = code->base, *limit = at + code->size;
	for (uint32_t i = 0; i < count; i++) {
		at = parse(at, limit, &view);
		if (!at)
			return 0;
		struct op *op = view.op;
		if (op->kind == OP_FORK && op->buffers && !has_around(&view))
			return 0;
		int target = op->kind == OP_FORK ? 0 : op->kind == OP_GIVE ? 1 : -1;
		if (target >= 0 && (op->args < 2 || view.arg[target].kind != SOURCE_LITERAL ||
				    !view.arg[target].value || view.arg[target].value >= PROCESSES))
			return 0;
		for (int b = 0; b < op->buffers; b++)
			out += view.buffer[b]->flags & BUFFER_OUT ? PAD((size_t)view.buffer[b]->size) : 0;
		if (out > MAX_FRAME)
			return 0;
	}
	return at == limit;
}

int ends_image(struct op *op)
{
	return op->kind == OP_EXEC || (op->kind == OP_CALL && (op->nr == SYS_exit_group || op->nr == SYS_exit));
}

int is_alone(struct op *op)
{
	return op->kind >= OP_FORK || ends_image(op);
}

/* Whether a value comes from this operation. */
static int comes_from(struct source *source, int op)
{
	return (source->kind == SOURCE_RESULT || source->kind == SOURCE_DATA) && source->op == op;
}

static int refers_to(struct view *view, int op)
{
	int found = 0;
	for (int i = 0; i < view->op->args; i++)
		found |= comes_from(&view->arg[i], op);
	for (int i = 0; i < view->op->fixes; i++)
		found |= comes_from(&view->fix[i].source, op);
	return found;
}

/*
 * A forked process has a copy of its parent's program, so it performs its own operations at once, up
 * to the first that needs the fork's result. If its parent waits for its exec or exit, as after
 * vfork(2), it performs that one too: the parent can't answer before. A thread always waits to be
 * told: it could end the process before the fork is answered.
 */
int end_ahead(struct view *fork, int index, uint8_t *at, uint8_t *limit)
{
	struct view view;
	int end = index + 1, most = end + SEGMENT_OPS;
	int waits = fork->arg[1].kind != SOURCE_LITERAL || fork->arg[1].value & CLONE_THREAD;
	for (; !waits && at < limit && end < most; end++) {
		at = parse(at, limit, &view);
		if (view.op->process != fork->arg[0].value || refers_to(&view, index))
			break;
		if (is_alone(view.op)) {
			end += ends_image(view.op) && fork->arg[1].value & CLONE_VFORK;
			break;
		}
	}
	return end > index + 1 ? end : 0;
}
