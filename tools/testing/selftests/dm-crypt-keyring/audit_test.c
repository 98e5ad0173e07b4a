// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an auditor sees of a key: a record for each time it is set, wiped, dropped or refused, and
 * the reference in the line that IMA measures. No byte of a key is in either, and no description
 * looks like another field there.
 */

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/audit.h>
#include <linux/netlink.h>

#include "dmck.h"
#include "harness.h"

#define DESC "dmck:audit"
#define REF ":64:logon:" DESC
/* From the second colon on, what could end the field, or the record, or be taken for another. */
#define ODD_DESC "dmck:a,b;c=d\"e'f"
#define ODD ":64:logon:" ODD_DESC

#ifndef AUDIT_DM_CTRL
#define AUDIT_DM_CTRL 1338
#endif

FIXTURE(audit)
{
	int log;
	unsigned char secret[KEY_SIZE];
	char hex[HEX_SIZE];
	struct backing backing;
	char name[NAME_SIZE];
};

/* Switches the audit log on or off. */
static int audit_enable(int log, bool on)
{
	struct {
		struct nlmsghdr header;
		struct audit_status status;
	} request = {
		.header = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = AUDIT_SET,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
		.status = { .mask = AUDIT_STATUS_ENABLED, .enabled = on },
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[LINE_SIZE];
	} reply;

	if (send(log, &request, sizeof(request), 0) < 0)
		return -errno;
	do {
		if (recv(log, &reply, sizeof(reply), 0) < 0)
			return -errno;
	} while (reply.header.nlmsg_type != NLMSG_ERROR);
	return reply.error.error;
}

/* The records of device-mapper's control since the last call, a line each. */
static void audit_read(int log, char *text, size_t room)
{
	struct pollfd wait = { .fd = log, .events = POLLIN };
	struct {
		struct nlmsghdr header;
		char text[2 * LINE_SIZE];
	} record;
	ssize_t size;

	*text = '\0';
	while (poll(&wait, 1, 300) > 0) {
		size = recv(log, &record, sizeof(record) - 1, 0);
		if (size < (ssize_t)sizeof(record.header))
			return;
		((char *)&record)[size] = '\0';
		if (record.header.nlmsg_type != AUDIT_DM_CTRL)
			continue;
		size = snprintf(text, room, "%s\n", record.text);
		if (size >= (ssize_t)room)
			return;
		text += size;
		room -= size;
	}
}

FIXTURE_SETUP(audit)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = AUDIT_NLGRP_READLOG };
	int size = 1 << 20;

	self->log = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	if (self->log < 0 && (errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT))
		SKIP(return, "needs CONFIG_AUDIT");
	ASSERT_LE(0, self->log);
	ASSERT_EQ(0, bind(self->log, (struct sockaddr *)&addr, sizeof(addr)));
	setsockopt(self->log, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	ASSERT_EQ(0, audit_enable(self->log, true));

	ASSERT_EQ(0, keys_open());
	ASSERT_EQ(0, fill_random(self->secret, sizeof(self->secret)));
	to_hex(self->hex, self->secret, sizeof(self->secret));
	ASSERT_LT(0, key_add("logon", DESC, self->secret, KEY_SIZE));
	ASSERT_LT(0, key_add("logon", ODD_DESC, self->secret, KEY_SIZE));
	ASSERT_EQ(0, backing_open(&self->backing));
	dm_name(self->name);
}

FIXTURE_TEARDOWN(audit)
{
	EXPECT_EQ(0, audit_enable(self->log, false));
	close(self->log);
	backing_close(&self->backing);
}

/* One record of this operation, key and result, and no record of any other result. */
static void expect_record(struct __test_metadata *_metadata, FIXTURE_DATA(audit) * self,
			  const char *op, const char *key, int result)
{
	char text[16 * LINE_SIZE], wanted[LINE_SIZE], end[NAME_SIZE], *line, *next;
	int records = 0, right = 0;

	audit_read(self->log, text, sizeof(text));
	EXPECT_FALSE(shows_key(text, self->secret, KEY_SIZE));
	snprintf(wanted, sizeof(wanted), " key_ref=%s res=%d", key, result);
	snprintf(end, sizeof(end), " op=%s ", op);
	for (line = text; *line; line = next) {
		next = strchr(line, '\n');
		*next++ = '\0';
		if (!strstr(line, end))
			continue;
		records++;
		if (strlen(line) > strlen(wanted) && strstr(line, " pid=") &&
		    !strcmp(line + strlen(line) - strlen(wanted), wanted))
			right++;
		else
			TH_LOG("not %s: %s", wanted, line);
	}
	EXPECT_EQ(1, records)
		TH_LOG("%s", op);
	EXPECT_EQ(1, right)
		TH_LOG("%s", op);
}

TEST_F(audit, crypt)
{
	const char *quoted = "\"" REF "\"";

	ASSERT_EQ(0, dm_map_crypt(self->name, &self->backing, XTS, REF, "1 drop_key"));
	expect_record(_metadata, self, "key-set", quoted, 1);
	ASSERT_LT(0, key_add("logon", DESC, self->secret, KEY_SIZE));
	EXPECT_EQ(-EINVAL, dm_key_set(self->name, REF));
	expect_record(_metadata, self, "key-set", quoted, 0);
	EXPECT_EQ(-EINVAL, dm_message(self->name, "key wipe"));
	expect_record(_metadata, self, "key-wipe", "\"-\"", 0);
	EXPECT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_message(self->name, "key wipe"));
	expect_record(_metadata, self, "key-wipe", quoted, 1);
	EXPECT_EQ(0, dm_key_set(self->name, REF));
	expect_record(_metadata, self, "key-set", quoted, 1);
	EXPECT_EQ(0, dm_resume(self->name));
	expect_record(_metadata, self, "key-drop", quoted, 1);
	EXPECT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(-ENOKEY, dm_key_set(self->name, ":64:logon:dmck:none"));
	expect_record(_metadata, self, "key-set", "\":64:logon:dmck:none\"", 0);
	EXPECT_EQ(-EINVAL, dm_key_set(self->name, ":32:logon:" DESC));
	expect_record(_metadata, self, "key-set", "\":32:logon:" DESC "\"", 0);
	EXPECT_EQ(0, dm_resume(self->name));
	EXPECT_EQ(0, dm_remove(self->name));
}

TEST_F(audit, refused_by_constructor)
{
	ASSERT_EQ(0, dm_create(self->name));
	EXPECT_EQ(-ENOKEY, dm_load_crypt(self->name, 1, &self->backing, XTS,
					 ":64:logon:dmck:none", ""));
	expect_record(_metadata, self, "key-set", "\":64:logon:dmck:none\"", 0);
	EXPECT_EQ(-EINVAL, dm_load_crypt(self->name, 1, &self->backing, XTS, "::logon:x", ""));
	expect_record(_metadata, self, "key-set", "\"-\"", 0);
	EXPECT_EQ(0, dm_remove(self->name));
}

/* Neither the digits nor what may be a key in the wrong place. */
TEST_F(audit, hex)
{
	char malformed[REF_SIZE];

	ASSERT_EQ(0, dm_map_crypt(self->name, &self->backing, XTS, self->hex, ""));
	expect_record(_metadata, self, "key-set", "\"-\"", 1);
	EXPECT_EQ(0, dm_suspend(self->name));
	EXPECT_EQ(0, dm_key_set(self->name, self->hex));
	expect_record(_metadata, self, "key-set", "\"-\"", 1);
	snprintf(malformed, sizeof(malformed), ":%s", self->hex);
	EXPECT_EQ(-EINVAL, dm_key_set(self->name, malformed));
	expect_record(_metadata, self, "key-set", "\"-\"", 0);
	EXPECT_EQ(-EINVAL, dm_key_set(self->name, self->hex + 2));
	expect_record(_metadata, self, "key-set", "\"-\"", 0);
	EXPECT_EQ(-EINVAL, dm_message(self->name, "key reload"));
	expect_record(_metadata, self, "key-set", "\"-\"", 0);
	EXPECT_EQ(0, dm_message(self->name, "key wipe"));
	expect_record(_metadata, self, "key-wipe", "\"-\"", 1);
	EXPECT_EQ(0, dm_remove(self->name));
}

/* Nor if the device is not suspended: what is refused then was never taken apart. */
TEST_F(audit, malformed_while_active)
{
	char malformed[REF_SIZE];

	ASSERT_EQ(0, dm_map_crypt(self->name, &self->backing, XTS, REF, ""));
	expect_record(_metadata, self, "key-set", "\"" REF "\"", 1);
	snprintf(malformed, sizeof(malformed), ":%s", self->hex);
	EXPECT_EQ(-EINVAL, dm_key_set(self->name, malformed));
	expect_record(_metadata, self, "key-set", "\"-\"", 0);
	snprintf(malformed, sizeof(malformed), ":64:%s", self->hex);
	EXPECT_EQ(-EINVAL, dm_key_set(self->name, malformed));
	expect_record(_metadata, self, "key-set", "\"-\"", 0);
	EXPECT_EQ(0, dm_remove(self->name));
}

/* What would end the quotes makes the audit log write the field in hex, as it does for names. */
TEST_F(audit, odd_description)
{
	char name[2 * sizeof(ODD)];
	size_t i;

	for (i = 0; ODD[i]; i++)
		sprintf(name + 2 * i, "%02X", ODD[i]);
	ASSERT_EQ(0, dm_map_crypt(self->name, &self->backing, XTS, ODD, ""));
	expect_record(_metadata, self, "key-set", name, 1);
	EXPECT_EQ(0, dm_remove(self->name));
}

/* Of which inlinecrypt is not in every kernel. */
TEST_F(audit, other_targets)
{
	char text[16 * LINE_SIZE], line[LINE_SIZE];

	if (!dm_has("integrity"))
		SKIP(return, "needs CONFIG_DM_INTEGRITY");
	ASSERT_EQ(0, integrity_map(self->name, &self->backing, 'J',
				   "internal_hash:hmac(sha256):" REF));
	/* Formatting it has loaded a first table. */
	EXPECT_EQ(0, dm_remove(self->name));
	audit_read(self->log, text, sizeof(text));
	ASSERT_EQ(0, integrity_map(self->name, &self->backing, 'J',
				   "internal_hash:hmac(sha256):" REF));
	expect_record(_metadata, self, "key-set", "\"" REF "\"", 1);
	EXPECT_EQ(0, dm_remove(self->name));
	EXPECT_EQ(-ENOKEY, integrity_map(self->name, &self->backing, 'J',
					 "internal_hash:hmac(sha256)::64:logon:dmck:none"));
	expect_record(_metadata, self, "key-set", "\":64:logon:dmck:none\"", 0);

	if (!dm_has("inlinecrypt"))
		return;
	snprintf(line, sizeof(line), XTS " " REF " 0 %s 0", self->backing.dev);
	ASSERT_EQ(0, dm_map(self->name, "inlinecrypt", DEVICE_SECTORS, line));
	expect_record(_metadata, self, "key-set", "\"" REF "\"", 1);
	EXPECT_EQ(0, dm_remove(self->name));
}

/* The fields that have been there stand where they did, and the new ones behind them. */
TEST_F(audit, measured)
{
	char line[LINE_SIZE], *end;

	ASSERT_EQ(0, dm_map_crypt(self->name, &self->backing, XTS, ODD, "1 drop_key"));
	ASSERT_EQ(0, dm_ima(self->name, line));
	end = strstr(line, ",key_mac_size=0");
	ASSERT_NE(NULL, end);
	EXPECT_STREQ(",key_mac_size=0,drop_key=y,key=:64:logon:dmck:a\\,b\\;c\\=d\"e'f;", end);
	EXPECT_EQ(0, dm_remove(self->name));

	ASSERT_EQ(0, dm_map_crypt(self->name, &self->backing, XTS, self->hex, ""));
	ASSERT_EQ(0, dm_ima(self->name, line));
	EXPECT_FALSE(shows_key(line, self->secret, KEY_SIZE));
	end = strstr(line, ",key_mac_size=0");
	ASSERT_NE(NULL, end);
	EXPECT_STREQ(",key_mac_size=0,drop_key=n;", end);
	EXPECT_EQ(0, dm_remove(self->name));
}

TEST_HARNESS_MAIN
