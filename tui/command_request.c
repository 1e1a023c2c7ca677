/* command_request.c: the request that a parsed command stands for: path, query and body, with
 * every value read by its type. Sends nothing. */
#include "tui/command.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/base/clock.h"
#include "backend/base/xalloc.h"
#include "tui/client/codec.h"

int command_share(const char *text, int *bp)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || !(v >= 0 && v <= 100))
		return -1;
	while (*end == ' ')
		end++;
	if (*end == '%')
		end++;
	/* A hundredth of a percent is the finest share there is; finer ones are no share. */
	if (*end || fabs(v * 100 - round(v * 100)) > 1e-6)
		return -1;
	*bp = (int)lround(v * 100);
	return 0;
}

/* "#41", "41" or "rollout:41" as a number above 0; 0 otherwise. */
static int64_t read_number(const char *text)
{
	const char *colon = strchr(text, ':');
	char *end;
	long long v;

	if (colon)
		text = colon + 1;
	if (*text == '#')
		text++;
	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	v = strtoll(text, &end, 10);
	return *end || errno || v > 9000000000000000LL ? 0 : v;
}

static int read_time(const char *text, int64_t now_us, int64_t *us)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
		"%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%H:%M:%S", "%H:%M"};
	time_t now = (time_t)(now_us / 1000000);
	int64_t ms;

	if (duration_parse(text, &ms) == 0) {
		*us = now_us - ms * 1000;
		return 0;
	}
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct tm tm;
		const char *end;

		gmtime_r(&now, &tm);
		tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
		end = strptime(text, forms[i], &tm);
		if (!end)
			continue;
		if (*end == '.')
			end += 1 + strspn(end + 1, "0123456789");
		if (*end == 'Z')
			end++;
		if (*end)
			continue;
		*us = (int64_t)timegm(&tm) * 1000000;
		return 0;
	}
	return -1;
}

/* A value as the engine takes it. kind: 't' text, 'i' number, 'b' true, 'n' null. */
struct wire_value {
	char kind;
	char *text; /* owned; of 't' */
	int64_t number;
};

static int read_arm(const char *text, struct wire_value *v, struct err *e)
{
	v->kind = 'i';
	if (strcmp(text, "stable") == 0)
		v->number = 0;
	else if (strcmp(text, "candidate") == 0)
		v->number = 10000;
	else if (strcmp(text, "none") == 0)
		v->kind = 'n';
	else
		return err_set(e, ERR_INVALID, "\"%.40s\" is not stable, candidate or none", text);
	return 0;
}

/* An endpoint or version with its project before it, as lists and bodies name it. */
static char *qualified(const struct parsed *p, const char *text)
{
	const char *project = parsed_get(p, "project");

	if (project && !strpbrk(text, "/~"))
		return xasprintf("%s/%s", project, text);
	return xstrdup(text);
}

static int read_value(
	const struct parsed *p, int i, int64_t now_us, struct wire_value *v, struct err *e)
{
	const char *type = p->values[i].type, *text = p->values[i].value;
	int bp;

	*v = (struct wire_value){.kind = 'i'};
	if (!*type) {
		v->kind = 'b';
	} else if (strcmp(type, "PERCENT") == 0) {
		if (command_share(text, &bp) < 0)
			return err_set(e, ERR_INVALID,
				"\"%.40s\" is not a share: 0%% to 100%%, in hundredths", text);
		v->number = bp;
	} else if (strcmp(type, "N") == 0 || strcmp(type, "SEQ") == 0 ||
		   strcmp(type, "COUNT") == 0 || strcmp(type, "CHANGE") == 0) {
		v->number = read_number(text);
		if (!v->number)
			return err_set(e, ERR_INVALID, "\"%.40s\" is not a number above 0", text);
	} else if (strcmp(type, "TIME") == 0) {
		if (read_time(text, now_us, &v->number) < 0)
			return err_set(e, ERR_INVALID,
				"\"%.40s\" is not a time: 1h (ago), 14:02, 2026-11-24 14:02 (UTC)",
				text);
	} else if (strcmp(type, "DURATION") == 0) {
		if (duration_parse(text, &v->number) < 0)
			return err_set(
				e, ERR_INVALID, "\"%.40s\" is not a duration: 90s, 30m, 2h", text);
	} else if (strcmp(type, "ARM") == 0) {
		return read_arm(text, v, e);
	} else {
		v->kind = 't';
		v->text = strcmp(type, "ENDPOINT") == 0 ? qualified(p, text) : xstrdup(text);
	}
	return 0;
}

static int index_of(const struct parsed *p, const char *name)
{
	for (int i = 0; i < p->count; i++)
		if (strcmp(p->values[i].name, name) == 0)
			return i;
	return -1;
}

/* The digits of "41" or "#41"; NULL of anything else. */
static const char *number_of(const char *text)
{
	text += *text == '#';
	return *text && !text[strspn(text, "0123456789")] ? text : NULL;
}

/* A path's segment: PROJECT/NAME is written PROJECT~NAME there. */
static int add_segment(const struct parsed *p, int i, struct buf *out, struct err *e)
{
	const char *type = p->values[i].type;
	struct wire_value v;
	char *text;

	if (strcmp(type, "SUBJECT") == 0 && number_of(p->values[i].value)) {
		buf_adds(out, number_of(p->values[i].value));
		return 0;
	}
	if (strcmp(type, "ENDPOINT") == 0 || strcmp(type, "VERSION") == 0 ||
		strcmp(type, "SUBJECT") == 0) {
		text = qualified(p, p->values[i].value);
		for (char *c = strchr(text, '/'); c; c = strchr(c, '/'))
			*c = '~';
		codec_escape(out, text);
		free(text);
		return 0;
	}
	if (read_value(p, i, 0, &v, e))
		return e ? e->code : ERR_INVALID;
	if (v.kind == 't')
		codec_escape(out, v.text);
	else
		buf_addf(out, "%" PRId64, v.number);
	free(v.text);
	return 0;
}

/* Of two paths the one for what the argument is: a name, or a number. */
static const char *path_of(const struct parsed *p)
{
	const char *path = p->command->path, *other = strchr(path, '|'), *at = strchr(path, '{');
	char name[32];
	int i;

	if (!other || !at)
		return path;
	snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 1, "}"), at + 1);
	i = index_of(p, name);
	return i >= 0 && number_of(p->values[i].value) ? other + 1 : path;
}

static int fill_path(const struct parsed *p, struct buf *out, struct err *e)
{
	for (const char *t = path_of(p); *t && *t != '|';) {
		const char *end = *t == '{' ? strchr(t, '}') : NULL;
		char name[32];
		int i;

		if (!end) {
			buf_addc(out, *t++);
			continue;
		}
		snprintf(name, sizeof name, "%.*s", (int)(end - t - 1), t + 1);
		i = index_of(p, name);
		if (i < 0)
			return err_set(e, ERR_INVALID, "%s needs %s", p->command->name, name);
		if (!p->values[i].value[0])
			return err_set(e, ERR_INVALID, "%s is empty", name);
		if (add_segment(p, i, out, e))
			return e ? e->code : ERR_INVALID;
		t = end + 1;
	}
	return 0;
}

static void put_query(struct buf *path, int *n, const char *key, const struct wire_value *v)
{
	buf_addf(path, "%c%s=", (*n)++ ? '&' : '?', key);
	if (v->kind == 't')
		codec_escape(path, v->text);
	else
		buf_addf(path, "%" PRId64, v->kind == 'b' ? 1 : v->number);
}

static void put_body(struct codec_body *body, const char *key, const struct wire_value *v)
{
	if (v->kind == 't')
		codec_put_str(body, key, v->text);
	else if (v->kind == 'i')
		codec_put_int(body, key, v->number);
	else if (v->kind == 'b')
		codec_put_bool(body, key, 1);
	else
		codec_put_null(body, key);
}

/* Walks "argument:wire argument:wire" and puts those that were given. */
static int put_fields(const struct parsed *p, int64_t now_us, struct buf *path,
	struct codec_body *body, struct err *e)
{
	int queries = 0;

	for (const char *f = p->command->fields; *f;) {
		size_t n = strcspn(f, " "), name_len = strcspn(f, ":");
		char name[32], key[32];
		struct wire_value v;
		int i;

		snprintf(name, sizeof name, "%.*s", (int)name_len, f);
		snprintf(key, sizeof key, "%.*s", (int)(n - name_len - 1), f + name_len + 1);
		f += n;
		f += *f == ' ';
		i = index_of(p, name);
		if (i < 0)
			continue;
		if (read_value(p, i, now_us, &v, e)) {
			err_field(e, name);
			return ERR_INVALID;
		}
		if (p->command->method == METHOD_GET)
			put_query(path, &queries, key, &v);
		else
			put_body(body, key, &v);
		free(v.text);
	}
	return 0;
}

int command_request(const struct parsed *p, int64_t now_us, char **path, char **body, struct err *e)
{
	struct buf out = {0};
	struct codec_body members;
	const char *reason = parsed_get(p, "reason");
	int rc;

	must(p->command && p->command->method != METHOD_LOCAL);
	codec_open(&members);
	rc = fill_path(p, &out, e);
	if (rc == 0)
		rc = put_fields(p, now_us, &out, &members, e);
	if (rc) {
		buf_release(&out);
		free(codec_close(&members));
		return rc;
	}
	if (reason)
		codec_put_str(&members, "reason", reason);
	if (p->command->method == METHOD_POST && parsed_get(p, "dry-run"))
		buf_adds(&out, "?dry_run=1");
	*path = buf_detach(&out);
	*body = codec_close(&members);
	if (p->command->method == METHOD_GET)
		xfree(*body);
	return 0;
}
