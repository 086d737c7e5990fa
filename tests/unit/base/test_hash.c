/* test_hash.c - digests against published and independently made values. */
#include "base/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* FIPS 180-4's examples, as NIST publishes them. */
static void sha256_gives_the_published_values(void **state)
{
	struct digest d = digest_sha256(STR("abc"));
	char hex[65];

	(void)state;
	digest_hex(&d, hex);
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	d = digest_sha256((struct str){ NULL, 0 });
	digest_hex(&d, hex);
	assert_string_equal(
		hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void hexadecimal_is_read_back(void **state)
{
	struct digest d = digest_sha256(STR("x")), again;
	char hex[65];

	(void)state;
	digest_hex(&d, hex);
	assert_true(digest_from_hex(str_from(hex), &again));
	assert_true(digest_eq(&d, &again));
	hex[3] = 'F';
	assert_true(digest_from_hex(str_from(hex), &again));
	hex[3] = 'g';
	assert_false(digest_from_hex(str_from(hex), &again));
	hex[3] = '0';
	assert_false(digest_from_hex(str_slice(str_from(hex), 0, 63), &again));
	assert_false(digest_from_hex((struct str){ NULL, 0 }, &again));
}

static void digests_differ_in_any_byte(void **state)
{
	struct digest a = digest_sha256(STR("x")), b = a;

	(void)state;
	b.b[31] ^= 1;
	assert_false(digest_eq(&a, &b));
}

/* The same by libcrypto's own HMAC, over the input as hash.h describes it. */
static void hmac_is_that_of_length_and_text_of_each_part(void **state)
{
	static const unsigned char input[] = "\0\0\0\0\0\0\0\2ab"
					     "\0\0\0\0\0\0\0\0"
					     "\0\0\0\0\0\0\0\1c";
	const struct str parts[] = { STR("ab"), { NULL, 0 }, STR("c") };
	struct digest key = digest_sha256(STR("key")), want;
	struct digest got = digest_hmac(&key, parts, 3);
	unsigned n = 0;

	(void)state;
	HMAC(EVP_sha256(), key.b, sizeof(key.b), input, sizeof(input) - 1, want.b, &n);
	assert_int_equal(n, 32);
	assert_true(digest_eq(&got, &want));
}

static void parts_cannot_be_moved_across_their_borders(void **state)
{
	const struct str one[] = { STR("ab"), STR("c") }, two[] = { STR("a"), STR("bc") };
	const struct str three[] = { STR("abc") };
	struct digest key = digest_sha256(STR("key"));
	struct digest a = digest_hmac(&key, one, 2), b = digest_hmac(&key, two, 2);
	struct digest c = digest_hmac(&key, three, 1);

	(void)state;
	assert_false(digest_eq(&a, &b));
	assert_false(digest_eq(&a, &c));
	key.b[0] ^= 1;
	b = digest_hmac(&key, one, 2);
	assert_false(digest_eq(&a, &b));
}

static void the_short_hash_tells_texts_apart(void **state)
{
	(void)state;
	assert_true(hash128_eq(hash128(STR("a")), hash128(STR("a"))));
	assert_false(hash128_eq(hash128(STR("a")), hash128(STR("b"))));
	assert_true(hash128_eq(hash128(STR("")), hash128((struct str){ NULL, 0 })));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_gives_the_published_values),
		cmocka_unit_test(hexadecimal_is_read_back),
		cmocka_unit_test(digests_differ_in_any_byte),
		cmocka_unit_test(hmac_is_that_of_length_and_text_of_each_part),
		cmocka_unit_test(parts_cannot_be_moved_across_their_borders),
		cmocka_unit_test(the_short_hash_tells_texts_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
