// SPDX-License-Identifier: MIT
/* Messages over sockets and pipes. */
#pragma once

#include <stddef.h>
#include <sys/uio.h>

enum { PASSED = 2 };
enum { SMALL = 2048 }; /* it is better copied than written in parts */

int say(int fd, const void *data, size_t size);
int hear(int fd, void *data, size_t size);
void await_input(int fd);
int send_with(int fd, struct iovec *parts, int count, const int *fds, int passed);
long receive_with(int fd, void *head, size_t size, void *rest, size_t room, int *fds);
