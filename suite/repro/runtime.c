/* ---- What every reproducer has: processes that take turns, and a verdict. ---- */

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

static void map_shared(void)
{
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, shared_fd, 0);
	if (s == MAP_FAILED) {
		perror("mmap");
		_exit(SET_UP_FAILED);
	}
}

static int write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC), failed = fd < 0;
	if (!failed) {
		failed = write(fd, text, strlen(text)) < 0;
		close(fd);
	}
	return failed ? -1 : 0;
}

/* Private mounts, an empty /tmp and a loopback, as the case had them. */
static const char *furnish(long flags, int uid, int gid)
{
	struct ifreq loopback = { .ifr_name = "lo" };
	char map[64];
	int fd;
	if (flags & CLONE_NEWUSER) {
		write_file("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %d 1", uid);
		if (write_file("/proc/self/uid_map", map))
			return "/proc/self/uid_map";
		snprintf(map, sizeof(map), "0 %d 1", gid);
		if (write_file("/proc/self/gid_map", map))
			return "/proc/self/gid_map";
	}
	if (flags & CLONE_NEWNS) {
		if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("tmpfs", "/tmp", "tmpfs", 0, NULL))
			return "mount";
		mount("proc", "/proc", "proc", 0, NULL);
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	loopback.ifr_flags = IFF_UP;
	if (flags & CLONE_NEWNET && fd >= 0)
		ioctl(fd, SIOCSIFFLAGS, &loopback);
	close(fd);
	return NULL;
}

static void root(void);
static void resume(int step);

/* The first process of the case's own namespaces; all others end with it. */
static void live(long flags, int uid, int gid)
{
	const char *failed = furnish(flags, uid, gid);
	int waited;
	umask(022);
	if (!failed && mkdir(PLACE, 0777))
		failed = "mkdir " PLACE;
	else if (!failed)
		s->has_place = !chmod(PLACE, 0777);
	if (!failed && prepare())
		failed = "copy";
	if (failed) {
		snprintf(s->why, sizeof(s->why), "%s: %s", failed, strerror(errno));
		s->status = SET_UP_FAILED;
		_exit(0);
	}
	signal(SIGCHLD, SIG_IGN);
	s->turn = 1;
	if (!fork()) {
		root();
		leave();
	}
	for (waited = 0; s->turn <= STEPS && waited < LIMIT_S * 1000; waited++)
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	if (s->turn <= STEPS) {
		snprintf(s->why, sizeof(s->why), "step %d did not come about in %d s", s->turn, LIMIT_S);
		s->status = MAY_DIE ? REPRODUCED : SET_UP_FAILED;
	}
	s->turn = STEPS + 1;
	_exit(0);
}

static int remove_entry(const char *name, const struct stat *status, int kind, struct FTW *place)
{
	(void)status, (void)kind, (void)place;
	return remove(name);
}

static void run_in_namespaces(void)
{
	const long all = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
	const long ways[] = { all, all | CLONE_NEWUSER, 0 };
	int uid = geteuid(), gid = getegid(), i;
	for (i = 0; i < 3; i++) {
		long pid;
		s->status = 0;
		pid = syscall(SYS_clone, ways[i] | SIGCHLD, 0L, 0L, 0L, 0L);
		if (!pid) {
			setpgid(0, 0);
			live(ways[i], uid, gid);
		}
		if (pid < 0)
			continue;
		setpgid(pid, pid);
		waitpid(pid, NULL, 0);
		if (!ways[i]) {
			kill(-pid, SIGKILL);
			if (s->has_place)
				nftw(PLACE, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
		}
		if (s->turn)
			return; /* else nothing was done yet: with fewer namespaces, it may be */
		s->has_place = 0;
	}
}

static const char *error_name(int error)
{
	static const struct { int number; const char *name; } names[] = {
		{ EACCES, "EACCES" }, { EPERM, "EPERM" }, { EXDEV, "EXDEV" }, { EINVAL, "EINVAL" },
		{ EBADF, "EBADF" }, { EBADFD, "EBADFD" }, { ENOENT, "ENOENT" }, { ENOMSG, "ENOMSG" },
		{ E2BIG, "E2BIG" }, { EFAULT, "EFAULT" }, { ENOSYS, "ENOSYS" }, { EOPNOTSUPP, "EOPNOTSUPP" },
		{ EAGAIN, "EAGAIN" }, { ESRCH, "ESRCH" }, { EEXIST, "EEXIST" }, { EISDIR, "EISDIR" },
		{ ENOTDIR, "ENOTDIR" }, { ECONNREFUSED, "ECONNREFUSED" }, { EAFNOSUPPORT, "EAFNOSUPPORT" },
		{ ENOTTY, "ENOTTY" }, { EISCONN, "EISCONN" }, { EADDRINUSE, "EADDRINUSE" },
	};
	size_t i;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == error)
			return names[i].name;
	return strerror(error);
}

static void print_outcome(const char *what, struct outcome outcome)
{
	printf("%s: ", what);
	if (outcome.refused)
		printf("%s: ", outcome.refused);
	if (outcome.error)
		printf("%s (%s)\n", error_name(outcome.error), strerror(outcome.error));
	else
		printf("allowed%s\n", outcome.refused ? "?" : "");
}

static int is_as_owed(struct outcome outcome)
{
	size_t i;
	for (i = 0; i < sizeof(owed) / sizeof(owed[0]); i++)
		if (owed[i].error == outcome.error && (!HAS_VALUE || owed[i].value == outcome.value) &&
		    (owed[i].refused ? outcome.refused && !strcmp(owed[i].refused, outcome.refused) : !outcome.refused))
			return 1;
	return 0;
}

static int verdict(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	int i;
	for (i = 1; i <= STEPS; i++)
		if (s->step[i].call) {
			printf("%3d [%d] %s = %ld", i, s->step[i].process, s->step[i].call, s->step[i].value);
			printf(s->step[i].error ? " %s\n" : "\n", error_name(s->step[i].error));
		}
	if (abi != ABI)
		printf("This kernel claims ABI %ld; the file says what ABI %d owes.\n", abi < 0 ? 0 : abi, ABI);
	if (s->turn <= STEPS) {
		s->status = SET_UP_FAILED;
		if (!s->why[0])
			snprintf(s->why, sizeof(s->why), "its processes ended at step %d", s->turn);
	}
	if (s->status == SET_UP_FAILED) {
		printf("the set-up failed: %s\n", s->why);
		return SET_UP_FAILED;
	}
	if (HAS_CONTROL && s->came_to[CONTROL].error && !s->came_to[OBSERVED].refused) {
		print_outcome("the control failed", s->came_to[CONTROL]);
		return SET_UP_FAILED;
	}
	if (MAY_DIE) {
		printf("%s\n", s->status ? s->why : "the kernel has survived all calls");
		return s->status;
	}
	print_outcome("owed", owed[0]);
	print_outcome("observed", s->came_to[OBSERVED]);
	return is_as_owed(s->came_to[OBSERVED]) ? 0 : REPRODUCED;
}

static int high(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
	if (moved < 0)
		return fd;
	close(fd);
	return moved;
}

int main(void)
{
	const char *step = getenv("REPRO_STEP");
	int at, i;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (step) {
		if (sscanf(step, "%d %d %d %d", &at, &shared_fd, &passing[0], &passing[1]) != 4)
			return SET_UP_FAILED;
		for (i = 0; i < 2; i++)
			fcntl(passing[i], F_SETFD, FD_CLOEXEC);
		fcntl(shared_fd, F_SETFD, FD_CLOEXEC);
		map_shared();
		resume(at);
		leave();
	}
	shared_fd = high(syscall(SYS_memfd_create, "repro", 1));
	if (ftruncate(shared_fd, sizeof(*s)) || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, passing)) {
		perror("memfd_create");
		return SET_UP_FAILED;
	}
	for (i = 0; i < 2; i++)
		passing[i] = high(passing[i]);
	map_shared();
	run_in_namespaces();
	return verdict();
}
