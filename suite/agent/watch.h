// SPDX-License-Identifier: MIT
/* Tell which calls a program makes, from outside of it. */
#pragma once

/*
 * Watch a process (ptrace) and what it starts until one of them executes our own binary. Arguments: the
 * process's id, then a word for each call: NUMBER:POINTER:SIZE:FILE, where POINTER is the argument that
 * points at bytes to be told, SIZE how many, or -N if argument N says so, and FILE the offset among
 * them of a file descriptor whose path is told; -1 where there is none.
 *
 * On standard error: a line when the process is watched. On standard output: "clone PARENT CHILD"; "exec THREAD FORMER";
 * "call THREAD NUMBER RESULT FIRST SECOND THIRD FOURTH BYTES PATH"; "ours THREAD", the last one.
 */
void watch_calls(int count, char **words);
