/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel says in its log. An errno is shared by many refusals; which of them it was is in
 * the sentence that comes with it.
 */

#ifndef _KMSG_H
#define _KMSG_H

/* What is said from here on is what kmsg_says() is about. Returns 0, or a negative errno. */
int kmsg_mark(void);
/* Returns 1 if the kernel has said so, 0 if not, or a negative errno. A line ends with "\n". */
int kmsg_says(const char *sentence);

/* For kselftest_harness.h: the kernel refuses @call with the errno @err, and says why. */
#define EXPECT_REFUSED(err, sentence, call) do {				\
	const char *why_ = (sentence);						\
										\
	ASSERT_EQ(0, kmsg_mark());						\
	EXPECT_EQ(err, call);							\
	EXPECT_EQ(1, kmsg_says(why_)) TH_LOG("nobody said \"%s\"", why_);	\
} while (0)

#endif /* _KMSG_H */
