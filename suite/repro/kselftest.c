/* SPDX-License-Identifier: MIT */

TEST(@TEST@)
{
	const char *nothing;

	perform();
	print_calls(stderr);
	nothing = why_nothing();
	ASSERT_EQ(NULL, nothing)
	{
		TH_LOG("The set-up failed: %s", nothing);
	}
@EXPECT@}

TEST_HARNESS_MAIN
