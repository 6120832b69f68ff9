/* SPDX-License-Identifier: MIT */
/* ---- Its surroundings, as the case had them, and its verdict. ---- */

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
