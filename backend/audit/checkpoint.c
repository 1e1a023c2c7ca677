/* checkpoint.c: writes and reads signed notes (c2sp.org/signed-note). */
#include "backend/audit/checkpoint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

#define SIGNATURE_START                                                                            \
	"\xe2\x80\x94 " CHECKPOINT_ORIGIN " " /* an em dash, a space, the key's name */

void checkpoint_key_id(const unsigned char raw_public[32], unsigned char out[4])
{
	unsigned char in[sizeof CHECKPOINT_ORIGIN + 33];
	size_t n = sizeof CHECKPOINT_ORIGIN - 1;
	char hex[DIGEST_HEX];

	memcpy(in, CHECKPOINT_ORIGIN, n);
	in[n] = '\n';
	in[n + 1] = 1; /* signed-note's number for Ed25519 */
	memcpy(in + n + 2, raw_public, 32);
	digest_hex(in, n + 34, hex);
	for (int i = 0; i < 4; i++) {
		char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
		out[i] = (unsigned char)strtol(pair, NULL, 16);
	}
}

void checkpoint_format(int64_t seq, const char *hash, const struct sign_key *k, struct buf *out)
{
	struct buf text = {0};
	unsigned char raw[64], blob[4 + 64];
	char signature[96], line[96], public_key[48];

	buf_addf(&text, "%s\n%" PRId64 "\n%s\n", CHECKPOINT_ORIGIN, seq, hash);
	sign_data(k, text.data, text.len, signature);
	sign_public(k, public_key);
	must(base64_decode(public_key, strlen(public_key), raw) == 32);
	checkpoint_key_id(raw, blob);
	must(base64_decode(signature, strlen(signature), raw) == 64);
	memcpy(blob + 4, raw, 64);
	base64_encode(blob, sizeof blob, line);
	buf_addf(out, "%s\n%s%s\n\n", text.data, SIGNATURE_START, line);
	buf_release(&text);
}

/* The line at *p without its newline; NULL when there is no whole one. */
static const char *next_line(const char **p, const char *end, size_t *length)
{
	const char *start = *p;
	const char *stop = start < end ? memchr(start, '\n', (size_t)(end - start)) : NULL;

	if (!stop)
		return NULL;
	*length = (size_t)(stop - start);
	*p = stop + 1;
	return start;
}

static int parse_sequence(const char *s, size_t n, int64_t *out)
{
	*out = 0;
	if (n == 0 || n > 18 || *s == '0')
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		*out = *out * 10 + (s[i] - '0');
	}
	return 0;
}

static int parse_signature(const char *s, size_t n, struct checkpoint *out)
{
	size_t start = sizeof SIGNATURE_START - 1;
	unsigned char blob[72];
	char again[96];

	/* Exactly one spelling is taken, so that no byte of the line can change unseen. */
	if (n != start + 92 || memcmp(s, SIGNATURE_START, start) != 0 ||
		base64_decode(s + start, 92, blob) != 68)
		return -1;
	base64_encode(blob, 68, again);
	if (memcmp(again, s + start, 92) != 0)
		return -1;
	memcpy(out->key_id, blob, 4);
	base64_encode(blob + 4, 64, out->signature);
	return 0;
}

int checkpoint_next(const char *data, size_t n, size_t *at, struct checkpoint *out)
{
	const char *p = data + *at, *end = data + n;
	const char *line[6];
	size_t length[6];

	memset(out, 0, sizeof *out);
	out->text = p;
	for (int i = 0; i < 6; i++)
		if (!(line[i] = next_line(&p, end, &length[i])))
			return 0;
	*at = (size_t)(p - data);
	out->length = (size_t)(line[3] - line[0]);
	if (length[0] != strlen(CHECKPOINT_ORIGIN) ||
		memcmp(line[0], CHECKPOINT_ORIGIN, length[0]) != 0 || length[2] != 64 ||
		length[3] != 0 || length[5] != 0)
		return -1;
	memcpy(out->hash, line[2], 64);
	if (parse_sequence(line[1], length[1], &out->seq))
		return -1;
	return parse_signature(line[4], length[4], out) ? -1 : 1;
}
