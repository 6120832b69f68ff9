// SPDX-License-Identifier: MIT
/* The agent's wire format; little-endian, packed, every part a multiple of 8 bytes. See wire.py. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PAD(size) (((size) + 7) & ~(size_t)7)
enum { VERSION = 1, BUFFERS = 16, MAX_FRAME = 64 << 20 };
enum { PROCESSES = 4096, SEGMENT_OPS = 62 }; /* a process's number is below; a segment has no more */

enum { FRAME_HELLO, FRAME_PROGRAM, FRAME_RESULTS, FRAME_ERROR };
enum { OP_CALL, OP_PEEK, OP_POKE, OP_FORK, OP_EXEC, OP_GIVE, OP_KILL };
enum { SOURCE_LITERAL, SOURCE_RESULT, SOURCE_DATA, SOURCE_ADDRESS };
enum { BUFFER_IN = 1, BUFFER_OUT = 2 };
enum { DONE, UNRESOLVED, HUNG, DIED, GONE };

struct frame { /* between host and supervisor; `size` counts what follows it */
	uint32_t size, id;
	uint32_t kind, count;
};

struct source { /* where a value comes from */
	uint8_t kind, width; /* width: of SOURCE_DATA, 4 or 8 */
	uint16_t op, buffer, zero;
	uint64_t value; /* the literal, what to add to the result, or the offset into the buffer or data */
};

struct op {
	uint8_t kind, args, buffers, fixes;
	uint16_t process, on_fail; /* on_fail: the operation to go on with after a failure */
	uint32_t deadline_ms;
	int32_t nr;
	/* then args sources, fixes, buffers with their data padded */
};

struct fix { /* put a value into a buffer before the call */
	uint16_t buffer, width;
	uint32_t offset;
	struct source source;
};

struct buffer {
	uint32_t flags, size;
};

struct record { /* what an operation gave; then the out buffers, each padded */
	uint16_t op, status;
	uint32_t size;
	int64_t value;
};

struct segment { /* from the supervisor to a process: its part of a program and records so far follow */
	uint32_t code, state;
	uint16_t first; /* the operation that the part begins with */
	uint16_t start, end, taking;
	uint16_t ahead; /* how far the process that it forks goes on without being told, or 0 */
	uint16_t journal; /* its number, for a new image: all of them come last with the descriptors */
	uint32_t zero;
};

struct reply { /* from a process to the supervisor: records follow */
	uint32_t size; /* with this header */
	uint16_t next;
	uint16_t more; /* it goes on there without being told */
};
