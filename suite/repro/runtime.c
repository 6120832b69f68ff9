/* SPDX-License-Identifier: MIT */
/* ---- What every reproducer has: processes that take turns. ---- */

enum { CONTROL, OBSERVED, OTHER, GROUPS };
enum { REPRODUCED = 1, SET_UP_FAILED = 2, LIMIT_S = 30, HIGH_FD = 800 };

struct outcome {
	const char *refused; /* the call of Landlock that refused its arguments */
	int error;           /* 0 if all calls succeeded */
	long value;          /* of the last call */
};

/* What the kernel owes: any of these. */
static const struct outcome owed[] = {
@OWED@
};

/* What all processes share. A step is a call; whoever has the turn makes the next one. */
static struct shared {
	volatile int turn, status, has_place;
	struct outcome came_to[GROUPS];
	struct { int process, error; const char *call; long value; } step[STEPS + 1];
	char why[200];
	struct variables v;
} *s;

static int shared_fd, passing[2]; /* the memory itself, for execve(2); a socket pair, to pass files */

static void leave(void)
{
	while (s->turn <= STEPS)
		nanosleep(&(struct timespec){ 0, 100000 }, NULL);
	syscall(SYS_exit, 0);
	for (;;)
		;
}

static __attribute__((unused)) void finish(int status)
{
	s->status = status;
	s->turn = STEPS + 1;
	leave();
}

/* Wait for the turn of a step. It is never this step's turn if others of its action have failed. */
static __attribute__((unused)) int my_turn(int step)
{
	while (s->turn < step)
		nanosleep(&(struct timespec){ 0, 100000 }, NULL);
	return s->turn == step;
}

static __attribute__((unused)) void pass_turn(int step)
{
	__atomic_store_n(&s->turn, step, __ATOMIC_RELEASE);
}

static int note(int step, int process, const char *call, long value)
{
	int error = value == -1 ? errno : 0;
	s->step[step].process = process;
	s->step[step].call = call;
	s->step[step].value = value;
	s->step[step].error = error;
	return error;
}

/* A call that has to succeed, or nothing is shown. */
static __attribute__((unused)) int must(int step, int process, const char *call, long value)
{
	int error = note(step, process, call, value);
	if (error) {
		snprintf(s->why, sizeof(s->why), "step %d: %s: %s", step, call, strerror(error));
		finish(SET_UP_FAILED);
	}
	return 1;
}

/* A call that may fail; whether it did is of no matter. */
static __attribute__((unused)) int may(int step, int process, const char *call, long value)
{
	note(step, process, call, value);
	return 1;
}

/* A call on the way into a domain: if Landlock refuses, that is what the case comes to. */
static __attribute__((unused)) int gate(int step, int process, const char *call, long value)
{
	int error = note(step, process, call, value);
	if (error && !strncmp(call, "landlock_", 9)) {
		s->came_to[OBSERVED] = (struct outcome){ call, error, 0 };
		finish(0);
	} else if (error) {
		must(step, process, call, value);
	}
	return 1;
}

/* A call of an action; what the first one that fails gives is what the action comes to. */
static __attribute__((unused)) int tried(int step, int process, int group, const char *call, long value)
{
	int error = note(step, process, call, value);
	const char *refused = error && !strncmp(call, "landlock_", 9) ? call : NULL;
	s->came_to[group] = (struct outcome){ refused, error, value };
	return !error;
}

static __attribute__((unused)) long get(const void *data, size_t size)
{
	int small = 0;
	long value = 0;
	if (size == 4)
		return memcpy(&small, data, 4), small;
	return memcpy(&value, data, size), value;
}

static __attribute__((unused)) void *filled(void *buffer, const void *data, size_t size)
{
	return memcpy(buffer, data, size);
}

/* A path with numbers in it; good for a few more calls. */
static __attribute__((unused, format(printf, 1, 2))) const char *path(const char *format, ...)
{
	static char paths[8][4096];
	static int next;
	char *to = paths[next++ % 8];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(to, sizeof(paths[0]), format, arguments);
	va_end(arguments);
	return to;
}

static __attribute__((unused)) long poke(long address, const void *data, size_t size)
{
	memcpy((void *)address, data, size);
	return size;
}

static __attribute__((unused)) long peek(void *to, long address, size_t size)
{
	memcpy(to, (void *)address, size);
	return size;
}

/* A result that the kernel left in memory. */
static __attribute__((unused)) long result_at(long address)
{
	int value = *(volatile int *)address;
	if (value >= 0 || value < -4095)
		return value;
	errno = -value;
	return -1;
}

static void begin(void (*body)(void))
{
	signal(SIGCHLD, SIG_DFL);
	body();
	leave();
}

static __attribute__((unused)) int begin_shared(void *body)
{
	((void (*)(void))(uintptr_t)body)();
	leave();
	return 0;
}

/* clone(2), or clone3(2) where its flags need that: a process, or a thread, that does `body`. */
static long spawn(void (*body)(void), unsigned long long flags)
{
	uint64_t arguments[8] = { flags & ~0xffull, 0, 0, 0, flags & 0xff, 0, 0, 0 };
	size_t size = 1 << 18;
	long pid;
	if (flags & CLONE_VM) {
		char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		return stack == MAP_FAILED ? -1 : clone(begin_shared, stack + size, flags, (void *)(uintptr_t)body);
	}
	if (flags >> 32)
		pid = syscall(SYS_clone3, arguments, sizeof(arguments));
	else
		pid = syscall(SYS_clone, flags, 0L, 0L, 0L, 0L);
	if (!pid)
		begin(body);
	return pid;
}

/* Wait until a process has ended, so that nobody sees what it lets go of. */
static __attribute__((unused)) void await_end(long pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);
	struct pollfd entry = { fd, POLLIN, 0 };
	if (fd < 0)
		nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
	else
		poll(&entry, 1, 1000 * LIMIT_S);
	if (fd >= 0)
		close(fd);
}

/* Pass an open file to whoever takes it next. */
static __attribute__((unused)) long give(int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec vector = { "x", 1 };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(passing[0], &message, 0);
}

static __attribute__((unused)) long take(void)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte;
	struct iovec vector = { &byte, 1 };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	int fd = -1;
	if (recvmsg(passing[1], &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* execveat(2) of this program, which goes on behind the step. */
static __attribute__((unused)) long execute(int step, int fd, const char *name, int flags)
{
	char environment[64], *argv[] = { "repro", NULL }, *envp[] = { environment, NULL };
	long result;
	int i, kept[] = { shared_fd, passing[0], passing[1] };
	snprintf(environment, sizeof(environment), "REPRO_STEP=%d %d %d %d", step, shared_fd, passing[0],
		 passing[1]);
	for (i = 0; i < 3; i++)
		fcntl(kept[i], F_SETFD, 0);
	result = syscall(SYS_execveat, fd, name, argv, envp, flags);
	for (i = 0; i < 3; i++)
		fcntl(kept[i], F_SETFD, FD_CLOEXEC);
	return result;
}

/* This program as a file of the case. */
static __attribute__((unused)) int copy_self(const char *to)
{
	static char buffer[1 << 16];
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	ssize_t size = -1;
	while (in >= 0 && out >= 0 && (size = read(in, buffer, sizeof(buffer))) > 0)
		if (write(out, buffer, size) != size)
			break;
	close(in);
	close(out);
	return size ? -1 : 0;
}
