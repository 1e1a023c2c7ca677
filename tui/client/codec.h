/* codec.h: JSON to snapshots and bodies to JSON; the only place of the client that sees cJSON. */
#ifndef PITHEAD_TUI_CLIENT_CODEC_H
#define PITHEAD_TUI_CLIENT_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/err.h"
#include "tui/client/snapshot.h"

/* The tree of n bytes of JSON; NULL with ERR_INVALID. Freed with snapshot_free. */
struct snapshot *codec_parse(const char *text, size_t n, struct err *e);

/* An engine's {"error":{...}} answer as *e; `status` stands in when there is no such object.
 * moved (may be NULL): what changed meanwhile, of a 412. Returns e->code. */
int codec_error(const struct node *root, long status, struct err *e, char *moved, size_t size);

/* A JSON object being written: codec_open, members, codec_close (the text is the caller's). */
struct codec_body {
	struct buf text;
	int members;
};
void codec_open(struct codec_body *b);
void codec_put_str(struct codec_body *b, const char *key, const char *value);
void codec_put_int(struct codec_body *b, const char *key, int64_t value);
void codec_put_bool(struct codec_body *b, const char *key, int value);
void codec_put_null(struct codec_body *b, const char *key);
char *codec_close(struct codec_body *b);

/* Appends text percent-encoded for a path segment or a query value. */
void codec_escape(struct buf *out, const char *text);

#endif
