// SPDX-License-Identifier: MIT
/* What each process has done of its segment, in memory that all of them share. */
#pragma once

#include <stdint.h>

#include "wire.h"

/* Readable by the supervisor when the process hangs or dies. */
struct journal {
	uint32_t done, zero; /* an i386 image shares it */
	int64_t value[SEGMENT_OPS];
};

extern struct journal *journals;
extern int journal_memory; /* the supervisor's descriptor of them */

void make_journals(void);
void map_journals(int memory);
