/* digest.c: SHA-256, Ed25519 and base64. Algorithms are fetched once, as a fetch costs more than
 * the hash of an audit row. */
#include "backend/base/digest.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/xalloc.h"

struct digest {
	EVP_MD_CTX *ctx; /* owned */
};

struct sign_key {
	EVP_PKEY *pkey; /* owned */
};

static const EVP_MD *sha256(void)
{
	static EVP_MD *md; /* fetched once for the life of the process */

	if (!md)
		md = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(md);
	return md;
}

static void to_hex(const unsigned char *in, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	out[2 * n] = '\0';
}

struct digest *digest_new(void)
{
	struct digest *d = xcalloc(1, sizeof *d);

	d->ctx = EVP_MD_CTX_new();
	must(d->ctx && EVP_DigestInit_ex2(d->ctx, sha256(), NULL) == 1);
	return d;
}

void digest_add(struct digest *d, const void *data, size_t n)
{
	must(EVP_DigestUpdate(d->ctx, data, n) == 1);
}

void digest_finish(struct digest *d, char out[DIGEST_HEX])
{
	unsigned char sum[32];

	must(EVP_DigestFinal_ex(d->ctx, sum, NULL) == 1);
	to_hex(sum, sizeof sum, out);
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

void digest_hex(const void *data, size_t n, char out[DIGEST_HEX])
{
	static _Thread_local EVP_MD_CTX *ctx; /* reused: this runs once per audit row */
	unsigned char sum[32];

	if (!ctx)
		ctx = EVP_MD_CTX_new();
	must(ctx && EVP_DigestInit_ex2(ctx, sha256(), NULL) == 1);
	must(EVP_DigestUpdate(ctx, data, n) == 1 && EVP_DigestFinal_ex(ctx, sum, NULL) == 1);
	to_hex(sum, sizeof sum, out);
}

int digest_file(const char *path, char out[DIGEST_HEX], struct err *e)
{
	FILE *f = fopen(path, "rbe");
	struct digest *d;
	char block[65536];
	size_t n;

	if (!f)
		return err_set(e, ERR_FAILED, "cannot read %s: %s", path, strerror(errno));
	d = digest_new();
	while ((n = fread(block, 1, sizeof block, f)) > 0)
		digest_add(d, block, n);
	digest_finish(d, out);
	int bad = ferror(f);
	fclose(f);
	return bad ? err_set(e, ERR_FAILED, "reading %s failed", path) : 0;
}

/* For anyone to read, and for nobody else to write, whatever the umask is. */
static int write_public(EVP_PKEY *pkey, const char *path, struct err *e)
{
	char *pub = xasprintf("%s.pub", path);
	FILE *f = fopen(pub, "we");
	int rc = 0;

	if (!f || fchmod(fileno(f), 0644) || PEM_write_PUBKEY(f, pkey) != 1 || fflush(f))
		rc = err_set(e, ERR_FAILED, "cannot write the key %s: %s", pub, strerror(errno));
	if (f)
		fclose(f);
	free(pub);
	return rc;
}

static int write_key_files(EVP_PKEY *pkey, const char *path, struct err *e)
{
	mode_t old = umask(077);
	FILE *f = fopen(path, "wxe");
	int rc = 0;

	if (!f || PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL) != 1 || fflush(f) ||
		fsync(fileno(f)))
		rc = err_set(e, ERR_FAILED, "cannot write the key %s: %s", path, strerror(errno));
	if (f)
		fclose(f);
	umask(old);
	return rc ? rc : write_public(pkey, path, e);
}

static int public_there(const char *path)
{
	char *pub = xasprintf("%s.pub", path);
	int there = access(pub, F_OK) == 0;

	free(pub);
	return there;
}

struct sign_key *sign_key_open(const char *path, struct err *e)
{
	FILE *f = fopen(path, "re");
	EVP_PKEY *pkey = NULL;
	struct sign_key *k;

	if (f) {
		pkey = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		fclose(f);
		if (!pkey) {
			err_set(e, ERR_FAILED, "%s is not a private key in PEM form", path);
			err_hint(e,
				"put the right key back; a new one would break the chain of trust");
			return NULL;
		}
	} else if (errno == ENOENT) {
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		must(pkey);
		if (write_key_files(pkey, path, e)) {
			EVP_PKEY_free(pkey);
			return NULL;
		}
	} else {
		err_set(e, ERR_FAILED, "cannot read the key %s: %s", path, strerror(errno));
		return NULL;
	}
	/* A crash between the two files left one: the other follows from it. */
	if (!public_there(path) && write_public(pkey, path, e)) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	k = xcalloc(1, sizeof *k);
	k->pkey = pkey;
	return k;
}

void sign_key_free(struct sign_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

void sign_data(const struct sign_key *k, const void *data, size_t n, char out[96])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[64];
	size_t len = sizeof sig;

	must(ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pkey) == 1);
	must(EVP_DigestSign(ctx, sig, &len, data, n) == 1 && len == sizeof sig);
	EVP_MD_CTX_free(ctx);
	base64_encode(sig, len, out);
}

void sign_public(const struct sign_key *k, char out[48])
{
	unsigned char raw[32];
	size_t len = sizeof raw;

	must(EVP_PKEY_get_raw_public_key(k->pkey, raw, &len) == 1 && len == sizeof raw);
	base64_encode(raw, len, out);
}

int sign_verify(
	const char *pub_path, const void *data, size_t n, const char *signature, struct err *e)
{
	FILE *f = fopen(pub_path, "re");
	EVP_PKEY *pkey = f ? PEM_read_PUBKEY(f, NULL, NULL, NULL) : NULL;
	unsigned char sig[256];
	long len = strlen(signature) < 300 ? base64_decode(signature, strlen(signature), sig) : -1;
	EVP_MD_CTX *ctx;
	int rc;

	if (f)
		fclose(f);
	if (!pkey)
		return err_set(e, ERR_FAILED, "cannot read the public key %s", pub_path);
	ctx = EVP_MD_CTX_new();
	must(ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1);
	rc = len == 64 && EVP_DigestVerify(ctx, sig, 64, data, n) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return rc;
}

int certificates_check(const char *text, struct err *e)
{
	BIO *in = BIO_new_mem_buf(text, -1);
	int count = 0;
	X509 *x;

	must(in);
	while ((x = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
		X509_free(x);
		count++;
	}
	ERR_clear_error(); /* the last read always ends in one */
	BIO_free(in);
	if (strstr(text, "PRIVATE KEY"))
		return err_set(
			e, ERR_INVALID, "there is a private key in it, which belongs nowhere");
	if (count == 0)
		return err_set(e, ERR_INVALID, "there is none in it");
	for (const char *p = text; (p = strstr(p, "-----BEGIN")); p++)
		count--;
	if (count != 0)
		return err_set(e, ERR_INVALID, "not all that begins in it is a whole certificate");
	return 0;
}

void base64_encode(const void *data, size_t n, char *out)
{
	out[EVP_EncodeBlock((unsigned char *)out, data, (int)n)] = '\0';
}

/* The value of one base64 digit, or -1. */
static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

long base64_decode(const char *text, size_t n, void *out)
{
	unsigned char *o = out;
	unsigned bits = 0;
	int have = 0;

	/* EVP_DecodeBlock counts padding as data, so this is by hand. */
	if (n > 0 && text[n - 1] == '=') {
		if (n % 4 != 0)
			return -1;
		n -= text[n - 2] == '=' ? 2 : 1;
	}
	if (n % 4 == 1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int v = sextet(text[i]);
		if (v < 0)
			return -1;
		bits = bits << 6 | (unsigned)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*o++ = (unsigned char)(bits >> have);
		}
	}
	return o - (unsigned char *)out;
}

void random_bytes(void *out, size_t n)
{
	must(getrandom(out, n, 0) == (ssize_t)n);
}
