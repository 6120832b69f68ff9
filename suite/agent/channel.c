// SPDX-License-Identifier: MIT
/* The channel to the host, which carries frames. */
#include "channel.h"

#include <string.h>

#include "messages.h"
#include "processes.h"
#include "program.h"
#include "raw.h"

static int channel_in, channel_out;
static int paced;
static size_t taken; /* bytes that the host was not told of yet */

void open_channel(int in, int out)
{
	channel_in = in;
	channel_out = out;
}

void close_channel(void)
{
	SYS(close, channel_in);
	SYS(close, channel_out);
}

/*
 * A serial line of User-Mode Linux is lost once more is sent than its buffer of 4096 bytes holds: its driver
 * stops to read and never begins again (arch/um/drivers/line.c, line_throttle()).
 */
void pace_channel(void)
{
	paced = 1;
}

void send_frame(uint32_t kind, uint32_t id, uint32_t count, const void *data, size_t size)
{
	struct frame frame = { sizeof(frame) - 4 + size, id, kind, count };
	char whole[SMALL_MESSAGE];
	int sent;
	if (sizeof(frame) + size <= sizeof(whole)) { /* one write: in a guest, each is an interrupt */
		memcpy(mempcpy(whole, &frame, sizeof(frame)), data, size);
		sent = say(channel_out, whole, sizeof(frame) + size);
	} else {
		sent = say(channel_out, &frame, sizeof(frame)) && say(channel_out, data, size);
	}
	if (!sent)
		end_agent(1);
}

/*
 * Cut the zeros at the end of each record's buffers: most of a buffer for a file or a message is empty, and
 * to send it can take longer than the calls. The host knows how long it was. A word stays, as a record
 * without any says that its buffers are lost.
 */
static void cut_zeros(struct area *records)
{
	uint8_t *to = records->base, *end = records->base + records->size;
	for (uint8_t *at = to; at < end;) {
		struct record *record = (void *)at;
		uint64_t *words = (void *)(record + 1);
		size_t room = PAD(record->size), left = room / sizeof(*words);
		while (left > 1 && !words[left - 1])
			left--;
		size_t kept = sizeof(*record) + left * sizeof(*words);
		record->size = left * sizeof(*words);
		memmove(to, at, kept);
		to += kept;
		at += sizeof(*record) + room;
	}
	records->size = to - records->base;
}

void send_records(uint32_t id, uint32_t count, struct area *records)
{
	cut_zeros(records);
	send_frame(FRAME_RESULTS, id, count, records->base, records->size);
}

static void refuse(const char *why)
{
	send_frame(FRAME_ERROR, 0, 0, why, strlen(why));
	end_agent(2);
}

static int hear_host(void *data, size_t size)
{
	for (char *at = data; paced && size;) {
		size_t part = size < CREDIT - taken ? size : CREDIT - taken;
		if (!hear(channel_in, at, part))
			return 0;
		at += part;
		size -= part;
		taken += part;
		if (taken == CREDIT) {
			taken = 0;
			send_frame(FRAME_CREDIT, 0, 0, NULL, 0);
		}
	}
	return hear(channel_in, data, size);
}

void receive_program(struct frame *frame, struct area *code)
{
	if (!hear_host(frame, sizeof(*frame)))
		end_agent(0);
	if (frame->kind != FRAME_PROGRAM || frame->size < sizeof(*frame) - 4 || frame->size > MAX_FRAME ||
	    frame->count > 0xffff)
		refuse("malformed frame: a header that is no program's");
	code->size = 0;
	size_t size = frame->size - (sizeof(*frame) - 4);
	if (!hear_host(grow(code, size), size))
		end_agent(0);
	if (!is_valid(code, frame->count))
		refuse("malformed frame: operations that do not fit it");
}
