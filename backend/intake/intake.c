/* intake.c: proposals as they are put together, and the words that names are made of. */
#include "backend/intake/intake.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

void intake_release(struct intake *in)
{
	for (int i = 0; i < in->count; i++)
		buf_release(&in->endpoints[i].notes);
	free(in->endpoints);
	buf_release(&in->notes);
	*in = (struct intake){0};
}

struct intake_endpoint *intake_add(struct intake *in)
{
	in->endpoints = xrealloc(in->endpoints, (size_t)in->count + 1, sizeof *in->endpoints);
	in->endpoints[in->count] = (struct intake_endpoint){0};
	return &in->endpoints[in->count++];
}

/* What stands in a comment comes from servers and files: one line of printable ASCII. */
static void clean(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
}

void intake_choose(struct intake_choice *c, const char *value, const char *fmt, ...)
{
	va_list ap;

	*c = (struct intake_choice){0};
	str_copy(c->value, sizeof c->value, value);
	va_start(ap, fmt);
	vsnprintf(c->why, sizeof c->why, fmt, ap);
	va_end(ap);
	clean(c->why);
}

void intake_note(struct buf *notes, const char *fmt, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	clean(line);
	buf_addf(notes, "%s\n", line);
}

struct intake_version *intake_version(struct intake_endpoint *ep, const char *name)
{
	struct intake_version *v;

	for (int i = 0; i < ep->version_count; i++)
		if (strcmp(ep->versions[i].name, name) == 0)
			return &ep->versions[i];
	if (ep->version_count == INTAKE_VERSIONS)
		return NULL;
	v = &ep->versions[ep->version_count++];
	*v = (struct intake_version){0};
	str_copy(v->name, sizeof v->name, name);
	return v;
}

int intake_server_add(struct intake_version *v, const char *host, int port)
{
	struct intake_server *s = &v->servers[v->server_count];

	for (int i = 0; i < v->server_count; i++)
		if (v->servers[i].port == port && strcmp(v->servers[i].host, host) == 0)
			return 0;
	if (v->server_count == INTAKE_SERVERS)
		return -1;
	str_copy(s->host, sizeof s->host, host);
	s->port = port;
	v->server_count++;
	return 1;
}

void intake_name(const char *text, char out[INTAKE_NAME])
{
	size_t n = 0;

	for (; *text && n < INTAKE_NAME - 1; text++) {
		unsigned char c = (unsigned char)*text;
		int fits = c < 0x80 && (isalnum(c) || c == '_' || c == '.');

		if (fits && (n > 0 || isalnum(c)))
			out[n++] = (char)tolower(c);
		else if (!fits && n > 0 && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n > 0 && strchr("-_.", out[n - 1]))
		n--;
	out[n] = '\0';
}

/* The next word of *p into word: "userId" and "user_id" both give user and id. 0 = no more. */
static int next_word(const char **p, char *word, size_t size)
{
	const char *s = *p;
	size_t n = 0;

	while (*s && !isalnum((unsigned char)*s))
		s++;
	while (isalnum((unsigned char)*s) && n < size - 1) {
		/* A capital begins a word, save in a row of them: "ID" is one. */
		if (n > 0 && isupper((unsigned char)*s) && !isupper((unsigned char)s[-1]))
			break;
		word[n++] = (char)tolower((unsigned char)*s++);
	}
	word[n] = '\0';
	*p = s;
	return n > 0;
}

static int in_list(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; (at = strstr(at, word)) != NULL; at += n)
		if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return 1;
	return 0;
}

int intake_has_word(const char *text, const char *list)
{
	char word[48];

	while (next_word(&text, word, sizeof word)) {
		size_t n = strlen(word);

		if (in_list(list, word))
			return 1;
		/* green1 is a green one, too. */
		while (n > 1 && isdigit((unsigned char)word[n - 1]))
			word[--n] = '\0';
		if (in_list(list, word))
			return 1;
	}
	return 0;
}

/* Words of a path that name no model. */
#define PATH_WORDS                                                                                 \
	"api v0 v1 v2 v3 v4 models model predict predictions prediction infer inference invoke "   \
	"invocations score scores scoring classify classification versions version latest rest "   \
	"serve serving ml proxy json batch ping health root www"

void intake_endpoint_name(const struct intake_url *u, char out[INTAKE_NAME])
{
	char copy[sizeof u->path], *rest = copy, *part;
	char host[sizeof u->host];

	str_copy(copy, sizeof copy, u->path);
	copy[strcspn(copy, "?#")] = '\0';
	while ((part = strsep(&rest, "/:")) != NULL) {
		intake_name(part, out);
		if (out[0] && isalpha((unsigned char)out[0]) && !in_list(PATH_WORDS, out))
			return;
	}
	str_copy(host, sizeof host, u->host);
	host[strcspn(host, ".")] = '\0';
	intake_name(host, out);
	if (!out[0] || !isalpha((unsigned char)out[0]) || strcmp(out, "localhost") == 0)
		str_copy(out, INTAKE_NAME, "model");
}
