// SPDX-License-Identifier: MIT
/* Memory that grows. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct area {
	uint8_t *base;
	size_t size, room;
};

/* Add `more` bytes; returns where they begin. What was there may move. */
uint8_t *grow(struct area *area, size_t more);
/* Give large memory back: children would inherit it, and a fork takes longer the more pages there are. */
void shrink(struct area *area);
