/* codec.c: JSON to snapshots and bodies to JSON; the only place of the client that sees cJSON. */
#include "tui/client/codec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/json.h"
#include "backend/base/xalloc.h"

static void fill(struct snapshot *s, struct node *n, const cJSON *v);

static void fill_members(struct snapshot *s, struct node *n, const cJSON *v)
{
	const cJSON *member;
	struct node *items;
	int i = 0;

	n->count = cJSON_GetArraySize(v);
	if (!n->count)
		return;
	items = snapshot_alloc(s, (size_t)n->count * sizeof *items);
	cJSON_ArrayForEach(member, v) {
		if (member->string)
			items[i].key = snapshot_text(s, member->string);
		fill(s, &items[i++], member);
	}
	n->items = items;
}

static void fill(struct snapshot *s, struct node *n, const cJSON *v)
{
	if (cJSON_IsString(v)) {
		n->kind = NODE_TEXT;
		n->text = snapshot_text(s, v->valuestring);
	} else if (cJSON_IsNumber(v)) {
		n->kind = NODE_NUMBER;
		n->number = v->valuedouble;
	} else if (cJSON_IsBool(v)) {
		n->kind = NODE_BOOL;
		n->number = cJSON_IsTrue(v);
	} else if (cJSON_IsArray(v) || cJSON_IsObject(v)) {
		n->kind = cJSON_IsArray(v) ? NODE_LIST : NODE_OBJECT;
		fill_members(s, n, v);
	}
}

struct snapshot *codec_parse(const char *text, size_t n, struct err *e)
{
	cJSON *v = json_parse(text, n, "the engine's answer", e);
	struct snapshot *s;

	if (!v)
		return NULL;
	s = snapshot_new();
	fill(s, snapshot_root_slot(s), v);
	cJSON_Delete(v);
	return s;
}

int codec_error(const struct node *root, long status, struct err *e, char *moved, size_t size)
{
	const struct node *error = node_get(root, "error");
	const char *wire = node_str(error, "code", NULL);

	if (moved && size)
		str_copy(moved, size, node_str(root, "moved", node_str(error, "moved", "")));
	if (!wire) {
		err_set(e, ERR_FAILED, "the engine answered %ld without saying why", status);
		return err_hint(e, "its log is in the home's log/engine.log");
	}
	err_set(e, err_from_wire(wire), "%s", node_str(error, "message", "the engine refused"));
	if (e->code == 0)
		e->code = ERR_FAILED;
	err_hint(e, "%s", node_str(error, "hint", ""));
	return err_field(e, node_str(error, "field", ""));
}

void codec_open(struct codec_body *b)
{
	*b = (struct codec_body){0};
	buf_addc(&b->text, '{');
}

static void put_key(struct codec_body *b, const char *key)
{
	buf_addf(&b->text, "%s\"%s\":", b->members++ ? "," : "", key);
}

void codec_put_str(struct codec_body *b, const char *key, const char *value)
{
	cJSON *v = cJSON_CreateString(value);
	char *text = json_format(v);

	put_key(b, key);
	buf_adds(&b->text, text);
	free(text);
	cJSON_Delete(v);
}

void codec_put_int(struct codec_body *b, const char *key, int64_t value)
{
	put_key(b, key);
	buf_addf(&b->text, "%" PRId64, value);
}

void codec_put_bool(struct codec_body *b, const char *key, int value)
{
	put_key(b, key);
	buf_adds(&b->text, value ? "true" : "false");
}

void codec_put_null(struct codec_body *b, const char *key)
{
	put_key(b, key);
	buf_adds(&b->text, "null");
}

char *codec_close(struct codec_body *b)
{
	buf_addc(&b->text, '}');
	return buf_detach(&b->text);
}

void codec_escape(struct buf *out, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-_.~";

	for (const char *p = text; *p; p++)
		if (strchr(plain, *p))
			buf_addc(out, *p);
		else
			buf_addf(out, "%%%02X", (unsigned char)*p);
}
