// SPDX-License-Identifier: MIT
/* Journals: what each process has done of its segment, in memory that all processes share. */
#include "journals.h"

#include <sys/mman.h>
#include <unistd.h>

#include "leave.h"
#include "raw.h"

struct journal *journals;
int journal_memory;

void map_journals(int memory)
{
	long base = MAP(sizeof(*journals) * PROCESSES, MAP_SHARED, memory);
	if (failed(base))
		leave(3);
	journals = (void *)base;
}

void make_journals(void)
{
	journal_memory = memfd_create("landproof", MFD_CLOEXEC);
	ftruncate(journal_memory, sizeof(*journals) * PROCESSES);
	map_journals(journal_memory);
}
