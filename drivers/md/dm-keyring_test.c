// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for the grammar of key references
 *
 * The references are in dm-keyring_table.h, which the dm-crypt-keyring selftest
 * uses as well: what the parser says here, the ioctl has to say there.
 */

#include <kunit/test.h>
#include "dm-keyring.h"
#include "dm-keyring_table.h"

static void dm_keyring_test_wellformed(struct kunit *test)
{
	const struct dm_keyring_wellformed *want = test->param_value;
	char *error = NULL;
	struct dm_keyring_ref ref;

	KUNIT_ASSERT_EQ(test, 0, dm_keyring_parse(want->reference, &ref, &error));
	KUNIT_EXPECT_NULL(test, error);
	KUNIT_EXPECT_EQ(test, want->size, ref.size);
	KUNIT_EXPECT_STREQ(test, want->type, ref.type);
	KUNIT_EXPECT_STREQ(test, want->description, ref.description);
	/* It points into the reference, nothing was copied. */
	KUNIT_EXPECT_PTR_EQ(test, ref.description,
			    want->reference + strlen(want->reference) - strlen(want->description));
}

static void dm_keyring_test_malformed(struct kunit *test)
{
	const struct dm_keyring_malformed *bad = test->param_value;
	char *error = NULL;
	struct dm_keyring_ref ref;

	KUNIT_EXPECT_EQ(test, -EINVAL, dm_keyring_parse(bad->reference, &ref, &error));
	KUNIT_EXPECT_NOT_NULL(test, error);
}

/* The limits that the sentences for the user spell out. */
static void dm_keyring_test_limits(struct kunit *test)
{
	struct dm_keyring_ref ref;
	char *error;

	KUNIT_EXPECT_EQ(test, 32767, DM_KEYRING_SIZE_MAX);
	KUNIT_EXPECT_EQ(test, 15, DM_KEYRING_TYPE_MAX);
	KUNIT_EXPECT_EQ(test, 0, dm_keyring_parse(":32767:123456789012345:d", &ref, &error));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			dm_keyring_parse(":32768:123456789012345:d", &ref, &error));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			dm_keyring_parse(":32767:1234567890123456:d", &ref, &error));
}

KUNIT_ARRAY_PARAM_DESC(dm_keyring_wellformed, dm_keyring_wellformed, reference);
KUNIT_ARRAY_PARAM_DESC(dm_keyring_malformed, dm_keyring_malformed, why);

static struct kunit_case dm_keyring_test_cases[] = {
	KUNIT_CASE_PARAM(dm_keyring_test_wellformed, dm_keyring_wellformed_gen_params),
	KUNIT_CASE_PARAM(dm_keyring_test_malformed, dm_keyring_malformed_gen_params),
	KUNIT_CASE(dm_keyring_test_limits),
	{}
};

static struct kunit_suite dm_keyring_test_suite = {
	.name = "dm-keyring",
	.test_cases = dm_keyring_test_cases,
};

kunit_test_suite(dm_keyring_test_suite);

MODULE_DESCRIPTION("KUnit tests for device-mapper key references");
MODULE_LICENSE("GPL");
