// SPDX-License-Identifier: MIT
/* Memory that grows. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct area {
	uint8_t *base;
	size_t size, room;
};

uint8_t *grow(struct area *area, size_t more);
void shrink(struct area *area);
