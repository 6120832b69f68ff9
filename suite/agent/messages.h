// SPDX-License-Identifier: MIT
/* Messages over sockets and pipes. */
#pragma once

#include <stddef.h>
#include <sys/uio.h>

enum { MAX_FDS = 2 }; /* that go with one message */
enum { SMALL_MESSAGE = 2048 }; /* up to so many bytes, it is cheaper to copy the parts together */

/* Write, or read, all of it; 0 if the other end is gone. */
int say(int fd, const void *data, size_t size);
int hear(int fd, void *data, size_t size);

/* Wait with poll(2): unlike a recvmsg(2) that waits, it is not woken when the other end only reads. */
void await_input(int fd);

/*
 * Send parts as one message, so that the receiver wakes once, and `passed` file descriptors with it;
 * 0 if the other end is gone. The parts are changed.
 */
int send_with(int fd, struct iovec *parts, int count, const int *fds, int passed);

/*
 * Receive a header of `size` bytes and the file descriptors that came with it (-1 for none). Into
 * `rest` goes what has come behind the header by now, up to `room` bytes. Returns how many these
 * are, or -1 if the other end is gone.
 */
long receive_with(int fd, void *head, size_t size, void *rest, size_t room, int *fds);
