/* SPDX-License-Identifier: MIT */
/*
 * As much of the kernel's harness for tests as reproducers use: a stand-in, for tests of landproof
 * that build them where there is no kernel's source. One test a file; its exit code is 0 if the
 * test passes and 1 if it fails. Like the kernel's, it runs the test in a process of its own.
 */
#ifndef STAND_IN_KSELFTEST_HARNESS_H
#define STAND_IN_KSELFTEST_HARNESS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct __test_metadata {
	int failed;
};

static void test_body(struct __test_metadata *_metadata);

#define TEST(name)                             \
	static const char *const test_name = #name; \
	static void test_body(struct __test_metadata *_metadata)

#define TH_LOG(format, ...) fprintf(stderr, "# " format "\n", ##__VA_ARGS__)

/* A block may follow a check: it is done if the check fails, and before an assertion ends it. */
#define CHECK_(holds, text, ends)                                           \
	for (int failed_ = !(holds) && (TH_LOG("failed: %s", text), _metadata->failed = 1); failed_; \
	     failed_ = 0, (ends) ? _exit(1) : (void)0)

#define EXPECT_EQ(expected, seen) CHECK_((expected) == (seen), #expected " == " #seen, 0)
#define ASSERT_EQ(expected, seen) CHECK_((expected) == (seen), #expected " == " #seen, 1)
#define EXPECT_TRUE(seen) CHECK_(seen, #seen, 0)
#define EXPECT_STREQ(expected, seen) CHECK_(!strcmp(expected, seen), #expected " is " #seen, 0)

#define TEST_HARNESS_MAIN                                                \
	int main(void)                                                   \
	{                                                                \
		struct __test_metadata metadata = { 0 };                 \
		int status = 0;                                          \
		pid_t child = fork();                                    \
		if (!child) {                                            \
			test_body(&metadata);                            \
			_exit(metadata.failed);                          \
		}                                                        \
		waitpid(child, &status, 0);                              \
		printf("%s 1 %s\n", status ? "not ok" : "ok", test_name); \
		return !!status;                                         \
	}

#endif
