// SPDX-License-Identifier: MIT
/* Messages over sockets and pipes. */
#include "messages.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "raw.h"

int say(int fd, const void *data, size_t size)
{
	for (const char *at = data; size;) {
		long n = SYS(write, fd, at, size);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			return 0;
		at += n;
		size -= n;
	}
	return 1;
}

int hear(int fd, void *data, size_t size)
{
	for (char *at = data; size;) {
		long n = SYS(read, fd, at, size);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			return 0;
		at += n;
		size -= n;
	}
	return 1;
}

static int send_small(int fd, struct iovec *parts, int count, size_t size)
{
	char whole[SMALL_MESSAGE], *at = whole;
	for (int i = 0; i < count; i++)
		at = mempcpy(at, parts[i].iov_base, parts[i].iov_len);
	long n;
	do
		n = SYS(sendto, fd, whole, size, MSG_NOSIGNAL, 0, 0);
	while (n == -EINTR);
	return n == (long)size; /* a stream socket sends so little as a whole */
}

int send_with(int fd, struct iovec *parts, int count, const int *fds, int passed)
{
	char control[CMSG_SPACE(MAX_FDS * sizeof(int))] = { 0 };
	struct msghdr msg = { 0 };
	size_t size = 0;
	for (int i = 0; i < count; i++)
		size += parts[i].iov_len;
	if (!passed && size <= SMALL_MESSAGE)
		return send_small(fd, parts, count, size);
	if (passed) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(passed * sizeof(int));
		struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(passed * sizeof(int));
		memcpy(CMSG_DATA(head), fds, passed * sizeof(int));
	}
	while (count) {
		msg.msg_iov = parts;
		msg.msg_iovlen = count;
		long n = SYS(sendmsg, fd, &msg, MSG_NOSIGNAL);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			return 0;
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
		for (; count && (size_t)n >= parts->iov_len; parts++, count--)
			n -= parts->iov_len;
		if (count) {
			parts->iov_base = (char *)parts->iov_base + n;
			parts->iov_len -= n;
		}
	}
	return 1;
}

void await_input(int fd)
{
	struct pollfd wait = { fd, POLLIN, 0 };
	SYS(ppoll, &wait, 1, 0, 0, 0);
}

long receive_with(int fd, void *head, size_t size, void *rest, size_t room, int *fds)
{
	char control[CMSG_SPACE(MAX_FDS * sizeof(int))];
	struct iovec iov[] = { { head, size }, { rest, room } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	msg.msg_control = control;
	msg.msg_controllen = sizeof(control);
	long n;
	while ((n = SYS(recvmsg, fd, &msg, MSG_DONTWAIT)) == -EINTR || n == -EAGAIN)
		await_input(fd);
	if (n <= 0)
		return -1;
	struct cmsghdr *first = CMSG_FIRSTHDR(&msg);
	fds[0] = fds[1] = -1;
	if (first && first->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(first), first->cmsg_len - CMSG_LEN(0));
	if ((size_t)n >= size)
		return n - size;
	return hear(fd, (char *)head + n, size - n) ? 0 : -1;
}
