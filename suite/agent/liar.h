// SPDX-License-Identifier: MIT
/*
 * The agent as a liar: it answers system calls in the kernel's place, by rules that the host made.
 * Layouts: lies.py has the same ones. They lie in memory as they are read, with our own byte order.
 */
#pragma once

#include <stdint.h>

enum { LIE_ANSWER, LIE_CHANGE }; /* return a value; make the call with other arguments, and hand over what it opens */
enum { WORD_ARGUMENT, WORD_MEMORY, WORD_PRIVILEGED };
enum { ARGUMENTS = 6, NO_SIZE = 0xff };

struct lie { /* one rule; its tests follow, then its changes */
	int32_t nr;
	uint8_t action, tests, changes, zero;
	int64_t answer; /* of LIE_ANSWER: a result, or -errno */
};

/*
 * A word that a rule is about. WORD_ARGUMENT: an argument. WORD_MEMORY: the 8 bytes `offset` bytes
 * behind the address that is in it; behind the end of that memory, whose size is argument `size_arg`
 * unless that is NO_SIZE, bytes are 0. WORD_PRIVILEGED: 1 if who calls has no_new_privs or
 * CAP_SYS_ADMIN, else 0.
 *
 * As a test: (word & mask) == value, or not if `negated`. As a change: word = (word & mask) | value;
 * only arguments and memory of a size can be changed.
 */
struct word {
	uint8_t kind, arg, size_arg, negated;
	uint32_t offset;
	uint64_t mask, value;
};

void serve_lies(const char *environment); /* descriptors of a seccomp listener and of the rules; never returns */
