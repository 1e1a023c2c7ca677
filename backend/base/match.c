/* match.c: bounded regular expressions over PCRE2. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "backend/base/match.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

/* About 10 ms of the worst pattern per text: enough for any honest one. */
#define MATCH_LIMIT 100000
#define PATTERN_MAX 1000

struct match {
	pcre2_code *code;	      /* owned */
	pcre2_match_data *data;	      /* owned */
	pcre2_match_context *context; /* owned */
};

static int has_capital(const char *p)
{
	for (; *p; p++) {
		if (*p == '\\' && p[1]) /* \W is a class, not a capital letter */
			p++;
		else if (*p >= 'A' && *p <= 'Z')
			return 1;
	}
	return 0;
}

struct match *match_new(const char *pattern, struct err *e)
{
	uint32_t flags = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
	struct match *m;
	int code;
	PCRE2_SIZE at;

	if (strlen(pattern) > PATTERN_MAX) {
		err_set(e, ERR_REGEX, "the filter is longer than %d characters", PATTERN_MAX);
		return NULL;
	}
	if (!has_capital(pattern))
		flags |= PCRE2_CASELESS;
	m = xcalloc(1, sizeof *m);
	m->code =
		pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, flags, &code, &at, NULL);
	if (!m->code) {
		PCRE2_UCHAR words[160];
		pcre2_get_error_message(code, words, sizeof words);
		err_set(e, ERR_REGEX, "bad pattern at character %zu: %s", (size_t)at,
			(char *)words);
		match_free(m);
		return NULL;
	}
	pcre2_jit_compile(m->code, PCRE2_JIT_COMPLETE); /* without JIT it is slower, not wrong */
	m->data = pcre2_match_data_create_from_pattern(m->code, NULL);
	m->context = pcre2_match_context_create(NULL);
	must(m->data && m->context);
	pcre2_set_match_limit(m->context, MATCH_LIMIT);
	pcre2_set_depth_limit(m->context, 10000);
	return m;
}

void match_free(struct match *m)
{
	if (!m)
		return;
	pcre2_match_context_free(m->context);
	pcre2_match_data_free(m->data);
	pcre2_code_free(m->code);
	free(m);
}

int match_find(struct match *m, const char *text, size_t n, struct err *e)
{
	int rc = pcre2_match(m->code, (PCRE2_SPTR)text, n, 0, 0, m->data, m->context);

	if (rc >= 0)
		return 1;
	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
		rc == PCRE2_ERROR_JIT_STACKLIMIT || rc == PCRE2_ERROR_HEAPLIMIT)
		return err_set(e, ERR_REGEX,
			"the pattern is too costly: it backtracks without end on some rows");
	return err_set(e, ERR_REGEX, "the pattern failed (code %d)", rc);
}
