/* checkpoint.h: a signed checkpoint as text: a C2SP signed note of three lines (origin, sequence,
 * hash). Pure text; the store writes the file, verify reads it. */
#ifndef PITHEAD_BACKEND_AUDIT_CHECKPOINT_H
#define PITHEAD_BACKEND_AUDIT_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/digest.h"

#define CHECKPOINT_ORIGIN "pithead/audit"

struct checkpoint {
	int64_t seq;
	char hash[DIGEST_HEX];
	const char *text; /* the signed bytes, borrowed from what was parsed */
	size_t length;
	char signature[96];	 /* base64 of the 64 bytes */
	unsigned char key_id[4]; /* of the signature line */
};

/* Appends the note for (seq, hash), signed by k, and the empty line that ends it. */
void checkpoint_format(int64_t seq, const char *hash, const struct sign_key *k, struct buf *out);

/* Reads the note at data[*at]. 1 and *at behind it; 0 at the end, or when what is left has no end
 * yet (a torn write: *at stays); -1 for a note that is not one. */
int checkpoint_next(const char *data, size_t n, size_t *at, struct checkpoint *out);

/* The key id that notes by this raw public key (32 bytes) carry. */
void checkpoint_key_id(const unsigned char raw_public[32], unsigned char out[4]);

#endif
