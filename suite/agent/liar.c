// SPDX-License-Identifier: MIT
/*
 * The agent as a liar: it answers system calls in the kernel's place, by rules that the host made.
 *
 * Source: Documentation/userspace-api/seccomp_filter.rst, "Userspace Notification";
 * seccomp_unotify(2).
 */
#include "liar.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "leave.h"
#include "raw.h"

enum { ROOM_FOR_RULES = 1 << 16, ROOM_FOR_MEMORY = 4096 };

static uint8_t rules[ROOM_FOR_RULES];
static size_t rules_size;

/* Read memory of who called; 1 if all of it could be read. */
static int read_theirs(pid_t pid, uint64_t address, void *to, size_t size)
{
	struct iovec ours = { to, size }, theirs = { (void *)(uintptr_t)address, size };
	return process_vm_readv(pid, &ours, 1, &theirs, 1, 0) == (ssize_t)size;
}

/* How many bytes of a word of memory there are; its caller may know a shorter struct. */
static size_t bytes_there(const struct seccomp_notif *call, const struct word *word)
{
	uint64_t size = word->size_arg == NO_SIZE ? UINT64_MAX : call->data.args[word->size_arg];
	if (size <= word->offset)
		return 0;
	return size - word->offset < sizeof(uint64_t) ? size - word->offset : sizeof(uint64_t);
}

/* The number behind a name in /proc/PID/status; 0 if it can't be read. */
static uint64_t status_of(const char *status, const char *name, int base)
{
	const char *found = strstr(status, name);
	return found ? strtoull(found + strlen(name), NULL, base) : 0;
}

/* Whether a thread has no_new_privs or CAP_SYS_ADMIN: one of them is needed where rights are only given up. */
static int is_privileged(pid_t pid)
{
	char path[32], status[4096];
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = read(fd, status, sizeof(status) - 1);
	close(fd);
	status[size < 0 ? 0 : size] = 0;
	return status_of(status, "\nNoNewPrivs:", 10) ||
	       status_of(status, "\nCapEff:", 16) >> CAP_SYS_ADMIN & 1;
}

/* The value of a word; 0 if it is in memory that can't be read. */
static int load(const struct seccomp_notif *call, const struct word *word, uint64_t *value)
{
	*value = word->kind == WORD_ARGUMENT ? call->data.args[word->arg] : 0;
	if (word->kind == WORD_PRIVILEGED)
		*value = is_privileged(call->pid);
	if (word->kind != WORD_MEMORY)
		return 1;
	size_t there = bytes_there(call, word);
	return !there || read_theirs(call->pid, call->data.args[word->arg] + word->offset, value, there);
}

/* Whether a test holds. None does whose memory can't be read: what that gives is for the kernel to say. */
static int holds(const struct seccomp_notif *call, const struct word *test)
{
	uint64_t value;
	return load(call, test, &value) && ((value & test->mask) == test->value) != test->negated;
}

static const struct word *words_of(const struct lie *lie)
{
	return (const void *)(lie + 1);
}

/* The first rule that is about the call, or NULL. */
static const struct lie *find(const struct seccomp_notif *call)
{
	const uint8_t *at = rules;
	while (at < rules + rules_size) {
		const struct lie *lie = (const void *)at;
		int applies = lie->nr == call->data.nr;
		for (int i = 0; i < lie->tests && applies; i++)
			applies = holds(call, &words_of(lie)[i]);
		if (applies)
			return lie;
		at += sizeof(*lie) + (lie->tests + lie->changes) * sizeof(struct word);
	}
	return NULL;
}

/* Hand over a file that we opened; its number there, or -errno. */
static long hand_over(int listener, uint64_t id, int fd)
{
	struct seccomp_notif_addfd add = { .id = id, .srcfd = fd, .newfd_flags = O_CLOEXEC };
	long number = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	long result = number < 0 ? -errno : number;
	close(fd);
	return result;
}

/* Change words of a call: the arguments, and a copy of memory. 0 if that memory can't be read. */
static int change(const struct seccomp_notif *call, const struct lie *lie, uint64_t *args)
{
	static _Alignas(uint64_t) uint8_t memory[ROOM_FOR_MEMORY];
	for (int i = 0; i < lie->changes; i++) {
		const struct word *word = &words_of(lie)[lie->tests + i];
		uint64_t value = 0, size;
		if (word->kind == WORD_ARGUMENT) {
			args[word->arg] = (args[word->arg] & word->mask) | word->value;
			continue;
		}
		size = call->data.args[word->size_arg];
		if (args[word->arg] != (uintptr_t)memory) {
			if (size > sizeof(memory) || !read_theirs(call->pid, args[word->arg], memory, size))
				return 0;
			args[word->arg] = (uintptr_t)memory;
		}
		size = bytes_there(call, word);
		if (!size)
			continue;
		memcpy(&value, memory + word->offset, size);
		value = (value & word->mask) | word->value;
		memcpy(memory + word->offset, &value, size);
	}
	return 1;
}

/* Answer a call by the rule that is about it; else let the kernel make it. */
static void answer(int listener, const struct seccomp_notif *call)
{
	const struct lie *lie = find(call);
	struct seccomp_notif_resp response = { .id = call->id };
	uint64_t args[ARGUMENTS];
	long result = 0;
	memcpy(args, call->data.args, sizeof(args));
	if (lie && lie->action == LIE_ANSWER) {
		result = lie->answer;
	} else if (lie && change(call, lie, args)) {
		result = raw(lie->nr, args[0], args[1], args[2], args[3], args[4], args[5]);
		if (!failed(result))
			result = hand_over(listener, call->id, result);
	} else {
		response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	}
	if (failed(result))
		response.error = result;
	else
		response.val = result;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response); /* in vain if who called is dead */
}

void serve_lies(const char *environment)
{
	/* A later kernel may write more than we know. */
	static union { struct seccomp_notif call; uint8_t room[4096]; } heard;
	int listener, source;
	if (sscanf(environment, "%d %d", &listener, &source) != 2)
		leave(1);
	ssize_t size = pread(source, rules, sizeof(rules), 0);
	if (size < 0)
		leave(1);
	rules_size = size;
	close(source);
	struct pollfd called = { listener, POLLIN, 0 };
	for (;;) {
		poll(&called, 1, -1);
		if (called.revents & (POLLHUP | POLLERR)) /* nobody is left who could call */
			leave(0);
		memset(&heard, 0, sizeof(heard));
		if (!ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &heard.call))
			answer(listener, &heard.call);
		else if (errno != EINTR && errno != ENOENT)
			leave(1);
	}
}
