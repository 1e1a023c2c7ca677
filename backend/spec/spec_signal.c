/* spec_signal.c: `error_rate: critical worse-by 0.5pp` as numbers, what an endpoint must have for
 * each signal, and the signals of an endpoint that names none. The rows are wire/signals.def. */
#include "backend/spec/spec_priv.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

#define OUTCOME_PREFIX "outcome:"
#define LOWER_DIGITS   "abcdefghijklmnopqrstuvwxyz0123456789_-"

enum kind { ERRORS, LATENCY, MEAN, TWO_SIDED, SHIFT, COUNT };

static const struct row {
	const char *name;
	enum kind kind;
	const char *needs, *tasks;
} rows[] = {
#define SIGNAL(name, kind, unit, decimals, needs, tasks, help) {#name, kind, needs, tasks},
#include "backend/wire/signals.def"
#undef SIGNAL
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

static const struct row *row_find(const char *name)
{
	static const struct row posted = {OUTCOME_PREFIX, MEAN, "", ""};

	for (size_t i = 0; i < ROW_COUNT; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return strncmp(name, OUTCOME_PREFIX, strlen(OUTCOME_PREFIX)) == 0 ? &posted : NULL;
}

static int name_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	const char *words[ROW_COUNT + 1] = {NULL}, *near;
	size_t prefix = strlen(OUTCOME_PREFIX), n = strlen(text);
	const char *own = text + prefix;

	for (size_t i = 0; i < ROW_COUNT; i++)
		words[i] = rows[i].name;
	if (strncmp(text, OUTCOME_PREFIX, prefix) == 0) {
		if (n == prefix || n > prefix + 40 || own[strspn(own, LOWER_DIGITS)])
			return err_set(e, ERR_INVALID,
				"expected outcome: and a name of at most 40 small letters, digits, "
				"`-` and `_`");
	} else if (!row_find(text)) {
		near = spec_nearest(text, words);
		return err_set(e, ERR_INVALID, "which is no signal%s%s%s",
			near ? ", did you mean `" : ": see pithead.yaml(5)", near ? near : "",
			near ? "`?" : "");
	}
	return str_copy(at, f->size, text) ? 0 : err_set(e, ERR_INVALID, "which is too long");
}

static int name_format(const struct spec_field *f, const void *at, struct buf *out)
{
	const char *text = at;

	(void)f;
	buf_adds(out, text);
	return text[0] != '\0';
}

const struct spec_type type_signal_name = {
	name_parse, name_format, "^([a-z0-9_]{1,40}|outcome:[a-z0-9_-]{1,40})$", 0};

/* A plain number; 0 when it is none. */
static int number_read(const char *text, double *out)
{
	char *end;

	if (!text || !*text || strspn(text, "0123456789.-") != strlen(text))
		return 0;
	*out = strtod(text, &end);
	return *end == '\0' && isfinite(*out);
}

/* "0.5pp", "20%" or "0.01", as the kind of signal has it. */
static int amount_read(enum kind kind, const char *text, double *out, struct err *e)
{
	char number[32];
	size_t n = text ? strlen(text) : 0, unit = 0;

	if (kind == ERRORS && n > 2 && strcmp(text + n - 2, "pp") == 0)
		unit = 2;
	else if ((kind == ERRORS || kind == LATENCY) && n > 1 && text[n - 1] == '%')
		unit = 1;
	if (n - unit < sizeof number && n) {
		memcpy(number, text, n - unit);
		number[n - unit] = '\0';
		if ((unit || kind == MEAN || kind == TWO_SIDED) && number_read(number, out) &&
			*out >= 0 && (kind != ERRORS || *out < 100)) {
			if (unit)
				*out /= 100;
			return 0;
		}
	}
	return err_set(e, ERR_INVALID, "expected %s",
		kind == ERRORS	  ? "a difference below 100 points, such as worse-by 0.5pp"
		: kind == LATENCY ? "a part of stable's time, such as worse-by 20%"
				  : "a number from 0 up, such as worse-by 0.01");
}

static int bounds_read(struct spec_signal *s, char *text, struct err *e)
{
	char *dots = text ? strstr(text, "..") : NULL;

	if (dots) {
		*dots = '\0';
		if (number_read(text, &s->low) && number_read(dots + 2, &s->high) &&
			s->low < s->high)
			return 0;
	}
	s->low = s->high = (double)NAN;
	return err_set(e, ERR_INVALID, "expected two bounds, such as of 0..60");
}

/* What a word after the first ones says; *rest is what follows it. */
static int word_read(struct spec_signal *s, enum kind kind, const char *word, char **rest,
	int *told, struct err *e)
{
	if (strcmp(word, "critical") == 0 || strcmp(word, "watch") == 0) {
		s->critical = word[0] == 'c';
		*told = 1;
		return 0;
	}
	if (strcmp(word, "lower-is-worse") == 0) {
		s->lower_is_worse = 1;
		return 0;
	}
	if (strcmp(word, "worse-by") == 0 && kind != SHIFT && kind != COUNT)
		return amount_read(kind, strsep(rest, " "), &s->worse_by, e);
	if (strcmp(word, "harm-at") == 0 && kind != SHIFT && kind != COUNT)
		return amount_read(kind, strsep(rest, " "), &s->harm_at, e);
	if (strcmp(word, "of") == 0)
		return bounds_read(s, strsep(rest, " "), e);
	if (strcmp(word, "psi") == 0 && kind == SHIFT) {
		if (number_read(strsep(rest, " "), &s->psi) && s->psi > 0)
			return 0;
		s->psi = (double)NAN;
		return err_set(e, ERR_INVALID, "expected a number above 0, such as psi 0.2");
	}
	return err_set(e, ERR_INVALID, "expected %s",
		kind == SHIFT ? "critical or watch, and psi NUMBER"
		: kind == COUNT
			? "watch: it cannot decide"
			: "critical or watch, worse-by AMOUNT, harm-at AMOUNT, of LOW..HIGH, "
			  "lower-is-worse");
}

static int signal_whole(const struct spec_signal *s, enum kind kind, struct err *e)
{
	if (kind == COUNT && s->critical)
		return err_set(e, ERR_INVALID, "expected watch: it cannot decide");
	if (s->critical && kind != SHIFT && !(s->worse_by > 0))
		return err_set(e, ERR_INVALID,
			"expected how much worse is too much, such as critical worse-by %s",
			kind == ERRORS	  ? "0.5pp"
			: kind == LATENCY ? "20%"
					  : "0.01");
	if (s->harm_at > s->worse_by)
		return err_set(e, ERR_INVALID, "expected harm-at not above worse-by");
	if (s->lower_is_worse && strncmp(s->name, OUTCOME_PREFIX, strlen(OUTCOME_PREFIX)) != 0)
		return err_set(e, ERR_INVALID, "expected lower-is-worse with outcome:NAME only");
	return 0;
}

static int signal_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	struct spec_signal *s =
		(void *)((char *)at - offsetof(struct spec_signal, text)); /* its member */
	const struct row *row = row_find(s->name);
	char *copy, *rest, *word;
	int rc = 0, told = 0;

	s->worse_by = s->harm_at = s->psi = s->low = s->high = (double)NAN;
	if (text[strspn(text, " ")] == '\0')
		return err_set(e, ERR_INVALID, "expected a text such as critical worse-by 0.5pp");
	if (!row || !str_copy(at, f->size, text))
		return err_set(e, ERR_INVALID, "expected at most %zu bytes", f->size - 1);
	copy = rest = xstrdup(text);
	while (rc == 0 && (word = strsep(&rest, " ")))
		if (*word)
			rc = word_read(s, row->kind, word, &rest, &told, e);
	free(copy);
	if (!told && !isnan(s->worse_by))
		s->critical = 1;
	return rc ? rc : signal_whole(s, row->kind, e);
}

const struct spec_type type_signal = {signal_parse, name_format, "^[^\\n\\t]+$", 0};

static int segment_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	char *end;
	long n;

	if (strncmp(text, "largest ", 8) == 0) {
		n = strtol(text + 8, &end, 10);
		if (*end || end == text + 8 || n < 1 || n > SPEC_SEGMENTS)
			return err_set(
				e, ERR_INVALID, "expected largest 1 to largest %d", SPEC_SEGMENTS);
	} else if (!*text || strlen(text) > 60 ||
		   text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_.:-")]) {
		return err_set(e, ERR_INVALID,
			"expected a segment of at most 60 letters, digits, `_`, `.`, `:` and `-`, "
			"or `largest N`");
	}
	return str_copy(at, f->size, text) ? 0 : err_set(e, ERR_INVALID, "which is too long");
}

const struct spec_type type_segment = {
	segment_parse, name_format, "^([A-Za-z0-9_.:-]{1,60}|largest [0-9]{1,2})$", 0};

int spec_segments_largest(const struct spec_rollout *r)
{
	if (r->segment_count != 1 || strncmp(r->segments[0], "largest ", 8) != 0)
		return 0;
	return (int)strtol(r->segments[0] + 8, NULL, 10);
}

/* -- what an endpoint can deliver -- */

static int has(const char *list, const char *word)
{
	const char *at = strstr(list, word);
	size_t n = strlen(word);

	return at && (at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0');
}

/* "" when the endpoint can deliver it, else what it lacks. */
static const char *lacks(const struct spec_endpoint *ep, const struct row *row)
{
	if (strcmp(row->needs, "score") == 0 && ep->score.kind == SOURCE_NONE)
		return "`score` at the endpoint";
	if (strcmp(row->needs, "outcome") == 0 && ep->score.kind == SOURCE_NONE)
		return "`score` at the endpoint, beside the outcome";
	if ((strcmp(row->needs, "outcome") == 0 || strcmp(row->needs, "label") == 0) &&
		!ep->outcome[0])
		return "`outcome` at the endpoint";
	return "";
}

static void check_signal(struct spec_reading *r, const struct spec_endpoint *ep,
	const struct spec_signal *s, struct mark at)
{
	const struct row *row = row_find(s->name);
	const char *lack = row ? lacks(ep, row) : "";

	if (*lack)
		spec_fault_add(
			r, at, "signal `%s` cannot be delivered: it needs %s", s->name, lack);
	else if (row && *row->tasks && ep->task[0] && !has(row->tasks, ep->task))
		spec_fault_add(r, at, "signal `%s` belongs to task %s, and this one is `%s`",
			s->name, row->tasks, ep->task);
	else if (strcmp(s->name, "absolute_error") == 0 && isnan(s->low))
		spec_fault_add(r, at,
			"signal `absolute_error` needs the bounds of score and outcome, such as of "
			"0..60");
}

void spec_check_signals(
	struct spec_reading *r, const struct spec_endpoint *ep, const struct node *own)
{
	const struct node *rollout = node_find(own, "rollout");
	const struct node *signals = rollout ? node_find(rollout, "signals") : NULL;
	const struct node *at;

	for (int i = 0; i < ep->rollout.signal_count; i++) {
		at = signals ? node_find(signals, ep->rollout.signals[i].name) : NULL;
		check_signal(r, ep, &ep->rollout.signals[i], at ? at->at : own->at);
	}
	at = rollout ? node_find(rollout, "segments") : NULL;
	if (ep->rollout.segment_count && ep->segment.kind == SOURCE_NONE)
		spec_fault_add(r, at ? at->at : own->at,
			"`segments` need `segment` at the endpoint: where a request's segment "
			"stands");
}

static void add_default(
	struct spec_signal *out, int most, int *n, const char *name, double worse_by, double psi)
{
	struct spec_signal *s = &out[*n];

	if (*n == most)
		return;
	++*n;
	*s = (struct spec_signal){.critical = isnan(psi),
		.worse_by = worse_by,
		.harm_at = (double)NAN,
		.psi = psi,
		.low = (double)NAN,
		.high = (double)NAN};
	str_copy(s->name, sizeof s->name, name);
}

int spec_signals_default(const struct spec_endpoint *ep, struct spec_signal *out, int most)
{
	int scored = ep->score.kind != SOURCE_NONE, n = 0;
	int binary = !ep->task[0] || strcmp(ep->task, "binary") == 0;

	add_default(out, most, &n, "error_rate", .005, (double)NAN);
	add_default(out, most, &n, "latency_p99", .2, (double)NAN);
	if (scored && ep->outcome[0] && binary) {
		add_default(out, most, &n, "brier", .02, (double)NAN);
		add_default(out, most, &n, "calibration", .05, (double)NAN);
	}
	if (scored)
		add_default(out, most, &n, "score_shift", (double)NAN, .2);
	return n;
}
