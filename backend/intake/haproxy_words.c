/* haproxy_words.c: one line of a haproxy.cfg into words, as HAProxy does it (section 2.2): blanks
 * part them; a backslash escapes; single quotes keep everything, double quotes let variables in. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/intake/haproxy_file.h"

struct split {
	const char *p;
	haproxy_env env;
	void *arg;
	char *out, *end; /* one byte is kept for the NUL */
};

static void put(struct split *s, char c)
{
	if (s->out < s->end)
		*s->out++ = c;
}

/* $NAME, ${NAME}, ${NAME-default}, ${NAME[*]} at *p, which stands on the dollar. The value, or NULL
 * when there is none; name has its name, *p is moved behind it. "" for a lone dollar. */
static const char *variable(
	const char **p, haproxy_env env, void *arg, char *name, char *fallback, size_t size)
{
	const char *at = *p + 1, *value;
	int brace = *at == '{';
	size_t n;

	at += brace;
	n = 0;
	while (isalnum((unsigned char)at[n]) || at[n] == '_' || (n == 0 && at[n] == '.'))
		n++;
	snprintf(name, size, "%.*s", (int)n, at);
	fallback[0] = '\0';
	at += n;
	value = n ? env(arg, name) : NULL;
	if (brace) {
		const char *close = strchr(at, '}');

		if (*at == '-' && close) {
			snprintf(fallback, size, "%.*s", (int)(close - at - 1), at + 1);
			value = value ? value : fallback;
		}
		at = close ? close + 1 : at + strlen(at);
	}
	if (n == 0 && !brace) {
		*p += 1;
		return "$";
	}
	*p = at;
	return value;
}

static void put_variable(struct split *s)
{
	char name[128], fallback[128];
	const char *value = variable(&s->p, s->env, s->arg, name, fallback, sizeof name);

	/* An unknown one stays as it is written, so that it can be told of. */
	if (!value) {
		for (const char *c = "${"; *c; c++)
			put(s, *c);
		for (const char *c = name; *c; c++)
			put(s, *c);
		put(s, '}');
		return;
	}
	for (; *value; value++)
		put(s, *value);
}

static void put_escaped(struct split *s)
{
	static const char from[] = "nrt", to[] = "\n\r\t";
	const char *known;
	char c = s->p[1];

	if (!c) {
		s->p++;
		return;
	}
	if (c == 'x' && isxdigit((unsigned char)s->p[2]) && isxdigit((unsigned char)s->p[3])) {
		unsigned v = 0;

		sscanf(s->p + 2, "%2x", &v);
		if (v)
			put(s, (char)v);
		s->p += 4;
		return;
	}
	known = strchr(from, c);
	put(s, known ? to[known - from] : c);
	s->p += 2;
}

/* One word; 0 when a quote is not closed. */
static int word(struct split *s)
{
	char quote = '\0';

	while (*s->p && (quote || (!isspace((unsigned char)*s->p) && *s->p != '#'))) {
		char c = *s->p;

		if (quote == '\'' && c != '\'') {
			put(s, c);
			s->p++;
		} else if ((c == '"' || c == '\'') && (!quote || quote == c)) {
			quote = quote ? '\0' : c;
			s->p++;
		} else if (c == '\\') {
			put_escaped(s);
		} else if (c == '$' && quote == '"') {
			put_variable(s);
		} else {
			put(s, c);
			s->p++;
		}
	}
	*s->out++ = '\0';
	return !quote;
}

int haproxy_split(const char *line, haproxy_env env, void *arg, char *room, size_t size,
	const char *words[HAPROXY_WORDS])
{
	struct split s = {line, env, arg, room, room + size - HAPROXY_WORDS - 1};
	int n = 0;

	for (;;) {
		while (isspace((unsigned char)*s.p))
			s.p++;
		if (!*s.p || *s.p == '#' || n == HAPROXY_WORDS)
			return n;
		words[n++] = s.out;
		if (!word(&s))
			return -1;
	}
}

int haproxy_expand(const char *text, haproxy_env env, void *arg, char *out, size_t size)
{
	char name[128], fallback[128];
	size_t n = 0;

	while (*text) {
		const char *value;
		char one[2] = {*text, '\0'};

		if (*text == '$') {
			value = variable(&text, env, arg, name, fallback, sizeof name);
			if (!value) {
				str_copy(out, size, name);
				return -1;
			}
		} else {
			value = one;
			text++;
		}
		for (; *value && n + 1 < size; value++)
			out[n++] = *value;
	}
	out[n] = '\0';
	return 0;
}
