// SPDX-License-Identifier: MIT
/* Memory that grows; raw system calls only, see raw.h. */
#include "area.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "leave.h"
#include "raw.h"

enum { LARGE = 16 << 10 };

/* One task may be killed anywhere, and another go on with its memory. */
#define BARRIER() __atomic_signal_fence(__ATOMIC_SEQ_CST)

uint8_t *grow(struct area *area, size_t more)
{
	size_t need = area->size + more;
	if (need > area->room) {
		size_t room = (need + (64 << 10)) & ~(size_t)0xfff;
		long base = MAP(room, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		if (failed(base))
			leave(3);
		struct area old = *area;
		if (old.base)
			memcpy((void *)base, old.base, old.size);
		area->room = 0;
		BARRIER(); /* one killed here leaves it to the next at this place */
		area->base = (void *)base;
		BARRIER();
		area->room = room;
		if (old.base)
			SYS(munmap, old.base, old.room);
	}
	area->size = need;
	return area->base + need - more;
}

/* Give large memory back: every child would inherit it, and a fork takes as long as there are pages. */
void shrink(struct area *area)
{
	if (area->size > LARGE) {
		struct area old = *area;
		*area = (struct area){ 0 };
		BARRIER();
		SYS(munmap, old.base, old.room);
	}
}
