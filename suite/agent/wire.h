// SPDX-License-Identifier: MIT
/* The agent's wire format: our own byte order, no gaps, every part a multiple of 8 bytes. See wire.py. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PAD(size) (((size) + 7) & ~(size_t)7)
enum { VERSION = 2, BUFFERS = 16, MAX_FRAME = 64 << 20 };
enum { PROCESSES = 4096 }; /* their numbers are below it */
enum { SEGMENT_OPS = 62 }; /* no segment has more operations */

enum { CREDIT = 1024 }; /* bytes; see pace_channel() */

enum { FRAME_HELLO, FRAME_PROGRAM, FRAME_RESULTS, FRAME_ERROR, FRAME_CREDIT };
enum { OP_CALL, OP_PEEK, OP_POKE, OP_COUNT, OP_FORK, OP_EXEC, OP_GIVE, OP_KILL };
enum { SOURCE_LITERAL, SOURCE_RESULT, SOURCE_DATA, SOURCE_ADDRESS };
enum { BUFFER_IN = 1, BUFFER_OUT = 2 };
enum { DONE, UNRESOLVED, HUNG, DIED, GONE, NOT_MODELLED }; /* the last one we never say */

struct frame { /* between host and supervisor; `size` counts the bytes behind itself */
	uint32_t size, id;
	uint32_t kind, count;
};

struct source { /* where a value comes from: a SOURCE_ */
	uint8_t kind, width; /* SOURCE_DATA has a width of 4 or 8 bytes */
	uint16_t op, buffer, zero;
	uint64_t value; /* the literal, a number to add to the result, or an offset into buffer or data */
};

struct op {
	uint8_t kind, args, buffers, fixes;
	uint16_t process, on_fail; /* on_fail: if it fails, go on with this operation */
	uint32_t deadline_ms;
	int32_t nr;
	/* there follow `args` sources, `fixes` fixes, and `buffers` buffers, each with its data, padded */
};

struct fix { /* a value to put into a buffer before the call */
	uint16_t buffer, width;
	uint32_t offset;
	struct source source;
};

struct buffer {
	uint32_t flags, size;
};

struct record { /* what an operation gave; its out buffers follow, each padded */
	uint16_t op, status;
	uint32_t size;
	int64_t value;
};

/* From the supervisor to a process: `code` bytes of a program follow, then `state` bytes of records so far. */
struct segment {
	uint32_t code, state;
	uint16_t first; /* the operation at which the code begins */
	uint16_t start, end; /* the operations to perform: `end` is the first that is left */
	uint16_t brings_fd; /* a file descriptor that another process gives comes with it */
	uint16_t ahead; /* the process that the segment forks at its end goes on up to here by itself, or 0 */
	uint16_t journal; /* tells a new image its number; the descriptor of the journals comes last. Else 0 */
	uint32_t zero;
};

struct reply { /* from a process to the supervisor; records follow */
	uint32_t size; /* this header included */
	uint16_t next; /* the operation to go on with */
	uint16_t more; /* the process goes on with it by itself, and replies again */
};
