// SPDX-License-Identifier: MIT
/*
 * The agent as a FUSE server: it passes everything on to the folder that it stands in. A node is
 * an O_PATH descriptor, the same one for all names of a file. It has one thread, and no more
 * operations than the cases need.
 */
#include "fuse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "wire.h"

enum { NODES = 1 << 16, BIGGEST = 1 << 20, FOR_LONG_S = 3600 };

static struct node {
	uint64_t device, inode, lookups;
	int fd;
} *nodes; /* by node id; 0 is no node, FUSE_ROOT_ID the folder itself */
static int last = FUSE_ROOT_ID, channel;

static void reply(uint64_t unique, int error, const void *data, size_t size)
{
	struct fuse_out_header header = { sizeof(header) + (error ? 0 : size), -error, unique };
	struct iovec parts[] = { { &header, sizeof(header) }, { (void *)data, error ? 0 : size } };
	writev(channel, parts, 2);
}

static const char *path_of(uint64_t id)
{
	static char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", nodes[id].fd);
	return path;
}

static int attributes(int fd, struct fuse_attr *attr)
{
	struct stat stat;
	if (fstatat(fd, "", &stat, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return errno;
	*attr = (struct fuse_attr){
		.ino = stat.st_ino, .size = stat.st_size, .blocks = stat.st_blocks,
		.atime = stat.st_atime, .mtime = stat.st_mtime, .ctime = stat.st_ctime,
		.mode = stat.st_mode, .nlink = stat.st_nlink, .uid = stat.st_uid, .gid = stat.st_gid,
		.rdev = stat.st_rdev, .blksize = stat.st_blksize,
	};
	return 0;
}

/* Find or make the node of a name. The kernel counts this as a lookup, which it forgets one day. */
static int look_up(uint64_t parent, const char *name, struct fuse_entry_out *entry)
{
	struct stat stat;
	uint64_t id, free = 0;
	int fd = openat(nodes[parent].fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat))
		return errno;
	for (id = FUSE_ROOT_ID; id <= (uint64_t)last; id++)
		if (!nodes[id].lookups)
			free = free ? free : id;
		else if (nodes[id].inode == stat.st_ino && nodes[id].device == stat.st_dev)
			break;
	if (id <= (uint64_t)last) {
		close(fd);
	} else {
		id = free ? free : (uint64_t)++last;
		if (id >= NODES)
			return ENFILE;
		nodes[id] = (struct node){ stat.st_dev, stat.st_ino, 0, fd };
	}
	nodes[id].lookups++;
	*entry = (struct fuse_entry_out){ .nodeid = id, .entry_valid = FOR_LONG_S, .attr_valid = FOR_LONG_S };
	return attributes(nodes[id].fd, &entry->attr);
}

static void forget(uint64_t id, uint64_t count)
{
	if (id == FUSE_ROOT_ID || (nodes[id].lookups -= count))
		return;
	close(nodes[id].fd);
}

static int set_attributes(uint64_t id, struct fuse_setattr_in *in)
{
	const char *path = path_of(id);
	int owner = in->valid & FATTR_UID ? (int)in->uid : -1;
	int group = in->valid & FATTR_GID ? (int)in->gid : -1;
	struct timespec times[] = {
		{ in->atime, in->valid & FATTR_ATIME ? (long)in->atimensec : UTIME_OMIT },
		{ in->mtime, in->valid & FATTR_MTIME ? (long)in->mtimensec : UTIME_OMIT },
	};
	if (in->valid & FATTR_ATIME_NOW)
		times[0].tv_nsec = UTIME_NOW;
	if (in->valid & FATTR_MTIME_NOW)
		times[1].tv_nsec = UTIME_NOW;
	if (in->valid & FATTR_SIZE &&
	    (in->valid & FATTR_FH ? ftruncate(in->fh, in->size) : truncate(path, in->size)))
		return errno;
	if (in->valid & FATTR_MODE && chmod(path, in->mode & 07777))
		return errno;
	if ((owner >= 0 || group >= 0) && fchownat(nodes[id].fd, "", owner, group, AT_EMPTY_PATH))
		return errno;
	return in->valid & (FATTR_ATIME | FATTR_MTIME) && utimensat(AT_FDCWD, path, times, 0) ? errno : 0;
}

static size_t read_folder(struct fuse_read_in *in, char *out)
{
	DIR *folder = (void *)(uintptr_t)in->fh;
	struct dirent *found;
	size_t size = 0;
	seekdir(folder, in->offset);
	while ((found = readdir(folder))) {
		size_t length = strlen(found->d_name);
		struct fuse_dirent entry = { found->d_ino, telldir(folder), length, found->d_type };
		if (size + FUSE_NAME_OFFSET + PAD(length) > in->size)
			break;
		memcpy(out + size, &entry, FUSE_NAME_OFFSET);
		memcpy(out + size + FUSE_NAME_OFFSET, found->d_name, length);
		size += FUSE_DIRENT_SIZE(&entry);
	}
	return size;
}

static void answer_request(struct fuse_in_header *header, char *in, char *out)
{
	struct fuse_entry_out entry = { 0 };
	struct fuse_attr_out attr = { .attr_valid = FOR_LONG_S };
	struct fuse_open_out opened = { 0 };
	uint64_t id = header->nodeid;
	int here = nodes[id].fd, error = 0;
	const void *data = NULL;
	ssize_t size = 0;
	char *name = in;

	switch (header->opcode) {
	case FUSE_INIT: {
		static struct fuse_init_out init;
		init = (struct fuse_init_out){ .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION,
					       .max_readahead = BIGGEST, .max_write = BIGGEST / 2 };
		data = &init;
		size = sizeof(init);
		break;
	}
	case FUSE_LOOKUP:
		goto found;
	case FUSE_FORGET:
		forget(id, ((struct fuse_forget_in *)in)->nlookup);
		return;
	case FUSE_BATCH_FORGET: {
		struct fuse_batch_forget_in *batch = (void *)in;
		struct fuse_forget_one *one = (void *)(batch + 1);
		for (uint32_t i = 0; i < batch->count; i++)
			forget(one[i].nodeid, one[i].nlookup);
		return;
	}
	case FUSE_INTERRUPT:
		return;
	case FUSE_SETATTR:
		if ((error = set_attributes(id, (void *)in)))
			break;
		/* fall through */
	case FUSE_GETATTR:
		error = attributes(here, &attr.attr);
		data = &attr;
		size = sizeof(attr);
		break;
	case FUSE_READLINK:
		size = readlinkat(here, "", out, BIGGEST);
		data = out;
		error = size < 0 ? errno : 0;
		break;
	case FUSE_SYMLINK:
		error = symlinkat(in + strlen(in) + 1, here, name) ? errno : 0;
		goto found;
	case FUSE_MKNOD: {
		struct fuse_mknod_in *node = (void *)in;
		name += sizeof(*node);
		error = mknodat(here, name, node->mode, node->rdev) ? errno : 0;
		goto found;
	}
	case FUSE_MKDIR:
		name += sizeof(struct fuse_mkdir_in);
		error = mkdirat(here, name, ((struct fuse_mkdir_in *)in)->mode) ? errno : 0;
		goto found;
	case FUSE_LINK: {
		const char *old = path_of(((struct fuse_link_in *)in)->oldnodeid);
		name += sizeof(struct fuse_link_in);
		error = linkat(AT_FDCWD, old, here, name, AT_SYMLINK_FOLLOW) ? errno : 0;
		goto found;
	}
	case FUSE_UNLINK:
	case FUSE_RMDIR:
		error = unlinkat(here, name, header->opcode == FUSE_RMDIR ? AT_REMOVEDIR : 0) ? errno : 0;
		break;
	case FUSE_RENAME:
	case FUSE_RENAME2: {
		struct fuse_rename2_in *rename = (void *)in;
		int flags = header->opcode == FUSE_RENAME2 ? rename->flags : 0;
		name += header->opcode == FUSE_RENAME2 ? sizeof(*rename) : sizeof(struct fuse_rename_in);
		const char *new = name + strlen(name) + 1;
		error = syscall(SYS_renameat2, here, name, nodes[rename->newdir].fd, new, flags) ? errno : 0;
		break;
	}
	case FUSE_CREATE: {
		struct fuse_create_in *create = (void *)in;
		name += sizeof(*create);
		int fd = openat(here, name, create->flags | O_CREAT | O_CLOEXEC, create->mode);
		error = fd < 0 ? errno : look_up(id, name, &entry);
		opened.fh = fd;
		memcpy(out, &entry, sizeof(entry));
		memcpy(out + sizeof(entry), &opened, sizeof(opened));
		data = out;
		size = sizeof(entry) + sizeof(opened);
		break;
	}
	case FUSE_OPEN: {
		int fd = open(path_of(id), (((struct fuse_open_in *)in)->flags & ~O_NOFOLLOW) | O_CLOEXEC);
		opened.fh = fd;
		error = fd < 0 ? errno : 0;
		data = &opened;
		size = sizeof(opened);
		break;
	}
	case FUSE_OPENDIR: {
		DIR *folder = opendir(path_of(id));
		opened.fh = (uintptr_t)folder;
		error = folder ? 0 : errno;
		data = &opened;
		size = sizeof(opened);
		break;
	}
	case FUSE_READ: {
		struct fuse_read_in *read = (void *)in;
		size = pread(read->fh, out, read->size < BIGGEST ? read->size : BIGGEST, read->offset);
		data = out;
		error = size < 0 ? errno : 0;
		break;
	}
	case FUSE_WRITE: {
		struct fuse_write_in *write = (void *)in;
		static struct fuse_write_out written;
		ssize_t count = pwrite(write->fh, write + 1, write->size, write->offset);
		written.size = count;
		error = count < 0 ? errno : 0;
		data = &written;
		size = sizeof(written);
		break;
	}
	case FUSE_READDIR:
		size = read_folder((void *)in, out);
		data = out;
		break;
	case FUSE_RELEASE:
		close(((struct fuse_release_in *)in)->fh);
		break;
	case FUSE_RELEASEDIR:
		closedir((void *)(uintptr_t)((struct fuse_release_in *)in)->fh);
		break;
	case FUSE_FLUSH:
		break;
	case FUSE_DESTROY:
		exit(0);
	default:
		error = ENOSYS;
	}
	reply(header->unique, error, data, size);
	return;
found:
	if (!error)
		error = look_up(id, name, &entry);
	reply(header->unique, error, &entry, sizeof(entry));
}

void serve_fuse(int fd)
{
	size_t most = BIGGEST + 4096;
	char *in = malloc(most), *out = malloc(BIGGEST);
	struct rlimit limit = { NODES, NODES };
	if (setrlimit(RLIMIT_NOFILE, &limit) && !getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	umask(0); /* the kernel has applied the caller's mask */
	channel = fd;
	nodes = calloc(NODES, sizeof(*nodes));
	if (!in || !out || !nodes)
		exit(3);
	nodes[FUSE_ROOT_ID] = (struct node){ 0, 0, 1, open(".", O_PATH | O_CLOEXEC) };
	for (;;) {
		ssize_t size = read(channel, in, most);
		if (size < 0 && errno == ENODEV) /* unmounted */
			exit(0);
		if (size >= (ssize_t)sizeof(struct fuse_in_header))
			answer_request((void *)in, in + sizeof(struct fuse_in_header), out);
	}
}
