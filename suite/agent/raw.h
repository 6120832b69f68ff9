// SPDX-License-Identifier: MIT
/*
 * Raw system calls: they return what the kernel returns, -errno included.
 *
 * The code that driven processes run (serve.c and the files below it) calls the kernel in no other
 * way. Tasks that share memory share thread-local storage too, so libc's errno would not be theirs.
 */
#pragma once

#include <stdint.h>
#include <sys/syscall.h>

static inline long raw(long nr, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return nr;
#elif defined(__i386__)
	/* The sixth argument goes into ebp, which the compiler does not hand out: load all from memory. */
	long args[] = { nr, a, b, c, d, e, f }, *at = args;
	__asm__ volatile("pushl %%ebx; pushl %%esi; pushl %%edi; pushl %%ebp;"
			 "movl 4(%%eax), %%ebx; movl 8(%%eax), %%ecx; movl 12(%%eax), %%edx;"
			 "movl 16(%%eax), %%esi; movl 20(%%eax), %%edi; movl 24(%%eax), %%ebp;"
			 "movl (%%eax), %%eax; int $0x80;"
			 "popl %%ebp; popl %%edi; popl %%esi; popl %%ebx"
			 : "+a"(at)
			 :
			 : "ecx", "edx", "memory");
	return (long)at;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr, x0 __asm__("x0") = a, x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c, x3 __asm__("x3") = d, x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;
	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#elif defined(__riscv) && __riscv_xlen == 64
	register long a7 __asm__("a7") = nr, a0 __asm__("a0") = a, a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c, a3 __asm__("a3") = d, a4 __asm__("a4") = e;
	register long a5 __asm__("a5") = f;
	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
			 : "memory");
	return a0;
#elif defined(__s390x__)
	register long r1 __asm__("r1") = nr, r2 __asm__("r2") = a, r3 __asm__("r3") = b;
	register long r4 __asm__("r4") = c, r5 __asm__("r5") = d, r6 __asm__("r6") = e;
	register long r7 __asm__("r7") = f;
	__asm__ volatile("svc 0"
			 : "+r"(r2)
			 : "r"(r1), "r"(r3), "r"(r4), "r"(r5), "r"(r6), "r"(r7)
			 : "memory");
	return r2;
#else
#error "the agent is built for x86_64, i386, aarch64, riscv64 and s390x"
#endif
}

/* clone(2) of a task that shares our memory: it calls entry(argument), which never returns, on its own stack. */
static inline long raw_clone_vm(unsigned long flags, void *stack, int *pidfd, void (*entry)(void *),
				void *argument)
{
	void **top = (void **)((uintptr_t)stack & ~(uintptr_t)15);
#if defined(__x86_64__)
	long result = SYS_clone;
	register long r10 __asm__("r10") = 0, r8 __asm__("r8") = 0;
	*--top = argument;
	*--top = (void *)entry;
	__asm__ volatile("syscall; test %%rax, %%rax; jnz 1f;"
			 "xor %%ebp, %%ebp; pop %%rax; pop %%rdi; call *%%rax; 1:"
			 : "+a"(result)
			 : "D"(flags), "S"(top), "d"(pidfd), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__i386__)
	long result = SYS_clone;
	top -= 3; /* so that 16 divides the argument's address, as the ABI asks */
	*--top = argument;
	*--top = (void *)entry;
	__asm__ volatile("int $0x80; test %%eax, %%eax; jnz 1f;"
			 "xor %%ebp, %%ebp; pop %%eax; call *%%eax; 1:"
			 : "+a"(result)
			 : "b"(flags), "c"(top), "d"(pidfd), "S"(0), "D"(0)
			 : "memory");
	return result;
#elif defined(__riscv)
	register long a7 __asm__("a7") = SYS_clone, a0 __asm__("a0") = flags, a1 __asm__("a1");
	register long a2 __asm__("a2") = (long)pidfd, a3 __asm__("a3") = 0, a4 __asm__("a4") = 0;
	*--top = argument;
	*--top = (void *)entry;
	a1 = (long)top;
	__asm__ volatile("ecall; bnez a0, 1f; li s0, 0; ld a1, 0(sp); ld a0, 8(sp); addi sp, sp, 16;"
			 "jalr a1; 1:"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4)
			 : "memory", "ra");
	return a0;
#elif defined(__s390x__)
	/* CONFIG_CLONE_BACKWARDS2: the stack comes first. A frame begins with 160 bytes for who is called. */
	register long r1 __asm__("r1") = SYS_clone, r2 __asm__("r2"), r3 __asm__("r3") = flags;
	register long r4 __asm__("r4") = (long)pidfd, r5 __asm__("r5") = 0, r6 __asm__("r6") = 0;
	top -= 22;
	top[0] = NULL;
	top[20] = (void *)entry;
	top[21] = argument;
	r2 = (long)top;
	__asm__ volatile("svc 0; ltgr %%r2, %%r2; jnz 1f; lg %%r1, 160(%%r15); lg %%r2, 168(%%r15);"
			 "basr %%r14, %%r1; 1:"
			 : "+r"(r2), "+r"(r1)
			 : "r"(r3), "r"(r4), "r"(r5), "r"(r6)
			 : "memory", "cc", "r14");
	return r2;
#else
	register long x8 __asm__("x8") = SYS_clone, x0 __asm__("x0") = flags, x1 __asm__("x1");
	register long x2 __asm__("x2") = (long)pidfd, x3 __asm__("x3") = 0, x4 __asm__("x4") = 0;
	*--top = argument;
	*--top = (void *)entry;
	x1 = (long)top;
	__asm__ volatile("svc 0; cbnz x0, 1f; mov x29, 0; ldp x1, x0, [sp], 16; blr x1; 1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory", "x30");
	return x0;
#endif
}

/* What the processor counts at a steady pace, as it is left to programs to read. */
static inline int64_t counter(void)
{
#if defined(__x86_64__) || defined(__i386__)
	uint32_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (int64_t)high << 32 | low;
#elif defined(__riscv)
	int64_t now;
	__asm__ volatile("rdtime %0" : "=r"(now));
	return now;
#elif defined(__s390x__)
	int64_t now;
	__asm__ volatile("stckf %0" : "=Q"(now) : : "cc");
	return (uint64_t)now >> 2; /* or it would be negative */
#else
	int64_t now;
	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(now) : : "memory");
	return now;
#endif
}

/* Whether a system call's result is an error. */
static inline int failed(int64_t value)
{
	return value < 0 && value >= -4095;
}

/* SYS(name, ...): the system call of that name; arguments left out are 0. */
#define RAW_(nr, a, b, c, d, e, f, ...) \
	raw(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define SYS(name, ...) RAW_(SYS_##name, __VA_ARGS__ __VA_OPT__(, ) 0, 0, 0, 0, 0, 0, 0)

/* clone(2) of a process that gets a copy of our memory. */
#ifdef __s390x__
#define CLONE(flags, pidfd) SYS(clone, 0, flags, pidfd)
#else
#define CLONE(flags, pidfd) SYS(clone, flags, 0, pidfd)
#endif

/* Map memory to read and write, wherever there is room. */
#if defined(__s390x__) /* sys_old_mmap() takes its arguments from memory */
#define MAP(size, flags, fd) SYS(mmap, ((long[]){ 0, size, PROT_READ | PROT_WRITE, flags, fd, 0 }))
#elif defined(SYS_mmap2)
#define MAP(size, flags, fd) SYS(mmap2, 0, size, PROT_READ | PROT_WRITE, flags, fd, 0)
#else
#define MAP(size, flags, fd) SYS(mmap, 0, size, PROT_READ | PROT_WRITE, flags, fd, 0)
#endif
