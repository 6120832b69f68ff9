/* SPDX-License-Identifier: MIT */
/* ---- Its surroundings, as the case had them, and what it came to. ---- */

static void map_shared(void)
{
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | WHERE, shared_fd, 0);
	if (s == MAP_FAILED) {
		perror("mmap");
		_exit(SET_UP_FAILED);
	}
	v = &s->given;
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
@PREPARE@	if (failed) {
		snprintf(s->why, sizeof(s->why), "%s: %s", failed, strerror(errno));
		s->status = SET_UP_FAILED;
		_exit(0);
	}
	signal(SIGCHLD, SIG_IGN); /* for it is the one who gets orphans */
	s->turn = 1;
	if (!fork())
		begin(FIRST);
	for (waited = 0; s->turn <= TURNS && waited < LIMIT_S * 1000; waited++)
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	if (s->turn <= TURNS) {
		snprintf(s->why, sizeof(s->why), "%s did not come to an end in %d s",
			 s->noted ? s->calls[s->noted - 1].text : "the first call", LIMIT_S);
		s->status = MAY_DIE ? REPRODUCED : SET_UP_FAILED;
	}
	s->turn = TURNS + 1;
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
#define NAME(name) { name, #name }
	static const struct { int number; const char *name; } errors[] = {
		NAME(EPERM), NAME(ENOENT), NAME(ESRCH), NAME(EINTR), NAME(EIO), NAME(ENXIO), NAME(E2BIG),
		NAME(ENOEXEC), NAME(EBADF), NAME(ECHILD), NAME(EAGAIN), NAME(ENOMEM), NAME(EACCES),
		NAME(EFAULT), NAME(ENOTBLK), NAME(EBUSY), NAME(EEXIST), NAME(EXDEV), NAME(ENODEV),
		NAME(ENOTDIR), NAME(EISDIR), NAME(EINVAL), NAME(ENFILE), NAME(EMFILE), NAME(ENOTTY),
		NAME(ETXTBSY), NAME(EFBIG), NAME(ENOSPC), NAME(ESPIPE), NAME(EROFS), NAME(EMLINK),
		NAME(EPIPE), NAME(ERANGE), NAME(EDEADLK), NAME(ENAMETOOLONG), NAME(ENOSYS), NAME(ENOTEMPTY),
		NAME(ELOOP), NAME(ENOMSG), NAME(ENODATA), NAME(ENOLINK), NAME(EPROTO), NAME(EBADFD),
		NAME(EOVERFLOW), NAME(EUSERS), NAME(ENOTSOCK), NAME(EDESTADDRREQ), NAME(EMSGSIZE),
		NAME(EPROTOTYPE), NAME(ENOPROTOOPT), NAME(EPROTONOSUPPORT), NAME(ESOCKTNOSUPPORT),
		NAME(EOPNOTSUPP), NAME(EAFNOSUPPORT), NAME(EADDRINUSE), NAME(EADDRNOTAVAIL),
		NAME(ENETDOWN), NAME(ENETUNREACH), NAME(ECONNABORTED), NAME(ECONNRESET), NAME(ENOBUFS),
		NAME(EISCONN), NAME(ENOTCONN), NAME(ETIMEDOUT), NAME(ECONNREFUSED), NAME(EHOSTUNREACH),
		NAME(EALREADY), NAME(EINPROGRESS), NAME(ESTALE), NAME(EDQUOT), NAME(ECANCELED),
		NAME(ENOKEY), NAME(EOWNERDEAD), NAME(EKEYREJECTED),
		NAME(EDOM), NAME(ENOLCK), NAME(EIDRM), NAME(ECHRNG), NAME(EL2NSYNC), NAME(EL3HLT),
		NAME(EL3RST), NAME(ELNRNG), NAME(EUNATCH), NAME(ENOCSI), NAME(EL2HLT), NAME(EBADE),
		NAME(EBADR), NAME(EXFULL), NAME(ENOANO), NAME(EBADRQC), NAME(EBADSLT), NAME(EBFONT),
		NAME(ENOSTR), NAME(ETIME), NAME(ENOSR), NAME(ENONET), NAME(ENOPKG), NAME(EREMOTE),
		NAME(EADV), NAME(ESRMNT), NAME(ECOMM), NAME(EMULTIHOP), NAME(EDOTDOT), NAME(EBADMSG),
		NAME(ENOTUNIQ), NAME(EREMCHG), NAME(ELIBACC), NAME(ELIBBAD), NAME(ELIBSCN),
		NAME(ELIBMAX), NAME(ELIBEXEC), NAME(EILSEQ), NAME(ERESTART), NAME(ESTRPIPE),
		NAME(EPFNOSUPPORT), NAME(ENETRESET), NAME(ESHUTDOWN), NAME(ETOOMANYREFS),
		NAME(EHOSTDOWN), NAME(EUCLEAN), NAME(ENOTNAM), NAME(ENAVAIL), NAME(EISNAM),
		NAME(EREMOTEIO), NAME(ENOMEDIUM), NAME(EMEDIUMTYPE), NAME(EKEYEXPIRED),
		NAME(EKEYREVOKED), NAME(ENOTRECOVERABLE), NAME(ERFKILL),
	};
	static char other[16];
	size_t i;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].number == error)
			return errors[i].name;
	snprintf(other, sizeof(other), "%d", error);
	return other;
}

/* Such as `EACCES`, `allowed`, `create_ruleset: EINVAL`. */
static const char *in_words(struct outcome outcome)
{
	static char text[96];
	const char *refused = outcome.refused + (outcome.refused[0] ? strlen("landlock_") : 0);
	if (outcome.error)
		snprintf(text, sizeof(text), "%s%s%s", refused, refused[0] ? ": " : "", error_name(outcome.error));
	else if (HAS_VALUE)
		snprintf(text, sizeof(text), "allowed(%ld)", outcome.value);
	else
		snprintf(text, sizeof(text), "allowed");
	return text;
}

/* @@ is_owed */
static int is_owed(struct outcome outcome)
{
	size_t i;
	for (i = 0; i < sizeof(owed) / sizeof(owed[0]); i++)
		if (owed[i].error == outcome.error && !strcmp(owed[i].refused, outcome.refused) &&
		    (!HAS_VALUE || outcome.error || owed[i].value == outcome.value))
			return 1;
	return 0;
}

/* @@ */
/* `[process] call = result`, as strace(1) writes it. */
static void print_calls(FILE *to)
{
	int i;
	for (i = 0; i < s->noted; i++) {
		fprintf(to, "[%d] %s = ", s->calls[i].process, s->calls[i].text);
		if (s->calls[i].error < 0)
			fprintf(to, "?\n");
		else if (s->calls[i].error)
			fprintf(to, "-1 %s (%s)\n", error_name(s->calls[i].error), strerror(s->calls[i].error));
		else
			fprintf(to, s->calls[i].value >> 32 ? "%#lx\n" : "%ld\n", s->calls[i].value);
	}
}

/* Why nothing is shown; NULL if something is. */
static const char *why_nothing(void)
{
	if (s->turn <= TURNS) {
		s->status = SET_UP_FAILED;
		if (!s->why[0])
			snprintf(s->why, sizeof(s->why), "its processes ended at turn %d of %d", s->turn, TURNS);
	}
	if (s->status == SET_UP_FAILED)
		return s->why;
	if (HAS_CONTROL && s->came_to[CONTROL].error && !s->came_to[OBSERVED].refused[0]) {
		snprintf(s->why, sizeof(s->why), "the control came to %s", in_words(s->came_to[CONTROL]));
		return s->why;
	}
	return NULL;
}

static int high(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
	if (moved < 0)
		return fd;
	close(fd);
	return moved;
}

/* Perform the calls; what they came to is in the shared memory. */
static void perform(void)
{
	int i;
	shared_fd = high(syscall(SYS_memfd_create, "repro", MFD_CLOEXEC));
	if (ftruncate(shared_fd, sizeof(*s)) || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, passing)) {
		perror("memfd_create");
		_exit(SET_UP_FAILED);
	}
	for (i = 0; i < 2; i++)
		passing[i] = high(passing[i]);
	map_shared();
	run_in_namespaces();
/* @@ OUTSIDE */
	/* What fails in the same way outside of the domain is not denied by it. */
	if (!s->came_to[OBSERVED].refused[0] && s->came_to[OBSERVED].error == s->came_to[OUTSIDE].error)
		s->came_to[OBSERVED].error = 0;
/* @@ */
}
/* @@ execute */

/* Go on behind an execve(2). */
static __attribute__((constructor)) void go_on(void)
{
	const char *environment = getenv("REPRO_AT");
	int at, i;
	if (!environment)
		return;
	if (sscanf(environment, "%d %d %d %d", &at, &shared_fd, &passing[0], &passing[1]) != 4)
		_exit(SET_UP_FAILED);
	for (i = 0; i < 2; i++)
		fcntl(passing[i], F_SETFD, FD_CLOEXEC);
	fcntl(shared_fd, F_SETFD, FD_CLOEXEC);
	map_shared();
	resume(at);
	leave();
}
