// SPDX-License-Identifier: MIT
/* How the agent ends; raw system calls only, see raw.h. */
#include "leave.h"

#include <sys/reboot.h>
#include <unistd.h>

#include "raw.h"

int is_guest;

void leave(int status)
{
	if (is_guest && SYS(getpid) == 1) /* who shares memory with the supervisor shares this */
		reboot(RB_POWER_OFF);
	for (;;)
		SYS(exit_group, status);
}
