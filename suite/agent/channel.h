// SPDX-License-Identifier: MIT
/* The channel to the host, which carries frames. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "area.h"
#include "wire.h"

void open_channel(int in, int out);
void close_channel(void); /* in a child of the supervisor */
void pace_channel(void); /* say so whenever so many bytes more were taken: the host waits for it */

/* These end the agent if the host is gone; the last one also if the frame is malformed. */
void send_frame(uint32_t kind, uint32_t id, uint32_t count, const void *data, size_t size);
void send_records(uint32_t id, uint32_t count, struct area *records); /* an answer, in which zeros are cut */
void receive_program(struct frame *frame, struct area *code);
