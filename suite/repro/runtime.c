/* SPDX-License-Identifier: MIT */
/* ---- What every such file has: turns and notes. ---- */

enum { REPRODUCED = 1, SET_UP_FAILED = 2, LIMIT_S = 30, HIGH_FD = 800 };

static int shared_fd = -1; /* the memory that is shared, for execve(2) */
static int passing[2] = { -1, -1 }; /* a socket pair, to pass files */

/* Processes stay until all is done, so that nobody sees what they let go of. */
static void leave(void)
{
	while (s->turn <= TURNS)
		nanosleep(&(struct timespec){ 0, 100000 }, NULL);
	syscall(SYS_exit, 0);
	for (;;)
		;
}

static void pass_turn(int turn)
{
	__atomic_store_n(&s->turn, turn, __ATOMIC_RELEASE);
}

/* @@ await_turn */
static void await_turn(int turn)
{
	while (s->turn < turn)
		nanosleep(&(struct timespec){ 0, 100000 }, NULL);
	if (s->turn > turn)
		leave();
}

/* @@ */
/* Arguments as strace(1) writes them, from how they are written in C. */
static void write_arguments(char *to, size_t room, const char *from)
{
	char ends[8] = "", *begin = to, *end = to + room - 4;
	int depth = 0, quoted = 0;
	size_t i;
	while (*from && to < end) {
		const char *brace = strstr(from, "){ ");
		if (quoted && *from == '\\') {
			*to++ = *from++;
		} else if (quoted && !strncmp(from, "\" PLACE", 7)) {
			i = snprintf(to, end - to, "%s", PLACE);
			to = i < (size_t)(end - to) ? to + i : end;
			from += 7;
			quoted = !strncmp(from, " \"", 2);
			from += quoted ? 2 : 0;
			if (!quoted && to < end)
				*to++ = '"';
			continue;
		} else if (*from == '"') {
			quoted = !quoted;
		} else if (quoted) {
		} else if (!strncmp(from, "PLACE", 5)) {
			int alone = strncmp(from, "PLACE \"", 7);
			i = snprintf(to, end - to, alone ? "\"%s\"" : "\"%s", PLACE);
			to = i < (size_t)(end - to) ? to + i : end;
			from += alone ? 5 : 7;
			quoted = !alone;
			continue;
		} else if (!strncmp(from, " | ", 3)) {
			*to++ = '|';
			from += 3;
			continue;
		} else if (brace && depth < 7 && (!strncmp(from, "(&(", 3) || !strncmp(from, "((char[])", 9))) {
			char kind = !strncmp(from, "(&(int", 6) || !strncmp(from, "(&(uint", 7) ? '[' : from[1] == '&' ? '{' : 0;
			ends[depth++] = kind == '[' ? ']' : kind ? '}' : 0;
			if (kind)
				*to++ = kind;
			from = brace + 3;
			continue;
		} else if (depth && !strncmp(from, " })", 3)) {
			if (ends[--depth])
				*to++ = ends[depth];
			from += 3;
			continue;
		} else if (*from == '.' && to > begin && (to[-1] == '{' || to[-1] == ' ')) {
			from++;
			continue;
		} else if (!strncmp(from, " = ", 3)) {
			*to++ = '=';
			from += 3;
			continue;
		} else if (!strncmp(from, "v->", 3)) {
			const struct name *found = NULL;
			for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
				if (names[i].size && !strncmp(from + 3, names[i].text, strlen(names[i].text)) &&
				    (!found || strlen(names[i].text) > strlen(found->text)))
					found = &names[i];
			if (found) {
				int small;
				long value;
				memcpy(&small, (char *)v + found->offset, sizeof(small));
				memcpy(&value, (char *)v + found->offset, found->size == sizeof(value) ? sizeof(value) : 4);
				value = found->size == sizeof(small) ? small : value;
				i = snprintf(to, end - to, value >> 32 ? "%#lx" : "%ld", value);
				to = i < (size_t)(end - to) ? to + i : end;
				from += 3 + strlen(found->text);
				continue;
			}
		}
		*to++ = *from++;
	}
	strcpy(to, *from ? "..." : ")");
}

/* Note a call before it is made, for it may end its process. */
static int tell(int process, const char *name, const char *arguments)
{
	int call = s->noted < CALLS ? s->noted++ : CALLS, size = sizeof(s->calls[call].text);
	int length = snprintf(s->calls[call].text, size, "%s(", name);
	s->calls[call].process = process;
	s->calls[call].error = -1;
	write_arguments(s->calls[call].text + length, size - length, arguments);
	return call;
}

static int note(int call, long value)
{
	int error = value == -1 ? errno : 0;
	s->calls[call].value = value;
	s->calls[call].error = error;
	return error;
}
/* @@ must MUST MUST_DO GATE GATE_DO */

static void finish(int status)
{
	s->status = status;
	s->turn = TURNS + 1;
	leave();
}

static long must(int call, long value)
{
	int error = note(call, value);
	if (error) {
		snprintf(s->why, sizeof(s->why), "%s: %s", s->calls[call].text, strerror(error));
		finish(SET_UP_FAILED);
	}
	return value;
}
/* @@ GATE GATE_DO gate */

static long gate(int call, const char *name, long value)
{
	int error = note(call, value);
	if (error && !strncmp(name, "landlock_", 9)) {
		s->came_to[OBSERVED] = (struct outcome){ "", error, 0 };
		strcpy(s->came_to[OBSERVED].refused, name);
		finish(0);
	}
	errno = error;
	return error ? must(call, value) : value;
}
/* @@ MAY MAY_DO may */

static long may(int call, long value)
{
	note(call, value);
	return value;
}
/* @@ TRY TRY_DO tried */

static long tried(int call, int action, const char *name, long value)
{
	int error = note(call, value);
	s->came_to[action] = (struct outcome){ "", error, value };
	if (error && !strncmp(name, "landlock_", 9))
		strcpy(s->came_to[action].refused, name);
	return value;
}
/* @@ TRY TRY_DO */

static long left_out(void)
{
	return -1;
}
/* @@ get */

static long get(const void *data, size_t size)
{
	int small = 0;
	long value = 0;
	if (size == 4)
		return memcpy(&small, data, 4), small;
	return memcpy(&value, data, size), value;
}
/* @@ filled */

/* A buffer of which the beginning is given; the rest is zero. */
static void *filled(void *buffer, size_t room, const void *data, size_t size)
{
	memset(buffer, 0, room);
	return memcpy(buffer, data, size);
}
/* @@ path */

/* A path with numbers in it; good for a few more calls. */
static const char *path(const char *format, ...)
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
/* @@ poke */

static long poke(long address, const void *data, size_t size)
{
	memcpy((void *)address, data, size);
	return size;
}
/* @@ peek */

static long peek(void *to, long address, size_t size)
{
	memcpy(to, (void *)address, size);
	return size;
}
/* @@ result_at */

/* A result that the kernel left in memory. */
static long result_at(long address)
{
	int value = *(volatile int *)address;
	if (value >= 0 || value < -4095)
		return value;
	errno = -value;
	return -1;
}
/* @@ */

static void begin(void (*body)(void))
{
	signal(SIGCHLD, SIG_DFL);
	body();
	leave();
}
/* @@ spawn spawn_low */

static int begin_shared(void *body)
{
	((void (*)(void))(uintptr_t)body)();
	leave();
	return 0;
}

/* @@ spawn */
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
/* @@ spawn_low */

/* A process whose memory a 32-bit call can name: its stack is low, and so is all that is static. */
static long spawn_low(void (*body)(void), unsigned long long flags)
{
	size_t size = 1 << 18;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if ((uintptr_t)&s >> 32)
		stack = MAP_FAILED, errno = ENOTSUP; /* build it with -static or -no-pie */
	return stack == MAP_FAILED ? -1 : clone(begin_shared, stack + size, flags, (void *)(uintptr_t)body);
}
/* @@ CALL32 */

/* The gate of 32-bit system calls, which a 64-bit program may take, too. */
static long call32(long number, long a, long b, long c, long d, long e, long f)
{
	register long last __asm__("r12") = f;
	__asm__ volatile("xchg %%rbp, %%r12\n\tint $0x80\n\txchg %%rbp, %%r12"
			 : "+a"(number), "+r"(last)
			 : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "memory", "cc", "r8", "r9", "r10", "r11");
	number = (int)number;
	if (number >= 0 || number < -4095)
		return number;
	errno = -number;
	return -1;
}
/* @@ await_end */

/* Wait until a process has ended, so that nobody sees what it lets go of. */
static void await_end(long pid)
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
/* @@ give take */

/* Pass an open file to whoever takes it next. */
static long give(int fd)
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

static long take(void)
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
/* @@ execute */

/* execveat(2) of this program, which goes on behind the call: see main() and resume(). */
static long execute(int at, int fd, const char *name, int flags)
{
	char environment[64], *argv[] = { "repro", NULL }, *envp[] = { environment, NULL };
	long result;
	int i, kept[] = { shared_fd, passing[0], passing[1] };
	snprintf(environment, sizeof(environment), "REPRO_AT=%d %d %d %d", at, shared_fd, passing[0],
		 passing[1]);
	for (i = 0; i < 3; i++)
		fcntl(kept[i], F_SETFD, 0);
	result = syscall(SYS_execveat, fd, name, argv, envp, flags);
	for (i = 0; i < 3; i++)
		fcntl(kept[i], F_SETFD, FD_CLOEXEC);
	return result;
}
/* @@ copy_self */

/* This program as a file of the case. */
static int copy_self(const char *to)
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
