/* SPDX-License-Identifier: MIT */

int main(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	const char *nothing;
	size_t i;
	setvbuf(stdout, NULL, _IOLBF, 0);
	perform();
	print_calls(stdout);
	if (abi != ABI)
		printf("This kernel claims ABI %ld; the file says what ABI %d owes.\n", abi < 0 ? 0 : abi, ABI);
	nothing = why_nothing();
	if (nothing) {
		printf("the set-up failed: %s\n", nothing);
		return SET_UP_FAILED;
	}
	if (MAY_DIE) {
		printf("%s\n", s->status ? s->why : "the kernel has survived all calls");
		return s->status;
	}
	for (i = 0; i < sizeof(owed) / sizeof(owed[0]); i++)
		printf("%s: %s\n", i ? "or" : "owed", in_words(owed[i]));
	printf("observed: %s\n", in_words(s->came_to[OBSERVED]));
	return is_owed(s->came_to[OBSERVED]) ? 0 : REPRODUCED;
}
