// SPDX-License-Identifier: MIT
/* Journals: what each process has done of its segment, in memory that all processes share. */
#pragma once

#include <stdint.h>

#include "wire.h"

/* The supervisor reads it when the process hangs or dies. i386 images share it: no gaps. */
struct journal {
	uint32_t done, zero; /* how many operations are done; `zero` fills a gap */
	int64_t value[SEGMENT_OPS]; /* what they gave */
};

extern struct journal *journals; /* by the process's number */
extern int journal_memory; /* the supervisor's descriptor of their memory */

void make_journals(void); /* in the supervisor */
void map_journals(int memory); /* in an image made by execve(2), which has lost the mapping */
