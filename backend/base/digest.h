/* digest.h: SHA-256, Ed25519 and base64, over OpenSSL's libcrypto (the only place it is seen). */
#ifndef PITHEAD_BACKEND_BASE_DIGEST_H
#define PITHEAD_BACKEND_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/err.h"

#define DIGEST_HEX 65 /* 64 hex digits and a NUL */

/* SHA-256 of n bytes as lower-case hex. */
void digest_hex(const void *data, size_t n, char out[DIGEST_HEX]);

/* A running SHA-256. digest_new, any number of digest_add, digest_finish (frees d). */
struct digest;
struct digest *digest_new(void);
void digest_add(struct digest *d, const void *data, size_t n);
void digest_finish(struct digest *d, char out[DIGEST_HEX]);

/* SHA-256 of a file's contents. 0, or ERR_FAILED with the path and reason. */
int digest_file(const char *path, char out[DIGEST_HEX], struct err *e);

/* An Ed25519 key pair. sign_key_open reads the PEM private key at path, or makes one there (0600)
 * and its public key beside it at path + ".pub". NULL with *e on failure. */
struct sign_key;
struct sign_key *sign_key_open(const char *path, struct err *e);
void sign_key_free(struct sign_key *k);

/* Signature (64 bytes) over n bytes as base64 (89 bytes with the NUL). */
void sign_data(const struct sign_key *k, const void *data, size_t n, char out[96]);

/* The raw 32-byte public key as base64 (45 bytes with the NUL). */
void sign_public(const struct sign_key *k, char out[48]);

/* Whether signature (base64) over n bytes is by the PEM public key file at path.
 * 1 yes, 0 no, negative ERR_* when the key cannot be read. */
int sign_verify(
	const char *pub_path, const void *data, size_t n, const char *signature, struct err *e);

/* Whether text is one or more certificates in PEM form (RFC 7468) and holds no key. 0, or
 * ERR_INVALID with what it is not. */
int certificates_check(const char *text, struct err *e);

/* base64 (RFC 4648). Encode needs 4 * ((n + 2) / 3) + 1 bytes in out. Decode writes at most
 * 3 * n / 4 bytes, returns their number, or -1 for text that is not base64. */
void base64_encode(const void *data, size_t n, char *out);
long base64_decode(const char *text, size_t n, void *out);

/* n random bytes from the kernel, and 32 of them as hex ids. */
void random_bytes(void *out, size_t n);

#endif
