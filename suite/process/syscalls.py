# SPDX-License-Identifier: MIT
"""The system calls: one row each, with numbers, what it does to its process, and its arguments.

What a call does is taken from its manual page and the kernel's source, not from what cases get away
with. Whoever is not sure leaves it open (``?``): then the process of a case serves no other case,
and a process that may share its memory may not make the call.

Source of the numbers: the kernel's uapi headers, arch/*/include/uapi/asm/unistd*.h.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Opens(Enum):
    """The file descriptors that a call opens in the process that makes it.

    Of a call that changes only FILES, these are all: to undo it, they are closed. Others may open
    some with special arguments as well: fcntl(2) (F_DUPFD), getsockopt(2) (SO_PEERPIDFD).
    """

    NONE = "0"
    ONE = "1"
    """One, which is the value of the call."""
    TWO = "2"
    """Two, which the call writes to memory as two integers of 4 bytes."""


class Changes(Enum):
    """What a call changes of which process, apart from memory.

    What belongs to no process is no matter here, such as the content of a file, a socket, a clock:
    a new process would find it changed as well.
    """

    FILES = "f"
    """Nothing but the table of files of its own process.

    The call adds files that it opens itself, or is close(2). Who closes what was added has the
    process as it was. So this is not for a call that gives a second number to an open file
    (dup(2), pidfd_getfd(2)), that may replace an open file (dup3(2)), or whose file opens files or
    takes signals when it is read (fanotify_init(2), signalfd(2)).
    """
    OWN = "o"
    """Only its own process, that one's children, and the namespaces that they are in."""
    NAMED = "a"
    """Also another process, if its arguments name one: kill(2), prlimit(2), fcntl(2) (F_SETOWN)."""
    ANYTHING = "?"
    """Anything, or nobody has said it yet."""


class Memory(Enum):
    """Whether a call is about memory: whether it matters that processes share theirs.

    It is, if it does one of these:

    - maps memory, changes how it is mapped, or looks at that (mlock(2), mincore(2), getrusage(2));
    - reads or writes more of a process's memory than its own buffers (process_vm_readv(2)), now or
      later on (set_robust_list(2));
    - uses what belongs to the memory, not to the process: futexes, asynchronous I/O, whether others
      may trace it. The latter is lost with a change of identity (commit_creds() in kernel/cred.c);
    - makes a process that copies or shares it, or replaces it (execve(2)).

    It is not, if it only reads and writes its buffers, makes memory that is no process's until it
    is mapped (memfd_create(2), shmget(2); memfd_secret(2) is for one process, though), or asks
    whether it may trace another process (pidfd_getfd(2)): what forbids that is about memory.
    """

    NEVER = "n"
    SOMETIMES = "s"
    """It depends on the arguments: ``suite.process.memory`` has a question for each such call."""
    ALWAYS = "m"
    """It is; or it can be, and the arguments do not show whether, as those of setns(2)."""
    UNKNOWN = "?"
    """Nobody has said it yet."""


@dataclass(frozen=True, slots=True)
class Syscall:
    """A system call: a row of the table."""

    name: str
    numbers: dict[str, int]
    """By architecture; without those that lack it."""
    opens: Opens
    changes: Changes
    memory: Memory
    kinds: tuple[str, ...]
    """What its arguments are, as far as that is known: words of ``suite.process.kinds``."""


ARCHES = ("x86_64", "i386", "aarch64", "s390x", "riscv64")
_COLUMNS = ARCHES[:4]
_RISCV64 = {"renameat": -1, "riscv_flush_icache": 259, "riscv_hwprobe": 258}
"""riscv64 has the numbers of asm-generic/unistd.h, as aarch64 has, but for these."""

# A row is a name, the numbers on x86_64, i386, aarch64 and s390x (-1: there is none), and three
# signs:
#
#   Opens    0 1 2    so many file descriptors
#   Changes  f o a ?  files (it opens or closes them), own process, another one too, unknown
#   Memory   n s m ?  never about memory, sometimes (by its arguments), it is, unknown
#
# "openat 257 295 56 288 1fn" opens one file descriptor, changes nothing else, is never about
# memory. A row without signs is 0??: nobody has said yet what the call does. Behind the signs are
# the kinds of its arguments, words of kinds.py: "rule@1" is a kind that argument 1 decides.
_TABLE = """
_llseek -1 140 -1 -1 0fn ; _newselect -1 142 -1 -1 0fn ; _sysctl 156 149 -1 149
accept 43 -1 202 -1 1fn fd,ptr,ptr ; accept4 288 364 242 364 1fn fd,ptr,ptr,sockflags
access 21 33 -1 33 0fn str,access ; acct 163 51 89 51 0fn str ; add_key 248 286 217 278 0?n
adjtimex 159 124 171 124 0fn ; afs_syscall 183 137 -1 137 ; alarm 37 27 -1 27 0on
arch_prctl 158 384 -1 -1 0om ; bdflush -1 134 -1 134 ; bind 49 361 200 361 0fn fd,sockaddr,dec
bpf 321 357 280 351 0?n bpf,bpfattr@0,dec ; break -1 17 -1 -1 ; brk 12 45 214 45 0om
cachestat 451 451 451 451 0fn ; capget 125 184 90 184 0fn ; capset 126 185 91 185 0on caphdr,capdata
chdir 80 12 49 12 0on str ; chmod 90 15 -1 15 0fn str,mode ; chown 92 182 -1 212 0fn str,dec,dec
chown32 -1 212 -1 -1 0fn ; chroot 161 61 51 61 0on str ; clock_adjtime 305 343 266 337 0fn
clock_adjtime64 -1 405 -1 -1 0fn ; clock_getres 229 266 114 261 0fn
clock_getres_time64 -1 406 -1 -1 0fn ; clock_gettime 228 265 113 260 0fn
clock_gettime64 -1 403 -1 -1 0fn ; clock_nanosleep 230 267 115 262 0fn
clock_nanosleep_time64 -1 407 -1 -1 0fn ; clock_settime 227 264 112 259 0fn
clock_settime64 -1 404 -1 -1 0fn ; clone 56 120 220 120 0?m ; clone3 435 435 435 435 0?m
close 3 6 57 6 0fn fd ; close_range 436 436 436 436 0on fd,fd,any
connect 42 362 203 362 0fn fd,sockaddr,dec
copy_file_range 326 377 285 375 0fn fd,ptr,fd,ptr,dec,any ; creat 85 8 -1 8 1fn str,mode
create_module 174 127 -1 127 ; delete_module 176 129 106 129 0?n ; dup 32 41 23 41 1on fd
dup2 33 63 -1 63 1on fd,fd ; dup3 292 330 24 326 1on fd,fd,cloexec ; epoll_create 213 254 -1 249 1fn
epoll_create1 291 329 20 327 1fn epollflags ; epoll_ctl 233 255 21 250 0fn fd,epoll,fd,ptr
epoll_ctl_old 214 -1 -1 -1 ; epoll_pwait 281 319 22 312 0fn ; epoll_pwait2 441 441 441 441 0fn
epoll_wait 232 256 -1 251 0fn ; epoll_wait_old 215 -1 -1 -1 ; eventfd 284 323 -1 318 1fn
eventfd2 290 328 19 323 1fn dec,efd ; execve 59 11 221 11 0om str,strs,strs
execveat 322 358 281 354 0om at,str,ptr,ptr,atflags ; exit 60 1 93 1 0on dec
exit_group 231 252 94 248 0on dec ; faccessat 269 307 48 300 0fn at,str,access
faccessat2 439 439 439 439 0fn at,str,access,atflags ; fadvise64 221 250 223 253 0fn
fadvise64_64 -1 272 -1 -1 0fn ; fallocate 285 324 47 314 0fn fd,falloc,dec,dec
fanotify_init 300 338 262 332 1on fan,open
fanotify_mark 301 339 263 333 0fn fd,fanmark,fanmask,at,str ; fchdir 81 133 50 133 0on fd
fchmod 91 94 52 94 0fn fd,mode ; fchmodat 268 306 53 299 0fn at,str,mode
fchmodat2 452 452 452 452 0fn ; fchown 93 95 55 207 0fn fd,dec,dec ; fchown32 -1 207 -1 -1 0fn
fchownat 260 298 54 291 0fn at,str,dec,dec,atflags ; fchroot 472 472 472 472 0on fd,any
fcntl 72 55 25 55 0an fd,fcntl,fcntlarg@1 ; fcntl64 -1 221 -1 -1 0an ; fdatasync 75 148 83 148 0fn
fgetxattr 193 231 10 229 0fn fd,str,buf,dec
file_getattr 468 468 468 468 0fn at,str,ptr,dec,atflags
file_setattr 469 469 469 469 0fn at,str,ptr,dec,atflags ; finit_module 313 350 273 344 0?n
flistxattr 196 234 13 232 0fn ; flock 73 143 32 143 0fn fd,lock ; fork 57 2 -1 2 0?m
fremovexattr 199 237 16 235 0fn ; fsconfig 431 431 431 431 0fn fd,fsconfig,str,str,dec
fsetxattr 190 228 7 226 0fn ; fsmount 432 432 432 432 1fn fd,fsmount,mountattr
fsopen 430 430 430 430 1fn str,fsopen ; fspick 433 433 433 433 1fn at,str,fspick
fstat 5 108 80 108 0fn fd,ptr ; fstat64 -1 197 -1 -1 0fn ; fstatat64 -1 300 -1 -1 0fn
fstatfs 138 100 44 100 0fn fd,ptr ; fstatfs64 -1 269 -1 266 0fn ; fsync 74 118 82 118 0fn fd
ftime -1 35 -1 -1 ; ftruncate 77 93 46 93 0fn fd,dec ; ftruncate64 -1 194 -1 -1 0fn fd,dec,dec
futex 202 240 98 238 0om ; futex_requeue 456 456 456 456 0om ; futex_time64 -1 422 -1 -1 0om
futex_wait 455 455 455 455 0om ; futex_waitv 449 449 449 449 0om ; futex_wake 454 454 454 454 0om
futimesat 261 299 -1 292 0fn ; get_kernel_syms 177 130 -1 130 ; get_mempolicy 239 275 236 269 0om
get_robust_list 274 312 100 305 0fn pid,ptr,ptr ; get_thread_area 211 244 -1 -1 0fn
getcpu 309 318 168 311 0fn
getcwd 79 183 17 183 0fn buf,dec ; getdents 78 141 -1 141 0fn
getdents64 217 220 61 220 0fn fd,ptr,dec ; getegid 108 50 177 202 0fn ; getegid32 -1 202 -1 -1 0fn
geteuid 107 49 175 201 0fn ; geteuid32 -1 201 -1 -1 0fn ; getgid 104 47 176 200 0fn
getgid32 -1 200 -1 -1 0fn ; getgroups 115 80 158 205 0fn ; getgroups32 -1 205 -1 -1 0fn
getitimer 36 105 102 105 0fn ; getpeername 52 368 205 368 0fn fd,sockaddr,option
getpgid 121 132 155 132 0fn pid ; getpgrp 111 65 -1 65 0fn ; getpid 39 20 172 20 0fn
getpmsg 181 188 -1 188 ; getppid 110 64 173 64 0fn ; getpriority 140 96 141 96 0fn any,pid
getrandom 318 355 278 349 0fn ; getresgid 120 171 150 211 0fn ; getresgid32 -1 211 -1 -1 0fn
getresuid 118 165 148 209 0fn ; getresuid32 -1 209 -1 -1 0fn ; getrlimit 97 76 163 191 0fn
getrusage 98 77 165 77 0om ; getsid 124 147 156 147 0fn pid
getsockname 51 367 204 367 0fn fd,sockaddr,option
getsockopt 55 365 209 365 0on fd,sol,sockopt@1,ptr,option ; gettid 186 224 178 236 0fn
gettimeofday 96 78 169 78 0fn ; getuid 102 24 174 199 0fn ; getuid32 -1 199 -1 -1 0fn
getxattr 191 229 8 227 0fn str,str,buf,dec ; getxattrat 464 464 464 464 0fn ; gtty -1 32 -1 -1
idle -1 112 -1 112 ; init_module 175 128 105 128 0?n buf,dec,str
inotify_add_watch 254 292 27 285 0fn fd,str,in ; inotify_init 253 291 -1 284 1fn
inotify_init1 294 332 26 324 1fn inflags ; inotify_rm_watch 255 293 28 286 0fn fd,dec
io_cancel 210 249 3 247 0om ; io_destroy 207 246 1 244 0om ; io_getevents 208 247 4 245 0om
io_pgetevents 333 385 292 382 0om ; io_pgetevents_time64 -1 416 -1 -1 0om
io_setup 206 245 0 243 0om ; io_submit 209 248 2 246 0om
io_uring_enter 426 426 426 426 0om fd,dec,dec,ringenter,ptr,dec
io_uring_register 427 427 427 427 0om fd,ringregister,ptr,dec
io_uring_setup 425 425 425 425 1om dec,ringparams ; ioctl 16 54 29 54 0?s fd,ioctl,option
ioperm 173 101 -1 -1 ; iopl 172 110 -1 -1 ; ioprio_get 252 290 31 283 0fn
ioprio_set 251 289 30 282 0an any,pid,any ; ipc -1 117 -1 117
kcmp 312 349 272 343 0om pid,pid,any,any,any ; kexec_file_load 320 -1 294 381
kexec_load 246 283 104 277 ; keyctl 250 288 219 280 0?n keyctl,any ; kill 62 37 129 37 0as pid,sig
landlock_add_rule 445 445 445 445 0fn fd,llrule,rule@1,lladd
landlock_create_ruleset 444 444 444 444 1fn ruleset_attr,dec,llcreate
landlock_restrict_self 446 446 446 446 0on fd,llrestrict ; lchown 94 16 -1 198 0fn str,dec,dec
lchown32 -1 198 -1 -1 0fn ; lgetxattr 192 230 9 228 0fn str,str,buf,dec ; link 86 9 -1 9 0fn str,str
linkat 265 303 37 296 0fn at,str,at,str,atflags ; listen 50 363 201 363 0fn fd,dec
listmount 458 458 458 458 0fn ; listns 470 470 470 470 0fn
listxattr 194 232 11 230 0fn str,buf,dec ; listxattrat 465 465 465 465 0fn
llistxattr 195 233 12 231 0fn ; lock -1 53 -1 -1 ; lookup_dcookie 212 253 18 110
lremovexattr 198 236 15 234 0fn ; lseek 8 19 62 19 0fn fd,dec,seek ; lsetxattr 189 227 6 225 0fn
lsm_get_self_attr 459 459 459 459 0fn lsmattr,ptr,option,any ; lsm_list_modules 461 461 461 461 0fn
lsm_set_self_attr 460 460 460 460 0on ; lstat 6 107 -1 107 0fn ; lstat64 -1 196 -1 -1 0fn
madvise 28 219 233 219 0om ; map_shadow_stack 453 453 453 453 0om ; mbind 237 274 235 268 0om
membarrier 324 375 283 356 0os membarrier,any,dec ; memfd_create 319 356 279 350 1fn str,mfd
memfd_secret 447 447 447 447 1om any ; migrate_pages 256 294 238 287 0am
mincore 27 218 232 218 0om ; mkdir 83 39 -1 39 0fn str,mode ; mkdirat 258 296 34 289 0fn at,str,mode
mknod 133 14 -1 14 0fn str,filemode,dev ; mknodat 259 297 33 290 0fn at,str,filemode,dev
mlock 149 150 228 150 0om ; mlock2 325 376 284 374 0om ; mlockall 151 152 230 152 0om
mmap 9 90 222 90 0om ptr,dec,prot,map,fd,any ; mmap2 -1 192 -1 -1 0om ; modify_ldt 154 123 -1 -1 0om
mount 165 21 40 21 0on str,str,str,ms,str
mount_setattr 442 442 442 442 0on at,str,atflags,mountattrs,dec
move_mount 429 429 429 429 0on at,str,at,str,movemount ; move_pages 279 317 239 310 0am
mprotect 10 125 226 125 0om ptr,dec,prot ; mpx -1 56 -1 -1 ; mq_getsetattr 245 282 185 276 0fn
mq_notify 244 281 184 275 0on fd,ptr ; mq_open 240 277 180 271 1fn str,open,mode,mqattr
mq_timedreceive 243 280 183 274 0fn ; mq_timedreceive_time64 -1 419 -1 -1 0fn
mq_timedsend 242 279 182 273 0fn fd,buf,dec,dec,timespec ; mq_timedsend_time64 -1 418 -1 -1 0fn
mq_unlink 241 278 181 272 0fn str ; mremap 25 163 216 163 0om ; mseal 462 462 462 462 0om
msgctl 71 402 187 402 0fn dec,any,ptr ; msgget 68 399 186 399 0fn any,mode
msgrcv 70 401 188 401 0fn dec,any,dec,dec,any ; msgsnd 69 400 189 400 0fn dec,any,dec,any
msync 26 144 227 144 0om ; munlock 150 151 229 151 0om
munlockall 152 153 231 153 0om ; munmap 11 91 215 91 0om ptr,dec
name_to_handle_at 303 341 264 335 0fn at,str,ptr,ptr,atflags
nanosleep 35 162 101 162 0fn timespec,ptr
newfstatat 262 -1 79 293 0fn at,str,ptr,atflags ; nfsservctl 180 169 42 169 ; nice -1 34 -1 34 0on
oldfstat -1 28 -1 -1 0fn ; oldlstat -1 84 -1 -1 0fn ; oldolduname -1 59 -1 -1 0fn
oldstat -1 18 -1 -1 0fn ; olduname -1 109 -1 -1 0fn ; open 2 5 -1 5 1fn str,open,creatmode
open_by_handle_at 304 342 265 336 1fn fd,ptr,open ; open_tree 428 428 428 428 1fn at,str,opentree
open_tree_attr 467 467 467 467 1fn at,str,opentree,mountattrs,dec
openat 257 295 56 288 1fn at,str,open,creatmode ; openat2 437 437 437 437 1fn at,str,how,dec
pause 34 29 -1 29 0on ; perf_event_open 298 336 241 331 1?? ; personality 135 136 92 136
pidfd_getfd 438 438 438 438 1on fd,fd,any ; pidfd_open 434 434 434 434 1fn pid,any
pidfd_send_signal 424 424 424 424 0as fd,sig,ptr,pidfdsignal ; pipe 22 42 -1 42 2fn
pipe2 293 331 59 325 2fn fds,cloexec ; pivot_root 155 217 41 217 0?n str,str
pkey_alloc 330 381 289 385 0om ; pkey_free 331 382 290 386 0om ; pkey_mprotect 329 380 288 384 0om
poll 7 168 -1 168 0fn ; ppoll 271 309 73 302 0fn pollfds,dec,timespec,ptr,dec
ppoll_time64 -1 414 -1 -1 0fn ; prctl 157 172 167 172 0os prctl,prarg@0,prrest@0,prrest@0,prrest@0
pread64 17 180 67 180 0fn fd,got,dec,dec ; preadv 295 333 69 328 0fn ; preadv2 327 378 286 376 0fn
prlimit64 302 340 261 334 0an pid,rlimit,rlim,rlim
process_madvise 440 440 440 440 0am fd,iovec,dec,madvice,any ; process_mrelease 448 448 448 448 0am
process_vm_readv 310 347 270 340 0om pid,iovec,dec,iovec,dec,any
process_vm_writev 311 348 271 341 0am pid,iovec,dec,iovec,dec,any
prof -1 44 -1 -1 ; profil -1 98 -1 -1
pselect6 270 308 72 301 0fn ; pselect6_time64 -1 413 -1 -1 0fn
ptrace 101 26 117 26 0as ptrace,pid,ptr,ptr ; putpmsg 182 189 -1 189
pwrite64 18 181 68 181 0fn fd,buf,dec,dec ; pwritev 296 334 70 329 0fn
pwritev2 328 379 287 377 0fn ; query_module 178 167 -1 167 ; quotactl 179 131 60 131 0fn
quotactl_fd 443 443 443 443 0fn ; read 0 3 63 3 0fn fd,got,dec ; readahead 187 225 213 222 0fn
readdir -1 89 -1 89 0fn ; readlink 89 85 -1 85 0fn str,got,dec
readlinkat 267 305 78 298 0fn at,str,got,dec ; readv 19 145 65 145 0fn fd,iovec,dec
reboot 169 88 142 88 ; recvfrom 45 371 207 371 0fn fd,got,dec,msg,ptr,ptr
recvmmsg 299 337 243 357 0on ; recvmmsg_time64 -1 417 -1 -1 0on ; recvmsg 47 372 212 372 0on
remap_file_pages 216 257 234 267 0om ; removexattr 197 235 14 233 0fn str,str
removexattrat 466 466 466 466 0fn ; rename 82 38 -1 38 0fn str,str
renameat 264 302 38 295 0fn at,str,at,str ; renameat2 316 353 276 347 0fn at,str,at,str,rename
request_key 249 287 218 279 0?n ; restart_syscall 219 0 128 7
riscv_flush_icache -1 -1 -1 -1 ; riscv_hwprobe -1 -1 -1 -1
rmdir 84 40 -1 40 0fn str
rseq 334 386 293 383 0om ; rseq_slice_yield 471 471 471 471
rt_sigaction 13 174 134 174 0on sig,ptr,ptr,dec ; rt_sigpending 127 176 136 176 0fn
rt_sigprocmask 14 175 135 175 0on sighow,sigset,ptr,dec
rt_sigqueueinfo 129 178 138 178 0as pid,sig,ptr ; rt_sigreturn 15 173 139 173
rt_sigsuspend 130 179 133 179 0on ; rt_sigtimedwait 128 177 137 177 0on sigset,ptr,timespec,dec
rt_sigtimedwait_time64 -1 421 -1 -1 0on ; rt_tgsigqueueinfo 297 335 240 330 0as pid,pid,sig,ptr
s390_guarded_storage -1 -1 -1 378 ; s390_pci_mmio_read -1 -1 -1 353
s390_pci_mmio_write -1 -1 -1 352 ; s390_runtime_instr -1 -1 -1 342 ; s390_sthyi -1 -1 -1 380
sched_get_priority_max 146 159 125 159 0fn ; sched_get_priority_min 147 160 126 160 0fn
sched_getaffinity 204 242 123 240 0fn ; sched_getattr 315 352 275 346 0fn
sched_getparam 143 155 121 155 0fn ; sched_getscheduler 145 157 120 157 0fn pid
sched_rr_get_interval 148 161 127 161 0fn ; sched_rr_get_interval_time64 -1 423 -1 -1 0fn
sched_setaffinity 203 241 122 239 0an pid,dec,ptr ; sched_setattr 314 351 274 345 0an
sched_setparam 142 154 118 154 0an ; sched_setscheduler 144 156 119 156 0an pid,dec,ptr
sched_yield 24 158 124 158 0fn ; seccomp 317 354 277 348 0on seccomp,seccompflags,fprog
security 185 -1 -1 -1 ; select 23 82 -1 142 0fn ; semctl 66 394 191 394 0fn dec,dec,any,any
semget 64 393 190 393 0fn any,dec,mode ; semop 65 -1 193 -1 0on
semtimedop 220 -1 192 392 0on dec,any,dec,ptr ; semtimedop_time64 -1 420 -1 -1 0on
sendfile 40 187 71 187 0fn fd,fd,ptr,dec ; sendfile64 -1 239 -1 -1 0fn
sendmmsg 307 345 269 358 0fn fd,mmsghdr,dec,msg
sendmsg 46 370 211 370 0fn fd,msghdr,msg ; sendto 44 369 206 369 0fn fd,buf,dec,msg,sockaddr,dec
set_mempolicy 238 276 237 270 0om ; set_mempolicy_home_node 450 450 450 450 0om
set_robust_list 273 311 99 304 0om ; set_thread_area 205 243 -1 -1 0om
set_tid_address 218 258 96 252 0om ; setdomainname 171 121 162 121 0on
setfsgid 123 139 152 216 0om dec ; setfsgid32 -1 216 -1 -1 0om ; setfsuid 122 138 151 215 0om dec
setfsuid32 -1 215 -1 -1 0om ; setgid 106 46 144 214 0om ; setgid32 -1 214 -1 -1 0om
setgroups 116 81 159 206 0on dec,ptr ; setgroups32 -1 206 -1 -1 0on ; sethostname 170 74 161 74 0on
setitimer 38 104 103 104 0on itimer,itimerval,ptr ; setns 308 346 268 339 0om fd,clonens
setpgid 109 57 154 57 0on pid,pid ; setpriority 141 97 140 97 0an any,pid,dec
setregid 114 71 143 204 0om ; setregid32 -1 204 -1 -1 0om
setresgid 119 170 149 210 0om dec,dec,dec ; setresgid32 -1 210 -1 -1 0om
setresuid 117 164 147 208 0om dec,dec,dec
setresuid32 -1 208 -1 -1 0om
setreuid 113 70 145 203 0om ; setreuid32 -1 203 -1 -1 0om ; setrlimit 160 75 164 75 0on
setsid 112 66 157 66 0on ; setsockopt 54 366 208 366 0fn fd,sol,sockopt@1,option,dec
settimeofday 164 79 170 79 0fn ; setuid 105 23 146 213 0om dec ; setuid32 -1 213 -1 -1 0om
setxattr 188 226 5 224 0fn str,str,buf,dec,any ; setxattrat 463 463 463 463 0fn
sgetmask -1 68 -1 -1 0fn ; shmat 30 397 196 397 0om ; shmctl 31 396 195 396 0fn dec,any,ptr
shmdt 67 398 197 398 0om ; shmget 29 395 194 395 0fn any,dec,mode
shutdown 48 373 210 373 0fn fd,shut ; sigaction -1 67 -1 67 0on ; sigaltstack 131 186 132 186 0om
signal -1 48 -1 48 0on ; signalfd 282 321 -1 316 1on ; signalfd4 289 327 74 322 1on
sigpending -1 73 -1 73 0fn ; sigprocmask -1 126 -1 126 0on ; sigreturn -1 119 -1 119
sigsuspend -1 72 -1 72 0on ; socket 41 359 198 359 1fn af,socktype,ipproto@0
socketcall -1 102 -1 102 0?n sockcall,any ; socketpair 53 360 199 360 2fn af,socktype,dec,fds
splice 275 313 76 306 0fn fd,ptr,fd,ptr,dec,any ; ssetmask -1 69 -1 -1 0on ; stat 4 106 -1 106 0fn
stat64 -1 195 -1 -1 0fn ; statfs 137 99 43 99 0fn str,ptr ; statfs64 -1 268 -1 265 0fn
statmount 457 457 457 457 0fn ; statx 332 383 291 379 0fn at,str,atflags,any,ptr
stime -1 25 -1 -1 0fn ; stty -1 31 -1 -1 ; swapoff 168 115 225 115 0fn
swapon 167 87 224 87 0fn str,any ; symlink 88 83 -1 83 0fn str,str
symlinkat 266 304 36 297 0fn str,at,str ; sync 162 36 81 36 0fn ; sync_file_range 277 314 84 307 0fn
syncfs 306 344 267 338 0fn ; sysfs 139 135 -1 135 0fn ; sysinfo 99 116 179 116 0fn
syslog 103 103 116 103 0fn ; tee 276 315 77 308 0fn ; tgkill 234 270 131 241 0as pid,pid,sig
time 201 13 -1 -1 0fn ; timer_create 222 259 107 254 0on ; timer_delete 226 263 111 258 0on
timer_getoverrun 225 262 109 257 0fn ; timer_gettime 224 261 108 256 0fn
timer_gettime64 -1 408 -1 -1 0fn ; timer_settime 223 260 110 255 0on
timer_settime64 -1 409 -1 -1 0on ; timerfd -1 -1 -1 317 ; timerfd_create 283 322 85 319 1fn
timerfd_gettime 287 326 87 321 0fn ; timerfd_gettime64 -1 410 -1 -1 0fn
timerfd_settime 286 325 86 320 0fn ; timerfd_settime64 -1 411 -1 -1 0fn ; times 100 43 153 43 0fn
tkill 200 238 130 237 0as pid,sig ; truncate 76 92 45 92 0fn str,dec
truncate64 -1 193 -1 -1 0fn str,dec,dec ; tuxcall 184 -1 -1 -1 ; ugetrlimit -1 191 -1 -1 0fn
ulimit -1 58 -1 -1 ; umask 95 60 166 60 0on ; umount -1 22 -1 22 0on
umount2 166 52 39 52 0on str,mnt ; uname 63 122 160 122 0fn ptr ; unlink 87 10 -1 10 0fn str
unlinkat 263 301 35 294 0fn at,str,atremove ; unshare 272 310 97 303 0os clonens
uprobe 336 -1 -1 -1 ; uretprobe 335 -1 -1 -1 ; uselib 134 86 -1 86 0om
userfaultfd 323 374 282 355 1om ; ustat 136 62 -1 62 0fn ; utime 132 30 -1 30 0fn
utimensat 280 320 88 315 0fn at,str,ptr,atflags ; utimensat_time64 -1 412 -1 -1 0fn
utimes 235 271 -1 313 0fn ; vfork 58 190 -1 190 0?m ; vhangup 153 111 58 111 0?n ; vm86 -1 166 -1 -1
vm86old -1 113 -1 -1 ; vmsplice 278 316 75 309 0om ; vserver 236 273 -1 -1
wait4 61 114 260 114 0fn pid,status,wait,ptr ; waitid 247 284 95 281 0fn ; waitpid -1 7 -1 -1 0fn
write 1 4 64 4 0fn fd,buf,dec ; writev 20 146 66 146 0fn fd,iovec,dec
"""


def rows() -> Iterator[Syscall]:
    """The rows of the table, as they stand in it."""
    for words in filter(None, map(str.split, _TABLE.replace("\n", ";").split(";"))):
        columns = zip(_COLUMNS, map(int, words[1:5]), strict=True)
        numbers = {arch: number for arch, number in columns if number >= 0}
        riscv64 = _RISCV64.get(words[0], numbers.get("aarch64", -1))
        if riscv64 >= 0:
            numbers["riscv64"] = riscv64
        signs = words[5] if len(words) > 5 else "0??"
        yield Syscall(
            words[0],
            numbers,
            Opens(signs[0]),
            Changes(signs[1]),
            Memory(signs[2:]),
            tuple(words[6].split(",")) if len(words) > 6 else (),
        )


SYSCALLS = {row.name: row for row in rows()}
"""By name."""

NUMBERS: dict[str, dict[str, int]] = {
    arch: {name: row.numbers[arch] for name, row in SYSCALLS.items() if arch in row.numbers}
    for arch in ARCHES
}
"""By architecture, then by name."""
