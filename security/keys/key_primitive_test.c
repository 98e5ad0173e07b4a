// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests for the rule that keeps secrets from algorithms that give them back
 *
 * Each refused name stands beside its nearest neighbour that is admitted.
 */

#include <kunit/test.h>
#include <linux/key-secret.h>

struct key_primitive_case {
	const char *alg;
	size_t keylen;
	size_t maclen;
	bool admitted;
	bool divided;
};

static const struct key_primitive_case key_primitive_cases[] = {
	/* What people use. */
	{ "xts(aes)", 32, 0, true },
	{ "xts(aes)", 64, 0, true },
	{ "cbc(aes)", 16, 0, true },
	{ "cbc(aes)", 32, 0, true },
	{ "ecb(aes)", 16, 0, true },
	{ "ctr(serpent)", 32, 0, true },
	{ "cbc(twofish)", 32, 0, true },
	{ "cbc(blowfish)", 56, 0, true },
	{ "cbc(des3_ede)", 24, 0, true },
	{ "xts(paes)", 64, 0, true },
	{ "lrw(aes)", 32, 0, true },
	{ "lrw(serpent)", 48, 0, true },
	{ "cts(cbc(aes))", 32, 0, true },
	{ "rfc3686(ctr(aes))", 20, 0, true },
	{ "essiv(cbc(aes),sha256)", 32, 0, true },
	{ "essiv(cbc(aes),md5)", 16, 0, true },
	{ "adiantum(xchacha12,aes)", 32, 0, true },
	{ "adiantum(xchacha20,aes)", 32, 0, true },
	{ "hctr2(aes)", 32, 0, true },
	{ "chacha20", 32, 0, true },
	{ "gcm(aes)", 16, 0, true },
	{ "gcm(aes)", 32, 0, true },
	{ "ccm(aes)", 16, 0, true },
	{ "rfc4309(ccm(aes))", 35, 0, true },
	{ "rfc4106(gcm(aes))", 36, 0, true },
	{ "rfc7539(chacha20,poly1305)", 32, 0, true },
	{ "rfc7539esp(chacha20,poly1305)", 36, 0, true },
	{ "aegis128", 16, 0, true },
	{ "authenc(hmac(sha256),xts(aes))", 96, 32, true },
	{ "authenc(hmac(sha1),cbc(aes))", 52, 20, true },
	{ "authenc(cmac(aes),cbc(aes))", 48, 16, true },
	{ "authenc(hmac(sha256),ecb(cipher_null))", 32, 32, true },
	{ "essiv(authenc(hmac(sha256),cbc(aes)),sha256)", 64, 32, true },
	{ "hmac(sha256)", 32, 0, true },
	{ "hmac(sha3-256)", 16, 0, true },
	{ "hmac(sm3)", 32, 0, true },
	{ "phmac(sha256)", 64, 0, true },
	{ "cmac(aes)", 16, 0, true },
	{ "xcbc(aes)", 16, 0, true },
	{ "blake2b-256", 32, 0, true },
	{ "blake2s-256", 32, 0, true },

	/* Too few bytes for one cipher, wherever the cut is. */
	{ "cbc(aes)", 15, 0, false },
	{ "ecb(serpent)", 1, 0, false },
	{ "cbc(blowfish)", 15, 0, false },
	{ "cbc(des)", 8, 0, false },
	{ "xts(aes)", 31, 0, false },
	{ "xts(serpent)", 30, 0, false },
	{ "xts(serpent)", 33, 0, false },
	{ "lrw(serpent)", 31, 0, false },
	{ "lrw(serpent)", 15, 0, false },
	{ "lrw(serpent)", 0, 0, false },
	{ "rfc3686(ctr(aes))", 19, 0, false },
	{ "rfc3686(ctr(aes))", 3, 0, false },
	{ "rfc4309(ccm(serpent))", 18, 0, false },
	{ "essiv(cbc(serpent),sha256)", 15, 0, false },
	{ "authenc(hmac(sha256),cbc(serpent))", 47, 32, false },
	{ "authenc(hmac(sha256),cbc(serpent))", 47, 15, false },
	{ "authenc(hmac(sha256),cbc(aes))", 64, 63, false },
	{ "authenc(hmac(sha256),cbc(aes))", 64, 1, false },
	{ "authenc(hmac(sha256),cbc(aes))", 64, 0, false },
	{ "authenc(hmac(sha256),cbc(aes))", 64, 65, false },
	{ "authenc(hmac(sha256),ecb(cipher_null))", 64, 32, false },
	{ "ecb(cipher_null)", 16, 0, false },
	{ "hmac(sha256)", 15, 0, false },
	{ "cmac(aes)", 15, 0, false },
	{ "blake2b-256", 15, 0, false },
	{ "hmac(sha256)", 0, 0, false },

	/* Bytes of the key that are encrypted, where another cipher can get that key. */
	{ "authenc(hmac(sha256),rfc3686(ctr(aes)))", 64, 44, false },
	{ "authenc(hmac(sha256),ctr(aes))", 64, 32, true },
	{ "authenc(hmac(sha256),lrw(serpent))", 64, 16, false },
	{ "authenc(hmac(sha256),lrw(aes))", 64, 32, false },
	{ "essiv(authenc(hmac(sha256),lrw(aes)),sha256)", 64, 32, false },
	{ "rfc3686(ctr(aes))", 20, 0, false, true },
	{ "lrw(aes)", 32, 0, false, true },
	{ "rfc4106(gcm(aes))", 36, 0, false, true },
	{ "rfc4309(ccm(aes))", 35, 0, false, true },
	{ "rfc7539esp(chacha20,poly1305)", 36, 0, false, true },
	{ "rfc7539(chacha20,poly1305)", 32, 0, true, true },
	{ "xts(aes)", 32, 0, true, true },
	{ "cbc(aes)", 16, 0, true, true },

	/* Bytes that go nowhere. */
	{ "ecb(cipher_null)", 0, 0, false },
	{ "ecb(cipher_null)", 0, 0, false, true },

	/* What gives its key back, or is not known not to. */
	{ "ecb(arc4)", 16, 0, false },
	{ "ecb(fcrypt)", 16, 0, false },
	{ "ghash", 16, 0, false },
	{ "polyval", 16, 0, false },
	{ "poly1305", 32, 0, false },
	{ "nhpoly1305", 32, 0, false },
	{ "crc32c", 16, 0, false },
	{ "crc32", 16, 0, false },
	{ "xxhash64", 16, 0, false },
	{ "michael_mic", 16, 0, false },
	{ "vmac64(aes)", 16, 0, false },
	{ "cbcmac(aes)", 16, 0, false },
	{ "hmac(xxhash64)", 32, 0, false },
	{ "hmac(crc32c)", 32, 0, false },
	{ "hmac(ghash)", 32, 0, false },
	{ "hmac(md4)", 32, 0, false },
	{ "phmac(crc32c)", 64, 0, false },
	{ "hmac(hmac(sha256))", 32, 0, false },
	{ "cmac(des)", 16, 0, false },
	{ "authenc(ghash,cbc(aes))", 32, 16, false },
	{ "authenc(hmac(xxhash64),ctr(aes))", 64, 32, false },
	{ "authenc(hmac(sha256),ecb(arc4))", 64, 32, false },
	{ "authenc(sha256,cbc(aes))", 64, 32, false },
	{ "essiv(cbc(aes),crc32c)", 32, 0, false },
	{ "essiv(cbc(aes),ghash)", 32, 0, false },
	{ "essiv(cbc(aes),hmac(sha256))", 32, 0, false },
	{ "essiv(cbc(aes),xxhash64)", 32, 0, false },
	{ "essiv(authenc(ghash,cbc(aes)),sha256)", 32, 16, false },
	{ "adiantum(arc4,aes)", 32, 0, false },
	{ "gcm(arc4)", 16, 0, false },
	{ "rfc4543(ccm(aes))", 20, 0, false },
	{ "rfc7539(xxhash64,poly1305)", 32, 0, false },
	{ "rfc7539(chacha20,ghash)", 32, 0, false },
	{ "seqiv(rfc4106(gcm(aes)))", 20, 0, false },
	{ "kw(aes)", 16, 0, false },

	/* Names that are none. */
	{ "", 16, 0, false },
	{ "(", 16, 0, false },
	{ ")", 16, 0, false },
	{ "aes", 16, 0, false },
	{ "cbc(aes", 16, 0, false },
	{ "cbc(aes))", 16, 0, false },
	{ "cbc(aes)x", 16, 0, false },
	{ "cbc((aes)", 16, 0, false },
	{ "cbc()", 16, 0, false },
	{ "cbc(aes,aes)", 16, 0, false },
	{ "essiv(cbc(aes))", 16, 0, false },
	{ "essiv(cbc(aes),sha256,sha256)", 16, 0, false },
	{ "authenc(hmac(sha256),cbc(aes),x)", 64, 32, false },
	{ "XTS(aes)", 32, 0, false },
	{ "xts(aes-generic)", 32, 0, false },
	{ "__xts(aes)", 32, 0, false },
};

static void key_primitive_desc(const struct key_primitive_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %zu and %zu bytes%s",
		 c->alg, c->keylen - min(c->maclen, c->keylen), c->maclen,
		 c->divided ? ", of more" : "");
}

KUNIT_ARRAY_PARAM(key_primitive, key_primitive_cases, key_primitive_desc);

static void key_primitive_test(struct kunit *test)
{
	const struct key_primitive_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, c->admitted,
			key_secret_admits(c->alg, c->keylen, c->maclen, !c->divided));
}

static struct kunit_case key_primitive_test_cases[] = {
	KUNIT_CASE_PARAM(key_primitive_test, key_primitive_gen_params),
	{}
};

static struct kunit_suite key_primitive_test_suite = {
	.name = "key-primitive",
	.test_cases = key_primitive_test_cases,
};

kunit_test_suite(key_primitive_test_suite);

MODULE_DESCRIPTION("KUnit tests for the rule that keeps secrets in recognised algorithms");
MODULE_LICENSE("GPL");
