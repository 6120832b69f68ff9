// SPDX-License-Identifier: MIT
/*
 * landproof's agent: performs system calls on a target on the host's behalf. No Landlock here.
 *
 * This is the supervisor. It speaks frames with the host and runs programs. A program is a list of
 * operations, each addressed to a process; every run of operations for one process (a segment)
 * goes to that process over its control socket. Layouts: wire.h, and wire.py on the host.
 *
 * Where it runs: as a child (stdin and stdout), over ssh the same way, or as /init of a guest.
 */
#include "agent.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/mount.h>
#include <time.h>

enum { PROGRAMS = 64 };

struct program {
	int used, cursor;
	int process; /* that runs a segment of it, or -1 */
	int taking, taken; /* a file descriptor on its way to process `taking`, or -1 */
	uint32_t id, count;
	uint8_t *at; /* the operation at the cursor */
	struct area code, state;
};

struct process {
	int known, control, pidfd;
	int fresh_image; /* execve(2) took its journal: hand it one operation at a time */
	int start, end; /* the segment that it runs for `running` */
	struct program *running;
	uint32_t seen;
	uint64_t deadline;
};

int is_guest;
struct journal *journals;
static struct process processes[PROCESSES];
static struct program programs[PROGRAMS];
static int channel_in, channel_out;

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

static void end(int status)
{
	for (int i = 0; i < PROCESSES; i++)
		if (processes[i].known && processes[i].pidfd >= 0)
			SYS(pidfd_send_signal, processes[i].pidfd, SIGKILL, 0, 0);
	while (!is_guest && SYS(wait4, -1, 0, 0, 0) != -ECHILD)
		; /* when we are gone, all of it is */
	leave(status);
}

static void send_frame(uint32_t kind, uint32_t id, uint32_t count, const void *data, size_t size)
{
	struct frame frame = { sizeof(frame) - 4 + size, id, kind, count };
	if (!say(channel_out, &frame, sizeof(frame)) || !say(channel_out, data, size))
		end(1);
}

static void refuse(const char *why)
{
	send_frame(FRAME_ERROR, 0, 0, why, strlen(why));
	end(2);
}

void forget_channels(void)
{
	is_guest = 0;
	SYS(close, channel_in);
	SYS(close, channel_out);
	for (int i = 0; i < PROCESSES; i++)
		if (processes[i].known)
			SYS(close, processes[i].control), SYS(close, processes[i].pidfd);
}

static void forget(struct process *process)
{
	close(process->control);
	if (process->pidfd >= 0)
		close(process->pidfd);
	memset(process, 0, sizeof(*process));
}

static void learn(int id, int control, int pidfd)
{
	processes[id] = (struct process){ .known = 1, .control = control, .pidfd = pidfd };
}

static void record(struct program *program, int op, int status, int64_t value)
{
	struct record *record = (void *)grow(&program->state, sizeof(*record));
	*record = (struct record){ op, status, 0, value };
}

static uint8_t *view_at(struct program *program, struct view *view)
{
	return parse(program->at, program->code.base + program->code.size, view);
}

static void move_to(struct program *program, int cursor)
{
	struct view view;
	while (program->cursor < cursor && program->cursor < (int)program->count)
		program->at = view_at(program, &view), program->cursor++;
}

/* The operation at the cursor came to this; go on with the next, or where its failure leads. */
static void settle(struct program *program, int status, int64_t value)
{
	struct view view;
	view_at(program, &view);
	record(program, program->cursor, status, value);
	int bad = status != DONE || failed(value);
	move_to(program, bad && view.op->on_fail > program->cursor ? view.op->on_fail : program->cursor + 1);
}

static void kill_process(int id)
{
	struct process *process = &processes[id];
	if (process->known && process->pidfd >= 0)
		SYS(pidfd_send_signal, process->pidfd, SIGKILL, 0, 0);
}

/* A process went away, or is sent away, in the middle of a segment. */
static void lose(int id, int status)
{
	struct process *process = &processes[id];
	struct program *program = process->running;
	uint32_t done = process->fresh_image ? 0 : __atomic_load_n(&journals[id].done, __ATOMIC_ACQUIRE);
	for (uint32_t i = 0; i < done && i < SEGMENT_OPS && !program->taking; i++) {
		record(program, process->start + i, DONE, journals[id].value[i]);
		move_to(program, process->start + i + 1);
	}
	int answered = program->cursor >= process->end;
	if (status == HUNG)
		kill_process(id);
	forget(process);
	program->process = -1, program->taking = 0;
	if (!answered)
		settle(program, status, 0);
}

static int is_alone(struct op *op)
{
	return op->kind >= OP_FORK;
}

static void start_segment(struct program *program, int id, struct view *view)
{
	struct process *process = &processes[id];
	struct segment segment = { program->code.size, program->state.size, program->cursor,
				   program->cursor + 1, program->taking > 0, 0 };
	struct view next;
	uint8_t *at = view_at(program, view);
	uint32_t shortest = view->op->deadline_ms; /* progress is looked at this often */
	int most = process->fresh_image || is_alone(view->op) ? 1 : SEGMENT_OPS;
	while (segment.end < program->count && segment.end - segment.start < most) {
		at = parse(at, program->code.base + program->code.size, &next);
		if (next.op->process != id || is_alone(next.op))
			break;
		shortest = next.op->deadline_ms < shortest ? next.op->deadline_ms : shortest;
		segment.end++;
	}
	if (!process->fresh_image)
		journals[id].done = 0;
	process->running = program, process->seen = 0;
	process->start = segment.start, process->end = segment.end;
	process->deadline = now_ms() + shortest;
	program->process = id;
	long n = send_with(process->control, &segment, sizeof(segment), &program->taken, program->taking > 0);
	if (n != sizeof(segment)) {
		lose(id, GONE);
		return;
	}
	if (program->taking)
		close(program->taken);
	say(process->control, program->code.base, program->code.size);
	say(process->control, program->state.base, program->state.size);
}

/* Go on with a program until it waits for a process or ends. */
static void advance(struct program *program)
{
	struct view view;
	while (program->process < 0 && program->cursor < (int)program->count) {
		view_at(program, &view);
		int id = program->taking ? program->taking : view.op->process, fds[PASSED];
		if (view.op->kind == OP_KILL) {
			kill_process(id);
			if (processes[id].running)
				lose(id, DIED);
			else if (processes[id].known)
				forget(&processes[id]);
			settle(program, DONE, 0);
		} else if (id == 0 && view.op->kind == OP_FORK) {
			long pid = make_task(NULL, view.arg[0].value, view.arg[1].value, fds);
			if (!failed(pid))
				learn(view.arg[0].value, fds[0], fds[1]);
			settle(program, DONE, pid);
		} else if (!processes[id].known) {
			if (program->taking)
				close(program->taken);
			program->taking = 0;
			settle(program, GONE, 0);
		} else if (processes[id].running) {
			return;
		} else {
			start_segment(program, id, &view);
		}
	}
	if (program->process < 0) {
		send_frame(FRAME_RESULTS, program->id, program->count, program->state.base, program->state.size);
		program->used = 0;
	}
}

static void finish_segment(int id)
{
	struct process *process = &processes[id];
	struct program *program = process->running;
	struct reply reply;
	struct view view;
	int fds[PASSED];
	size_t before = program->state.size;
	if (!receive_with(process->control, &reply, sizeof(reply), fds) ||
	    !hear(process->control, grow(&program->state, reply.size - sizeof(reply)), reply.size - sizeof(reply))) {
		program->state.size = before;
		lose(id, DIED);
		return;
	}
	process->running = NULL, program->process = -1;
	view_at(program, &view);
	struct record *first = (void *)(program->state.base + before);
	if (program->taking) {
		program->taking = 0;
	} else if (view.op->kind == OP_FORK && fds[0] >= 0) {
		/* a thread has no pidfd of its own: it is killed by its process's */
		learn(view.arg[0].value, fds[0], fds[1] >= 0 ? fds[1] : dup(process->pidfd));
	} else if (view.op->kind == OP_EXEC && first->value == 0) {
		process->fresh_image = 1;
	} else if (view.op->kind == OP_GIVE && fds[0] >= 0) {
		program->taking = view.arg[1].value, program->taken = fds[0];
		program->state.size = before;
		return;
	}
	move_to(program, reply.next);
}

static int valid(struct program *program)
{
	struct view view;
	uint8_t *at = program->code.base, *limit = at + program->code.size;
	for (uint32_t i = 0; i < program->count; i++) {
		at = parse(at, limit, &view);
		if (!at)
			return 0;
		struct op *op = view.op;
		int target = op->kind == OP_FORK ? 0 : op->kind == OP_GIVE ? 1 : -1;
		if (target >= 0 && (op->args < 2 || view.arg[target].kind != SOURCE_LITERAL ||
				    !view.arg[target].value || view.arg[target].value >= PROCESSES))
			return 0;
	}
	return at == limit;
}

static void take_frame(void)
{
	struct frame frame;
	struct program *program = programs;
	while (program->used)
		program++;
	if (!hear(channel_in, &frame, sizeof(frame)))
		end(0);
	if (frame.kind != FRAME_PROGRAM || frame.size < sizeof(frame) - 4 || frame.size > MAX_FRAME ||
	    frame.count > 0xffff)
		refuse("malformed frame: a header that is no program's");
	program->code.size = program->state.size = 0;
	size_t size = frame.size - (sizeof(frame) - 4);
	if (!hear(channel_in, grow(&program->code, size), size))
		end(0);
	*program = (struct program){ 1, 0, -1, 0, -1, frame.id, frame.count,
				     program->code.base, program->code, program->state };
	if (!valid(program))
		refuse("malformed frame: operations that do not fit it");
}

static void check_deadline(int id)
{
	struct process *process = &processes[id];
	struct program *program = process->running;
	struct view view;
	if (!program || now_ms() < process->deadline)
		return;
	uint32_t done = process->fresh_image ? 0 : __atomic_load_n(&journals[id].done, __ATOMIC_ACQUIRE);
	if (done == process->seen) {
		lose(id, HUNG);
		return;
	}
	uint8_t *at = program->at;
	for (uint32_t i = 0; i <= done && process->start + i < program->count; i++)
		at = parse(at, program->code.base + program->code.size, &view);
	process->seen = done, process->deadline = now_ms() + view.op->deadline_ms;
}

static void supervise(void)
{
	struct pollfd waits[PROGRAMS + 1];
	for (;;) {
		int count = 1, free = 0, timeout = -1, ids[PROGRAMS + 1];
		for (int i = 0; i < PROGRAMS; i++)
			if (programs[i].used)
				advance(&programs[i]);
		for (int i = 0; i < PROGRAMS; i++) {
			int id = programs[i].process;
			free += !programs[i].used;
			if (!programs[i].used || id < 0)
				continue;
			int64_t left = processes[id].deadline - now_ms();
			if (timeout < 0 || left < timeout)
				timeout = left < 0 ? 0 : left;
			ids[count] = id;
			waits[count++] = (struct pollfd){ processes[id].control, POLLIN, 0 };
		}
		waits[0] = (struct pollfd){ free ? channel_in : -1, POLLIN, 0 };
		poll(waits, count, timeout);
		for (int i = 1; i < count; i++)
			if (waits[i].revents && processes[ids[i]].running)
				finish_segment(ids[i]);
			else
				check_deadline(ids[i]);
		if (waits[0].revents)
			take_frame();
	}
}

static int open_named_port(void)
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
		channel_in = channel_out = open(path, O_RDWR | O_CLOEXEC);
		return channel_in > 0;
	}
	return 0;
}

/* As /init: load the modules that the channel needs, and open the port named landproof. */
static void open_guest_channel(void)
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
	for (int tries = 0; tries < 5000 && !open_named_port(); tries++)
		usleep(1000);
	if (channel_in <= 0) {
		printf("landproof: no virtio port of that name\n");
		leave(1);
	}
}

int main(void)
{
	const char *environment = getenv("LANDPROOF_AGENT");
	if (environment) { /* execve(2) by one of our processes: go on serving */
		struct task task = { .control = atoi(environment) };
		task.journal = (void *)MAP(sizeof(*task.journal), MAP_PRIVATE | MAP_ANONYMOUS);
		struct record record = { atoi(environment + 10), DONE, 0, 0 };
		struct reply reply = { 0, record.op + 1, 0 };
		fcntl(task.control, F_SETFD, FD_CLOEXEC);
		grow(&task.out, sizeof(reply));
		memcpy(grow(&task.out, sizeof(record)), &record, sizeof(record));
		answer(&task, reply, (int[]){ -1, -1 });
		serve(&task);
	}
	is_guest = getpid() == 1;
	if (is_guest) {
		open_guest_channel();
	} else { /* keep 0 and 1 free of the channel, so that no process writes into it */
		channel_in = fcntl(0, F_DUPFD_CLOEXEC, 3);
		channel_out = fcntl(1, F_DUPFD_CLOEXEC, 3);
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0), dup2(null, 1);
		if (null > 2)
			close(null);
	}
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	journals = mmap(NULL, sizeof(*journals) * PROCESSES, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct { uint16_t version, pointer; uint32_t page; } hello = { VERSION, sizeof(void *), getpagesize() };
	send_frame(FRAME_HELLO, 0, 0, &hello, sizeof(hello));
	supervise();
}
