/* router.c: matches a path to a row of the table and checks what stands in path and query. */
#include "backend/api/router.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/api/suggest.h"
#include "backend/base/xalloc.h"

#define SEGMENTS     8
#define REASON_CHARS 500
#define INT_MOST     9007199254740992LL /* 2^53: what a JSON number carries exactly */

struct segment {
	const char *text;
	size_t n;
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int router_decode(const char *text, size_t n, char *out, size_t size)
{
	size_t o = 0;

	for (size_t i = 0; i < n; i++) {
		int c = (unsigned char)text[i];

		if (c == '%') {
			int high = i + 2 < n ? hex_digit(text[i + 1]) : -1;
			int low = i + 2 < n ? hex_digit(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -1;
			c = high * 16 + low;
			i += 2;
		}
		if (c == 0 || o + 1 >= size)
			return -1;
		out[o++] = (char)c;
	}
	out[o] = '\0';
	return 0;
}

/* Cuts a path at its slashes. -1 when there are too many or one is empty. */
static int split(const char *path, struct segment *out)
{
	int count = 0;

	while (*path == '/') {
		const char *end;

		path++;
		end = path + strcspn(path, "/");
		if (count == SEGMENTS || end == path)
			return -1;
		out[count++] = (struct segment){path, (size_t)(end - path)};
		path = end;
	}
	return *path ? -1 : count;
}

/* Whether the path's segments fit the pattern. */
static int fits(const struct segment *path, int count, const char *pattern)
{
	struct segment want[SEGMENTS];

	if (split(pattern, want) != count)
		return 0;
	for (int i = 0; i < count; i++)
		if (want[i].text[0] != '{' &&
			(want[i].n != path[i].n ||
				memcmp(want[i].text, path[i].text, want[i].n) != 0))
			return 0;
	return 1;
}

static int take_params(struct request *rq, const struct segment *path, int count, struct err *e)
{
	struct segment want[SEGMENTS];
	int next = 0;

	must(split(rq->route->pattern, want) == count);
	for (int i = 0; i < count; i++) {
		if (want[i].text[0] != '{')
			continue;
		must(next < REQUEST_PARAMS);
		if (router_decode(path[i].text, path[i].n, rq->param[next], sizeof rq->param[0]) !=
			0) {
			err_set(e, ERR_INVALID,
				"the path holds a broken %%-escape or a name that is too long");
			return err_field(e, "path");
		}
		next++;
	}
	return 0;
}

static int not_found(const struct request *rq, struct err *e)
{
	struct suggest s = {.word = rq->path};

	for (const struct route *r = routes; r->method; r++)
		suggest_try(&s, r->pattern);
	err_set(e, ERR_NOT_FOUND, "there is no path %.120s", rq->path);
	if (s.best)
		return err_hint(e, "did you mean %s?", s.best);
	return err_hint(e, "GET /v1/openapi.json lists all paths");
}

int router_find(struct request *rq, struct err *e)
{
	struct segment path[SEGMENTS];
	int count = split(rq->path, path);
	size_t used = 0;

	for (const struct route *r = routes; count > 0 && r->method; r++) {
		if (!fits(path, count, r->pattern))
			continue;
		if (strcmp(r->method, rq->method) == 0) {
			rq->route = r;
			return take_params(rq, path, count, e);
		}
		if (used + strlen(r->method) + 3 < sizeof rq->reply.allow) {
			used += (size_t)snprintf(rq->reply.allow + used,
				sizeof rq->reply.allow - used, "%s%s", used ? ", " : "", r->method);
		}
	}
	if (!used)
		return not_found(rq, e);
	err_set(e, ERR_METHOD, "%.15s does not go with %.120s", rq->method, rq->path);
	return err_hint(e, "use %s", rq->reply.allow);
}

int router_parse_query(struct request *rq, const char *query, struct err *e)
{
	while (query && *query) {
		size_t n = strcspn(query, "&"), key = strcspn(query, "=&");
		char name[32];
		char *value = xcalloc(n + 1, 1);
		size_t skip = key < n ? key + 1 : n;

		/* In queries a plus is a space, as browsers and curl --data-urlencode send it. */
		for (size_t i = skip; i < n; i++)
			value[i - skip] = query[i] == '+' ? ' ' : query[i];
		if (router_decode(query, key, name, sizeof name) != 0 ||
			router_decode(value, n - skip, value, n + 1) != 0 ||
			rq->query_count == REQUEST_QUERIES || request_query(rq, name)) {
			free(value);
			err_set(e, ERR_INVALID,
				"the query is broken at \"%.60s\": a bad escape, a repeated name, "
				"or too many",
				query);
			return err_field(e, "query");
		}
		str_copy(rq->query[rq->query_count].name, sizeof name, name);
		rq->query[rq->query_count++].value = value;
		query += n;
		query += *query == '&';
	}
	return 0;
}

static const struct field *field_find(const struct field *list, const char *name)
{
	for (; list && list->name; list++)
		if (strcmp(list->name, name) == 0)
			return list;
	return NULL;
}

static int unknown_query(const struct request *rq, const char *name, struct err *e)
{
	struct suggest s = {.word = name};

	for (const struct field *f = rq->route->query; f && f->name; f++)
		suggest_try(&s, f->name);
	if (rq->route->mutates)
		suggest_try(&s, "dry_run");
	err_set(e, ERR_INVALID, "%s %s takes no query parameter \"%s\"", rq->route->method,
		rq->route->pattern, name);
	if (s.best)
		err_hint(e, "did you mean %s?", s.best);
	return err_field(e, name);
}

int router_check_query(const struct request *rq, struct err *e)
{
	for (int i = 0; i < rq->query_count; i++) {
		const char *name = rq->query[i].name;
		const struct field *f = field_find(rq->route->query, name);
		enum field_type type = f ? f->type : FIELD_BOOL;

		if (!f && !(rq->route->mutates && strcmp(name, "dry_run") == 0))
			return unknown_query(rq, name, e);
		if (field_check_text(name, type, rq->query[i].value, e) != 0)
			return e->code;
	}
	for (const struct field *f = rq->route->query; f && f->name; f++)
		if (f->required && !request_query(rq, f->name)) {
			err_set(e, ERR_INVALID, "the query parameter %s is missing: %s", f->name,
				f->help);
			return err_field(e, f->name);
		}
	return 0;
}

int field_parse_int(const char *text, int64_t *out)
{
	int64_t v = 0;

	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		v = v * 10 + (*text - '0');
		if (v > INT_MOST)
			return -1;
	}
	*out = v;
	return 0;
}

/* Whether text has 1..most bytes, all alphanumeric or of `extra`, and starts with neither '.' nor
 * '-', so that a name is never a path or an option. */
static int is_name(const char *text, const char *extra, size_t most)
{
	size_t n = strlen(text);

	if (n < 1 || n > most || text[0] == '.' || text[0] == '-')
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(extra, text[i]))
			return 0;
	return 1;
}

static int is_id(const char *text)
{
	size_t n = strcspn(text, "/~");
	char project[NAME_SIZE];

	if (!text[n])
		return is_name(text, "._-", NAME_SIZE - 1);
	if (n >= sizeof project)
		return 0;
	memcpy(project, text, n);
	project[n] = '\0';
	return is_name(project, "._-", NAME_SIZE - 1) &&
	       is_name(text + n + 1, "._-", NAME_SIZE - 1);
}

/* What is wrong with a reason, or NULL. Both limits count: people count characters, rows bytes. */
static const char *reason_fault(const char *text)
{
	size_t chars = 0;

	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		/* C0, DEL, and C1 (U+0080..U+009F is C2 80..C2 9F): terminals would obey them. */
		if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
			return "must not hold control characters or line breaks";
		chars += (*p & 0xc0) != 0x80;
	}
	if (chars > REASON_CHARS || strlen(text) >= REASON_SIZE)
		return "is longer than 500 characters";
	return NULL;
}

static const char *text_fault(enum field_type type, const char *text)
{
	int64_t number;

	switch (type) {
	case FIELD_REASON:
		return reason_fault(text);
	case FIELD_NAME:
		return is_name(text, "._-", NAME_SIZE - 1) ? NULL
							   : "must be a name: letters, digits, "
							     "\".\", \"_\" and \"-\", at most 63";
	case FIELD_ID:
		return is_id(text) ? NULL : "must be NAME, PROJECT/NAME or PROJECT~NAME";
	case FIELD_SEGMENT:
		return is_name(text, "._:-", 60) ? NULL
						 : "must be a segment: letters, digits, \".\", "
						   "\"_\", \":\" and \"-\", at most 60";
	case FIELD_INT:
	case FIELD_SHARE:
	case FIELD_SHARE_NULL:
		return field_parse_int(text, &number) == 0 &&
				       (type == FIELD_INT || number <= SHARE_ALL)
			       ? NULL
			       : "must be a whole number of digits, not negative";
	case FIELD_BOOL:
		return strcmp(text, "1") == 0 || strcmp(text, "0") == 0 ||
				       strcmp(text, "true") == 0 || strcmp(text, "false") == 0
			       ? NULL
			       : "must be 1 or 0";
	case FIELD_REGEX:
		return strlen(text) <= 1000 ? NULL : "is longer than 1000 bytes";
	case FIELD_TEXT:
	case FIELD_OUTCOMES:
	case FIELD_PREDICTIONS:
		break;
	}
	return NULL;
}

int field_check_text(const char *name, enum field_type type, const char *text, struct err *e)
{
	const char *fault = text_fault(type, text);

	if (!fault)
		return 0;
	err_set(e, ERR_INVALID, "%s %s", name, fault);
	return err_field(e, name);
}
