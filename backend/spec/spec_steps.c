/* spec_steps.c: shares and rollout steps as text and back. Also called by commands that take a
 * share or steps from a person. */
#include "backend/spec/spec_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/xalloc.h"

#define STEP_MS_MOST (INT64_C(30) * 86400000)

/* Reads 1 to most digits; their number, 0 for none or more. */
static int digits_read(const char **p, int most, int *value)
{
	int n = 0;

	for (*value = 0; **p >= '0' && **p <= '9'; (*p)++, n++) {
		if (n == most)
			return 0;
		*value = *value * 10 + (**p - '0');
	}
	return n;
}

static int share_refuse(const char *text, struct err *e)
{
	char shown[64];

	return err_set(e, ERR_INVALID,
		"`%s` is not a share: expected 0%% to 100%% with at most two decimals, or 0bp to "
		"10000bp",
		spec_quote(text, shown));
}

int share_parse(const char *text, struct err *e)
{
	const char *p = text;
	int whole, part = 0, bp;

	if (!digits_read(&p, 5, &whole))
		return share_refuse(text, e);
	if (strcmp(p, "bp") == 0) {
		bp = whole;
	} else {
		if (*p == '.') {
			p++;
			int n = digits_read(&p, 2, &part);

			if (n == 0)
				return share_refuse(text, e);
			if (n == 1)
				part *= 10;
		}
		if (strcmp(p, "%") != 0)
			return share_refuse(text, e);
		bp = whole * 100 + part;
	}
	return bp <= 10000 ? bp : share_refuse(text, e);
}

static void share_format(int bp, struct buf *out)
{
	buf_addf(out, "%d", bp / 100);
	if (bp % 100)
		buf_addf(out, bp % 10 ? ".%02d" : ".%d", bp % 10 ? bp % 100 : bp % 100 / 10);
	buf_addc(out, '%');
}

static int step_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	struct spec_step *s = at;
	char share[16];
	const char *space = strchr(text, ' ');
	struct err why;

	(void)f;
	if (!space || space == text || (size_t)(space - text) >= sizeof share)
		return err_set(e, ERR_INVALID, "expected a share and a time, such as 5%% 5m");
	memcpy(share, text, (size_t)(space - text));
	share[space - text] = '\0';
	s->share_bp = share_parse(share, &why);
	if (s->share_bp < 1)
		return err_set(e, ERR_INVALID,
			"expected a share from 0.01%% to 100%% and a time, such as 5%% 5m");
	space += strspn(space, " ");
	if (duration_parse(space, &s->least_ms) < 0 || s->least_ms > STEP_MS_MOST)
		return err_set(e, ERR_INVALID,
			"expected a time up to 30d after the share, such as 5%% 5m");
	return 0;
}

static int step_format(const struct spec_field *f, const void *at, struct buf *out)
{
	(void)f;
	spec_steps_format(at, 1, out);
	return 1;
}

const struct spec_type type_step = {
	step_parse, step_format, "^[0-9]{1,5}(\\.[0-9]{1,2})?(%|bp) +([0-9]+(d|h|ms|m|s))+$", 0};

int spec_steps_parse(const char *text, struct spec_step steps[SPEC_STEPS], struct err *e)
{
	char *copy = xstrdup(text), *rest = copy, *word, shown[64];
	struct err why;
	int count = 0, rc = 0;

	while (rc == 0 && (word = strsep(&rest, ","))) {
		word += strspn(word, " ");
		for (size_t n = strlen(word); n && word[n - 1] == ' '; n--)
			word[n - 1] = '\0';
		if (count == SPEC_STEPS)
			rc = err_set(e, ERR_INVALID, "more than %d steps", SPEC_STEPS);
		else if (step_parse(NULL, word, &steps[count], &why) < 0)
			rc = err_set(e, ERR_INVALID, "step `%s`: %s", spec_quote(word, shown),
				why.message);
		else if (count && steps[count].share_bp <= steps[count - 1].share_bp)
			rc = err_set(e, ERR_INVALID,
				"step `%s`: expected a larger share than the step before it",
				spec_quote(word, shown));
		count++;
	}
	free(copy);
	return rc < 0 ? rc : count;
}

void spec_steps_format(const struct spec_step *steps, int count, struct buf *out)
{
	char time[32];

	for (int i = 0; i < count; i++) {
		if (i)
			buf_adds(out, ", ");
		share_format(steps[i].share_bp, out);
		duration_format(steps[i].least_ms, time, sizeof time);
		buf_addf(out, " %s", time);
	}
}

static int rate_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	struct err why;
	int bp = share_parse(text, &why);

	if (bp < f->min || bp > f->max || !str_copy(at, f->size, text))
		return err_set(e, ERR_INVALID, "expected a rate from 0.01%% to 20%%, such as 1%%");
	return 0;
}

static int rate_format(const struct spec_field *f, const void *at, struct buf *out)
{
	const char *text = at;

	(void)f;
	buf_adds(out, text);
	return text[0] != '\0';
}

const struct spec_type type_rate = {
	rate_parse, rate_format, "^[0-9]{1,5}(\\.[0-9]{1,2})?(%|bp)$", 0};

static int share_read(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	struct err why;
	int bp = share_parse(text, &why);

	(void)f;
	if (bp < 1)
		return err_set(e, ERR_INVALID, "expected a share from 0.01%% to 100%%");
	*(int *)at = bp;
	return 0;
}

static int share_write(const struct spec_field *f, const void *at, struct buf *out)
{
	int bp = *(const int *)at;

	(void)f;
	if (bp)
		share_format(bp, out);
	return bp != 0;
}

const struct spec_type type_share = {
	share_read, share_write, "^[0-9]{1,5}(\\.[0-9]{1,2})?(%|bp)$", 0};
