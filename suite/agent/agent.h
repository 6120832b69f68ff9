// SPDX-License-Identifier: MIT
/* What main.c, the supervisor (agent.c) and the processes it drives (tasks.c, serve.c) share. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "raw.h"
#include "wire.h"

enum { PROCESSES = 4096, SEGMENT_OPS = 62, PASSED = 2 };
enum { SMALL = 2048 }; /* it is better copied than written in parts */

/* What a process has done of its segment, readable by the supervisor when it hangs or dies. */
struct journal {
	uint32_t done, zero; /* an i386 image shares it */
	int64_t value[SEGMENT_OPS];
};

struct area { /* memory that grows */
	uint8_t *base;
	size_t size, room;
};

struct task { /* a served process or thread */
	int control;
	struct journal *journal;
	struct area in, out;
	struct segment segment;
	int files; /* the id of who made its table of files */
	int brief; /* its parent waits until it execs or exits */
	int other, copied; /* to close: the other end of `control`, and of this table what let_go() says */
	uint64_t flags; /* of clone(2), if it shares memory */
};

extern int is_guest;
extern struct journal *journals;
extern int journal_memory; /* the supervisor's descriptor of them */

/* One task may be killed anywhere, and another go on with its memory. */
#define BARRIER() __atomic_signal_fence(__ATOMIC_SEQ_CST)

static inline int failed(int64_t value)
{
	return value < 0 && value >= -4095;
}

void leave(int status);
void map_journals(int memory);
int say(int fd, const void *data, size_t size);
int hear(int fd, void *data, size_t size);
uint8_t *grow(struct area *area, size_t more);
void shrink(struct area *area);
int send_with(int fd, struct iovec *parts, int count, const int *fds, int passed);
long receive_with(int fd, void *head, size_t size, void *rest, size_t room, int *fds);
uint8_t *parse(uint8_t *at, uint8_t *end, struct view *view);
int is_valid(struct area *code, uint32_t count);
int is_last(struct op *op);
int is_alone(struct op *op);
int end_ahead(struct view *fork, int index, uint8_t *at, uint8_t *limit);
void hold(struct task *task, int files);
void release(struct task *task);
long make_task(struct task *parent, int id, uint64_t flags, int *fds);
void answer(struct task *task, struct reply reply, const int *fds);
void serve(struct task *task);
void supervise(int in, int out);
void serve_fuse(int fd); /* for good */
void forget_channels(void); /* in a child of the supervisor: let go of what only it needs */
