// SPDX-License-Identifier: MIT
/* The channel to the host: frames. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "area.h"
#include "wire.h"

void open_channel(int in, int out);
void close_channel(void);
void send_frame(uint32_t kind, uint32_t id, uint32_t count, const void *data, size_t size);
void take_program(struct frame *frame, struct area *code);
