// SPDX-License-Identifier: MIT
/* Memory that grows. */
#include "area.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "leave.h"
#include "raw.h"

enum { LARGE = 16 << 10 }; /* less is kept for the next use */

/*
 * A task that shares memory may be killed between any two instructions, and the next task of its id
 * goes on with its areas. So the compiler must not reorder what is written to them.
 */
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
		BARRIER(); /* if the task is killed here, the next one finds no room and maps anew */
		area->base = (void *)base;
		BARRIER();
		area->room = room;
		if (old.base)
			SYS(munmap, old.base, old.room);
	}
	area->size = need;
	return area->base + need - more;
}

void shrink(struct area *area)
{
	if (area->size > LARGE) {
		struct area old = *area;
		*area = (struct area){ 0 };
		BARRIER();
		SYS(munmap, old.base, old.room);
	}
}
