// SPDX-License-Identifier: MIT
/* A program as it lies in memory. */
#pragma once

#include <stdint.h>

#include "area.h"
#include "wire.h"

struct view { /* the parts of an operation in memory */
	struct op *op;
	struct source *arg;
	struct fix *fix;
	struct buffer *buffer[BUFFERS];
	uint8_t *data[BUFFERS];
};

uint8_t *parse(uint8_t *at, uint8_t *end, struct view *view);
int is_valid(struct area *code, uint32_t count);
int is_last(struct op *op);
int is_alone(struct op *op);
int end_ahead(struct view *fork, int index, uint8_t *at, uint8_t *limit);
