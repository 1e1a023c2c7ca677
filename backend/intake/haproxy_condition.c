/* haproxy_condition.c: the conditions of `.if` and `.elif` (section 2.4 of HAProxy's configuration
 * manual), as far as a file can be read without the program. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/intake/haproxy_priv.h"

/* The n-th argument of f(a,b), without blanks and quotes around it. */
static void argument(const char *text, int n, char *out, size_t size)
{
	const char *at = strchr(text, '(');
	size_t len;

	out[0] = '\0';
	for (; at && n > 0; n--)
		at = strchr(at + 1, ',');
	if (!at)
		return;
	at++;
	at += strspn(at, " \t\"'");
	len = strcspn(at, ",)\"'");
	while (len > 0 && isspace((unsigned char)at[len - 1]))
		len--;
	if (len < size) {
		memcpy(out, at, len);
		out[len] = '\0';
	}
}

static int term(const char *text, haproxy_env env, void *arg)
{
	char a[128], b[128];

	text += strspn(text, " \t(");
	if (*text == '!')
		return !term(text + 1, env, arg);
	argument(text, 0, a, sizeof a);
	argument(text, 1, b, sizeof b);
	if (strncmp(text, "defined(", 8) == 0)
		return env(arg, a) != NULL;
	if (strncmp(text, "streq(", 6) == 0)
		return strcmp(a, b) == 0;
	if (strncmp(text, "strneq(", 7) == 0)
		return strcmp(a, b) != 0;
	if (strncmp(text, "version_before(", 15) == 0)
		return strtod(a, NULL) > 3;
	if (strncmp(text, "version_atleast(", 16) == 0)
		return strtod(a, NULL) <= 3;
	if (isdigit((unsigned char)*text))
		return strtol(text, NULL, 10) != 0;
	return text[strspn(text, " \t")] != '\0';
}

int haproxy_condition(const char *text, haproxy_env env, void *arg)
{
	char *copy = xstrdup(text), *rest = copy, *either;
	int holds = 0;

	while (!holds && (either = strstr(rest, "||")) != NULL) {
		*either = '\0';
		holds = haproxy_condition(rest, env, arg);
		rest = either + 2;
	}
	if (!holds) {
		char *both = strstr(rest, "&&");

		if (both)
			*both = '\0';
		holds = term(rest, env, arg) && (!both || haproxy_condition(both + 2, env, arg));
	}
	free(copy);
	return holds;
}
