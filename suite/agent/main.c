// SPDX-License-Identifier: MIT
/*
 * How the agent begins: as a child of the host's side (over stdin and stdout; over ssh the same
 * way), as /init of a guest, or again by execve(2) of a process that it drives.
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
#include <unistd.h>

#include "fuse.h"
#include "journals.h"
#include "leave.h"
#include "raw.h"
#include "serve.h"
#include "supervisor.h"

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

/* As /init: load the modules that the channel needs, and open the port named landproof. */
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
	/* The driver learns the names of its ports from the host a little after it is loaded. */
	for (int tries = 0; tries < 5000; tries++) {
		int fd = named_port();
		if (fd >= 0)
			return fd;
		usleep(1000);
	}
	printf("landproof: no virtio port of that name\n");
	leave(1);
	return -1;
}

/* Keep stdin and stdout free of the channel, so that no process writes into it. */
static int move_channel(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3), null = open("/dev/null", O_RDWR);
	dup2(null, fd);
	if (null > 2)
		close(null);
	fcntl(moved, F_SETFL, fcntl(moved, F_GETFL) & ~O_NONBLOCK);
	return moved;
}

int main(void)
{
	const char *environment = getenv("LANDPROOF_AGENT"), *fuse = getenv("LANDPROOF_FUSE");
	if (fuse)
		serve_fuse(atoi(fuse));
	if (environment)
		go_on_serving(environment);
	make_journals();
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	is_guest = getpid() == 1;
	if (is_guest) {
		struct sched_param none = { 0 };
		SYS(sched_setscheduler, 0, SCHED_BATCH | SCHED_RESET_ON_FORK, &none);
		int port = guest_channel();
		supervise(port, port);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* whose parent died ends with us too */
	int in = move_channel(0);
	supervise(in, move_channel(1));
}
