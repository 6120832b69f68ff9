// SPDX-License-Identifier: MIT
/* A program as it lies in memory: its operations, and which of them a process performs in one go. */
#pragma once

#include <stdint.h>

#include "area.h"
#include "wire.h"

struct view { /* where the parts of an operation are */
	struct op *op;
	struct source *arg;
	struct fix *fix;
	struct buffer *buffer[BUFFERS];
	uint8_t *data[BUFFERS];
};

/* Find the parts of the operation at `at`. Returns its end, or NULL if it does not fit before `end`. */
uint8_t *parse(uint8_t *at, uint8_t *end, struct view *view);
/* Whether the code is `count` operations and nothing else, and their results fit a frame. */
int is_valid(struct area *code, uint32_t count);
/* An exec or exit: the process answers first, for what came before: its image can't afterwards. */
int ends_image(struct op *op);
/* Whether the operation has to be a segment of its own. (A fork may also end one.) */
int is_alone(struct op *op);
/*
 * How far a forked process goes on by itself: the end of its operations, or 0 if it waits to be told.
 * `fork` is operation number `index`; the operations behind it are from `at` to `limit`.
 */
int end_ahead(struct view *fork, int index, uint8_t *at, uint8_t *limit);
