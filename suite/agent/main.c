// SPDX-License-Identifier: MIT
/*
 * How the agent begins: as a child of the host's side, which speaks over stdin and stdout (also
 * through ssh); as /init of a guest; as a FUSE server; as a liar; or when a driven process executes it again.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#include "channel.h"
#include "fuse.h"
#include "journals.h"
#include "leave.h"
#include "liar.h"
#include "raw.h"
#include "serve.h"
#include "supervisor.h"
#include "watch.h"

/* Open the virtio port named landproof; -1 if there is none yet. */
static int named_port(void)
{
	char path[64], name[32];
	for (int port = 0; port < 32 * 32; port++) {
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/vport%dp%d/name", port / 32, port % 32);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		memset(name, 0, sizeof(name));
		read(fd, name, sizeof(name) - 1);
		close(fd);
		if (strncmp(name, "landproof\n", sizeof(name)))
			continue;
		snprintf(path, sizeof(path), "/dev/vport%dp%d", port / 32, port % 32);
		return open(path, O_RDWR | O_CLOEXEC);
	}
	return -1;
}

/* Say on the console, which the host reads, why nothing will be heard from us; and end. */
static void give_up(const char *why)
{
	printf("landproof: %s\n", why);
	fflush(stdout);
	leave(1);
}

/* Open a serial line, and let it carry bytes as they are. */
static int serial_line(const char *path)
{
	struct termios raw;
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || tcgetattr(fd, &raw))
		give_up("no serial line to speak by");
	cfmakeraw(&raw);
	tcsetattr(fd, TCSANOW, &raw);
	pace_channel();
	return fd;
}

/* As /init: load the modules that the channel needs, and open it. */
static int guest_channel(void)
{
	char path[300];
	struct dirent **entries;
	mount("dev", "/dev", "devtmpfs", 0, "");
	mount("sys", "/sys", "sysfs", 0, "");
	int count = scandir("/modules", &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "/modules/%s", entries[i]->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		SYS(finit_module, fd, "", 0);
		close(fd);
	}
	const char *line = getenv("LANDPROOF_LINE");
	if (line)
		return serial_line(line);
	if (access("/sys/class/virtio-ports", F_OK))
		give_up("the kernel has no virtio console to speak by");
	/* The host tells the driver the names of its ports a little after the driver is loaded. */
	for (int tries = 0; tries < 5000; tries++) {
		int fd = named_port();
		if (fd >= 0)
			return fd;
		usleep(1000);
	}
	give_up("no virtio port of that name");
	return -1;
}

/* Move the channel away from stdin or stdout, so that no driven process reads or writes it. */
static int move_channel(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3), null = open("/dev/null", O_RDWR);
	dup2(null, fd);
	if (null > 2)
		close(null);
	fcntl(moved, F_SETFL, fcntl(moved, F_GETFL) & ~O_NONBLOCK);
	return moved;
}

/* Go on as the program that somebody else has started: what it has left open below is not ours. */
static void serve_started(int index)
{
	int control = fcntl(0, F_DUPFD_CLOEXEC, 3);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	serve_new_image(control, index);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "serve"))
		serve_started(atoi(argv[2]));
	if (argc > 3 && !strcmp(argv[1], "watch"))
		watch_calls(argc - 2, argv + 2);
	const char *environment = getenv("LANDPROOF_AGENT"), *fuse = getenv("LANDPROOF_FUSE");
	const char *lies = getenv("LANDPROOF_LIES");
	if (fuse)
		serve_fuse(atoi(fuse));
	if (lies)
		serve_lies(lies);
	if (environment)
		serve_new_image(atoi(environment), atoi(environment + 10));
	make_journals();
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	is_guest = getpid() == 1;
	if (is_guest) {
		struct sched_param priority = { 0 };
		/* A reply wakes us while its process is about to wait for more: this lets it do so first. */
		SYS(sched_setscheduler, 0, SCHED_BATCH | SCHED_RESET_ON_FORK, &priority);
		int port = guest_channel();
		supervise(port, port);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans become our children: end_agent() waits for them too */
	int in = move_channel(0);
	supervise(in, move_channel(1));
}
