/* SPDX-License-Identifier: MIT */
/* ---- How it is told: processes take turns, and whoever has the turn notes its calls. ---- */

struct outcome {
	char refused[32]; /* the call of Landlock that refused its arguments */
	int error;        /* 0 if all calls succeeded */
	long value;       /* of the last call */
};

/* What all processes share. */
static struct shared {
	volatile int turn, status, has_place, noted;
	struct outcome came_to[ACTIONS];
	struct { int process, error; long value; char text[1024]; } calls[CALLS + 1];
	char why[1200];
	struct variables given;
} *s;
static struct variables *v;

static int tell(int process, const char *name, const char *arguments);
static void pass_turn(int turn);
/* @@ await_turn */
static void await_turn(int turn);
/* @@ must MUST MUST_DO GATE GATE_DO */
static long must(int call, long value);
/* @@ GATE GATE_DO gate */
static long gate(int call, const char *name, long value);
/* @@ MAY MAY_DO may */
static long may(int call, long value);
/* @@ TRY TRY_DO tried */
static long tried(int call, int action, const char *name, long value);
/* @@ TRY TRY_DO */
static long left_out(void);
/* @@ spawn */
static long spawn(void (*body)(void), unsigned long long flags);
/* @@ spawn_low */
static long spawn_low(void (*body)(void), unsigned long long flags);
/* @@ CALL32 */
static long call32(long number, long a, long b, long c, long d, long e, long f);
/* @@ await_end */
static void await_end(long pid);
/* @@ give take */
static long give(int fd);
static long take(void);
/* @@ execute */
static long execute(int at, int fd, const char *name, int flags);
/* @@ get */
static long get(const void *data, size_t size);
/* @@ filled */
static void *filled(void *buffer, size_t room, const void *data, size_t size);
/* @@ path */
static const char *path(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* @@ poke */
static long poke(long address, const void *data, size_t size);
/* @@ peek */
static long peek(void *to, long address, size_t size);
/* @@ result_at */
static long result_at(long address);
/* @@ */

#define CALL(...) CALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define CALL_(number, a, b, c, d, e, f, ...) \
	syscall(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* @@ MUST MUST_DO */
/* A call that has to succeed, or nothing is shown. (With _DO: what is no plain system call.) */
#define MUST(name, ...) MUST_DO(#name, #__VA_ARGS__, CALL(SYS_##name, ##__VA_ARGS__))
#define MUST_DO(name, text, call) ({ int at_ = tell(me, name, text); must(at_, call); })
/* @@ GATE GATE_DO */
/* A call on the way into a domain: if Landlock refuses it, that is what the case comes to. */
#define GATE(name, ...) GATE_DO(#name, #__VA_ARGS__, CALL(SYS_##name, ##__VA_ARGS__))
#define GATE_DO(name, text, call) ({ int at_ = tell(me, name, text); gate(at_, name, call); })
/* @@ MAY MAY_DO */
/* A call that may fail, or end its process. */
#define MAY(name, ...) MAY_DO(#name, #__VA_ARGS__, CALL(SYS_##name, ##__VA_ARGS__))
#define MAY_DO(name, text, call) ({ int at_ = tell(me, name, text); may(at_, call); })
/* @@ TRY TRY_DO */
/* A call of an action: the first one that fails is what the action comes to, and the last one. */
#define TRY(action, name, ...) TRY_DO(action, #name, #__VA_ARGS__, CALL(SYS_##name, ##__VA_ARGS__))
#define TRY_DO(action, name, text, call) \
	(s->came_to[action].error ? left_out() : \
	 ({ int at_ = tell(me, name, text); tried(at_, action, name, call); }))
/* @@ MUST32 GATE32 MAY32 TRY32 */
/* The same as a 32-bit call. */
#define CALL32(...) CALL32_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define CALL32_(number, a, b, c, d, e, f, ...) \
	call32(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
/* @@ MUST32 */
#define MUST32(name, ...) MUST_DO(#name, #__VA_ARGS__, CALL32(I386_##name, ##__VA_ARGS__))
/* @@ GATE32 */
#define GATE32(name, ...) GATE_DO(#name, #__VA_ARGS__, CALL32(I386_##name, ##__VA_ARGS__))
/* @@ MAY32 */
#define MAY32(name, ...) MAY_DO(#name, #__VA_ARGS__, CALL32(I386_##name, ##__VA_ARGS__))
/* @@ TRY32 */
#define TRY32(action, name, ...) \
	TRY_DO(action, #name, #__VA_ARGS__, CALL32(I386_##name, ##__VA_ARGS__))
