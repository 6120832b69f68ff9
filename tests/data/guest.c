// SPDX-License-Identifier: MIT
// A guest for the tests of vm/: says hello on the channel, then does what each byte asks for.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void load_all(void)
{
	struct dirent **names;
	int count = scandir("/modules", &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char path[512];
		if (names[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/modules/%s", names[i]->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
			perror(path);
		close(fd);
	}
}

static int open_port(void)
{
	for (int tries = 0; tries < 5000; tries++) {
		DIR *dir = opendir("/sys/class/virtio-ports");
		struct dirent *entry;
		while (dir && (entry = readdir(dir))) {
			char path[512], name[64] = "";
			snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
			int fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0)
				continue;
			read(fd, name, sizeof(name) - 1);
			close(fd);
			if (strcmp(name, "landproof\n"))
				continue;
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
			if (fd >= 0) {
				closedir(dir);
				return fd;
			}
		}
		if (dir)
			closedir(dir);
		usleep(1000);
	}
	return -1;
}

static void flood(void)
{
	static char text[4096];
	int fd = open("/dev/console", O_WRONLY);
	memset(text, 'x', sizeof(text));
	for (int at = 79; at < (int)sizeof(text); at += 80)
		text[at] = '\n';
	for (;;)
		write(fd, text, sizeof(text));
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "silent")) /* a word of the kernel command line */
		for (;;)
			pause();
	mkdir("/dev", 0755);
	mkdir("/sys", 0755);
	mkdir("/proc", 0755);
	mount("dev", "/dev", "devtmpfs", 0, "");
	mount("sys", "/sys", "sysfs", 0, "");
	mount("proc", "/proc", "proc", 0, "");
	load_all();
	int port = open_port();
	char byte;
	write(port, "hello\n", 6);
	while (read(port, &byte, 1) == 1) {
		if (byte == 'c' || byte == 'l') {
			int fd = open("/proc/sysrq-trigger", O_WRONLY);
			write(fd, &byte, 1);
		} else if (byte == 'f') {
			flood();
		} else if (byte == 'x') {
			return 3;
		} else {
			write(port, &byte, 1);
		}
	}
	reboot(RB_POWER_OFF);
}
