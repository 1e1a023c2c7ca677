/* test_digest.c: published vectors of SHA-256 and base64, and keys as files. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/buf.h"
#include "backend/base/digest.h"
#include "backend/base/xalloc.h"

static void test_sha256(void **state)
{
	static const struct {
		const char *text, *hex; /* FIPS 180-4 examples */
	} cases[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	char hex[DIGEST_HEX], block[1000];
	struct digest *d;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		digest_hex(cases[i].text, strlen(cases[i].text), hex);
		assert_string_equal(hex, cases[i].hex);
	}
	memset(block, 'a', sizeof block); /* a million times "a" */
	d = digest_new();
	for (int i = 0; i < 1000; i++)
		digest_add(d, block, sizeof block);
	digest_finish(d, hex);
	assert_string_equal(
		hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_base64(void **state)
{
	static const struct {
		const char *plain, *coded; /* RFC 4648 */
	} cases[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
	static const char *const garbage[] = {"Z", "Zm9vY", "Zm9 ", "Zm9\n", "Zm-_", "Z=g=", "=",
		"====", "Zg===", "Zm9v=", "Zm9v====", "\xc3\xa4gg"};
	unsigned char all[256], back[300];
	char out[400];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t n = strlen(cases[i].plain);
		base64_encode(cases[i].plain, n, out);
		assert_string_equal(out, cases[i].coded);
		assert_int_equal(base64_decode(out, strlen(out), back), n);
		assert_memory_equal(back, cases[i].plain, n);
	}
	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	base64_encode(all, sizeof all, out);
	assert_int_equal(base64_decode(out, strlen(out), back), 256);
	assert_memory_equal(back, all, 256);
	for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++)
		if (base64_decode(garbage[i], strlen(garbage[i]), back) != -1)
			fail_msg("%s was read as base64", garbage[i]);
}

static void write_text(const char *path, const char *text)
{
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600), 0);
}

static void test_keys(void **state)
{
	char folder[] = "/tmp/pithead-key-XXXXXX", path[64], pub[80], other[80], hex[DIGEST_HEX];
	char sig[96], sig2[96], raw[48], raw2[48];
	struct sign_key *k;
	struct err e = {0};
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/k.pem", folder);
	snprintf(pub, sizeof pub, "%s.pub", path);
	snprintf(other, sizeof other, "%s/o.pem", folder);
	umask(0);
	k = sign_key_open(path, &e);
	assert_non_null(k);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(pub, &st), 0);
	assert_int_equal(st.st_mode & 022, 0); /* nobody else may put another key there */
	sign_data(k, "hello", 5, sig);
	sign_public(k, raw);
	assert_int_equal(strlen(sig), 88);
	assert_int_equal(strlen(raw), 44);
	sign_key_free(k);
	k = sign_key_open(path, &e); /* the same key again */
	sign_data(k, "hello", 5, sig2);
	sign_public(k, raw2);
	assert_string_equal(sig, sig2);
	assert_string_equal(raw, raw2);
	assert_int_equal(sign_verify(pub, "hello", 5, sig, &e), 1);
	assert_int_equal(sign_verify(pub, "hellp", 5, sig, &e), 0);
	sig2[3] = sig2[3] == 'A' ? 'B' : 'A';
	assert_int_equal(sign_verify(pub, "hello", 5, sig2, &e), 0);
	assert_int_equal(sign_verify(pub, "hello", 5, "no base64!", &e), 0);
	assert_int_equal(sign_verify(pub, "hello", 5, "", &e), 0);
	assert_true(sign_verify(other, "hello", 5, sig, &e) < 0);
	sign_key_free(k);
	sign_key_free(NULL);
	/* A broken key is never replaced: that would break the chain of trust. */
	write_text(other, "not a key");
	assert_null(sign_key_open(other, &e));
	assert_non_null(strstr(e.message, "not a private key"));
	assert_int_equal(digest_file(other, hex, &e), 0);
	assert_int_equal(digest_file("/none/such", hex, &e), ERR_FAILED);
	unlink(other);
	/* Another key's signature is not by this one. */
	k = sign_key_open(other, &e);
	sign_data(k, "hello", 5, sig2);
	assert_int_equal(sign_verify(pub, "hello", 5, sig2, &e), 0);
	sign_key_free(k);
	unlink(other);
	strcat(other, ".pub");
	unlink(other);
	unlink(path);
	unlink(pub);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
