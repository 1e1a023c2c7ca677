/* canonical.c: one table of keys, in their sorted order, writes and reads the canonical form. It is
 * what RFC 8785 (JCS) gives for these members, so that any JCS library makes the same bytes. */
#include "backend/audit/canonical.h"

#include <inttypes.h>
#include <string.h>

enum kind { KIND_TEXT, KIND_INT64, KIND_INT };

struct member {
	const char *key; /* quoted and with its colon, as it is written */
	enum kind kind;
	size_t offset;
};

#define MEMBER(name, kind)                                                                         \
	{                                                                                          \
		"\"" #name "\":", kind, offsetof(struct event, name)                               \
	}

static const struct member members[] = {
	MEMBER(actor, KIND_TEXT),
	MEMBER(actor_uid, KIND_INT64),
	MEMBER(after, KIND_TEXT),
	MEMBER(at_us, KIND_INT64),
	MEMBER(before, KIND_TEXT),
	MEMBER(causes, KIND_TEXT),
	MEMBER(change, KIND_INT),
	MEMBER(endpoint, KIND_TEXT),
	MEMBER(environment, KIND_TEXT),
	MEMBER(login_uid, KIND_INT64),
	MEMBER(project, KIND_TEXT),
	MEMBER(reason, KIND_TEXT),
	MEMBER(request_id, KIND_TEXT),
	MEMBER(role, KIND_TEXT),
	MEMBER(rollout, KIND_INT64),
	MEMBER(seq, KIND_INT64),
	MEMBER(subject, KIND_TEXT),
	MEMBER(undo_of, KIND_INT64),
	MEMBER(verb, KIND_TEXT),
	MEMBER(version, KIND_TEXT),
	MEMBER(via, KIND_TEXT),
};

#define MEMBER_COUNT (sizeof members / sizeof members[0])

/* Length of the UTF-8 character at s, 0 when it is not one (overlong and surrogates are not). */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (n == 0 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static const char short_escapes[] = "\bb\tt\nn\ff\rr\"\"\\\\"; /* character, its letter */

static void add_escaped(struct buf *out, unsigned char c)
{
	for (const char *p = short_escapes; *p; p += 2) {
		if ((unsigned char)p[0] == c) {
			buf_addc(out, '\\');
			buf_addc(out, p[1]);
			return;
		}
	}
	buf_addf(out, "\\u%04x", c);
}

static void add_string(struct buf *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	const unsigned char *plain = s; /* start of what is copied as it is */

	buf_addc(out, '"');
	while (*s) {
		size_t n = utf8_length(s);

		if (n > 0 && *s >= 0x20 && *s != '"' && *s != '\\') {
			s += n;
			continue;
		}
		buf_add(out, plain, (size_t)(s - plain));
		if (n == 0)
			buf_adds(out, "\xef\xbf\xbd");
		else
			add_escaped(out, *s);
		plain = ++s;
	}
	buf_add(out, plain, (size_t)(s - plain));
	buf_addc(out, '"');
}

void canonical_format(const struct event *ev, struct buf *out)
{
	char separator = '{';

	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		const struct member *m = &members[i];
		const void *at = (const char *)ev + m->offset;
		const char *text = m->kind == KIND_TEXT ? *(const char *const *)at : NULL;

		if (m->kind == KIND_TEXT && (!text || !*text))
			continue;
		buf_addc(out, separator);
		separator = ',';
		buf_adds(out, m->key);
		if (m->kind == KIND_TEXT)
			add_string(out, text);
		else if (m->kind == KIND_INT64)
			buf_addf(out, "%" PRId64, *(const int64_t *)at);
		else
			buf_addf(out, "%d", *(const int *)at);
	}
	buf_addc(out, '}');
}

static int hex_value(int c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads the escape after a backslash at p; the character, or -1. *next is behind it. */
static int parse_escape(const char *p, const char *end, const char **next)
{
	int high, low;

	if (p >= end)
		return -1;
	for (const char *s = short_escapes; *s; s += 2) {
		if (s[1] == *p) {
			*next = p + 1;
			return s[0];
		}
	}
	if (end - p < 5 || memcmp(p, "u00", 3) != 0)
		return -1;
	high = hex_value(p[3]);
	low = hex_value(p[4]);
	*next = p + 5;
	return high < 0 || low < 0 || (high == 0 && low == 0) ? -1 : high * 16 + low;
}

/* Reads a quoted string at p into *scratch (moved on); what follows it, or NULL. */
static const char *parse_string(const char *p, const char *end, char **scratch)
{
	char *out = *scratch;

	if (p >= end || *p++ != '"')
		return NULL;
	for (;;) {
		const char *plain = p;

		while (p < end && *p != '"' && *p != '\\' && *p != '\0')
			p++;
		if (p >= end || *p == '\0')
			return NULL;
		memcpy(out, plain, (size_t)(p - plain));
		out += p - plain;
		if (*p == '"')
			break;
		int c = parse_escape(p + 1, end, &p);
		if (c < 0)
			return NULL;
		*out++ = (char)c;
	}
	*out++ = '\0';
	*scratch = out;
	return p + 1;
}

static const char *parse_integer(const char *p, const char *end, int64_t *out)
{
	int negative = p < end && *p == '-';
	const char *start = p += negative;
	uint64_t n = 0;

	while (p < end && *p >= '0' && *p <= '9' && p - start < 18)
		n = n * 10 + (uint64_t)(*p++ - '0');
	if (p == start || (*start == '0' && (p - start > 1 || negative)))
		return NULL;
	*out = negative ? -(int64_t)n : (int64_t)n;
	return p;
}

/* Reads the value of m at p into out; what follows it, or NULL. */
static const char *parse_value(
	const struct member *m, const char *p, const char *end, struct event *out, char **scratch)
{
	void *at = (char *)out + m->offset;
	int64_t n;

	if (m->kind == KIND_TEXT) {
		*(const char **)at = *scratch;
		return parse_string(p, end, scratch);
	}
	p = parse_integer(p, end, &n);
	if (p && m->kind == KIND_INT64)
		*(int64_t *)at = n;
	else if (p)
		*(int *)at = (int)n;
	return p;
}

int canonical_parse(const char *text, size_t n, struct event *out, char *scratch)
{
	const char *p = text, *end = text + n;
	char separator = '{';

	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		const struct member *m = &members[i];
		size_t length = strlen(m->key);

		if (p >= end)
			return -1;
		if (*p == separator && (size_t)(end - p) > length &&
			memcmp(p + 1, m->key, length) == 0) {
			p = parse_value(m, p + 1 + length, end, out, &scratch);
			if (!p)
				return -1;
			separator = ',';
		} else if (m->kind != KIND_TEXT) {
			return -1;
		}
	}
	return p + 1 == end && *p == '}' ? 0 : -1;
}

void canonical_hash(
	const char *prev, const char *text, size_t n, struct buf *scratch, char out[DIGEST_HEX])
{
	buf_reset(scratch);
	buf_adds(scratch, prev);
	buf_addc(scratch, '\n');
	buf_add(scratch, text, n);
	digest_hex(scratch->data, scratch->len, out);
}
