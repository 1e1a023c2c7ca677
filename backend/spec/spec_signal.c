/* spec_signal.c: the names of signals, the bounds of their values, what an endpoint must have for
 * each, and the signals of an endpoint that names none. The rows are wire/signals.def; how a signal
 * is told in words is spec_signal_text.c. */
#include "backend/spec/spec_priv.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

#define OUTCOME_PREFIX "outcome:"
#define OUTCOME_MOST   40
#define LOWER_DIGITS   "abcdefghijklmnopqrstuvwxyz0123456789_-"

static const struct signal_row rows[] = {
#define SIGNAL(name, kind, unit, decimals, needs, tasks, help) {#name, SIGNAL_##kind, needs, tasks},
#include "backend/wire/signals.def"
#undef SIGNAL
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

/* Values of means lie between these; where own is set, `of` may say others. */
static const struct {
	const char *name;
	double low, high;
	int own;
} bounds[] = {
	{"score_mean", 0, 1, 1},
	{"confidence", 0, 1, 0},
	{"brier", 0, 1, 0},
	{"log_loss", 0, 5, 0},
	{"calibration", -1, 1, 0},
	{"absolute_error", 0, 1, 1},
	{OUTCOME_PREFIX, 0, 1, 1},
};

const struct signal_row *signal_row_find(const char *name)
{
	static const struct signal_row posted = {OUTCOME_PREFIX, SIGNAL_MEAN, "", ""};

	for (size_t i = 0; i < ROW_COUNT; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return strncmp(name, OUTCOME_PREFIX, strlen(OUTCOME_PREFIX)) == 0 ? &posted : NULL;
}

int signal_is_posted(const struct signal_row *row)
{
	return strcmp(row->name, OUTCOME_PREFIX) == 0;
}

int signal_is_judged(const struct signal_row *row)
{
	return row->kind != SIGNAL_SHIFT && row->kind != SIGNAL_COUNT;
}

/* The row of bounds, or -1: rates and times have none of their own. */
static int bounds_find(const struct signal_row *row)
{
	for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
		if (strcmp(bounds[i].name, row->name) == 0)
			return (int)i;
	return -1;
}

int signal_takes_bounds(const struct signal_row *row)
{
	int i = bounds_find(row);

	return i >= 0 && bounds[i].own;
}

void spec_signal_bounds(const struct spec_signal *s, double *low, double *high)
{
	const struct signal_row *row = signal_row_find(s->name);
	int i = row ? bounds_find(row) : -1;

	*low = i < 0 ? 0 : bounds[i].low;
	*high = i < 0 ? 1 : bounds[i].high;
	if (i < 0 || !bounds[i].own || isnan(s->low))
		return;
	*low = s->low;
	*high = s->high;
	if (strcmp(s->name, "absolute_error") == 0) { /* they are those of score and outcome */
		*low = 0;
		*high = s->high - s->low;
	}
}

/* What the name may have been meant to be, or "". */
static void name_suggest(const char *text, char out[80])
{
	static const char *const prefix[] = {"outcome", NULL};
	const char *words[ROW_COUNT + 1] = {NULL}, *near, *colon = strchr(text, ':');
	char first[16], shown[64];

	for (size_t i = 0; i < ROW_COUNT; i++)
		words[i] = rows[i].name;
	near = spec_nearest(text, words);
	if (near)
		snprintf(out, 80, "%s", near);
	else
		out[0] = '\0';
	if (!colon || (size_t)(colon - text) >= sizeof first)
		return;
	memcpy(first, text, (size_t)(colon - text));
	first[colon - text] = '\0';
	if (spec_nearest(first, prefix))
		snprintf(out, 80, OUTCOME_PREFIX "%s", spec_quote(colon + 1, shown));
}

static int name_unknown(const char *text, struct err *e)
{
	char near[80];
	struct buf known = {0};

	for (size_t i = 0; i < ROW_COUNT; i++)
		buf_addf(&known, "%s, ", rows[i].name);
	name_suggest(text, near);
	err_set(e, ERR_INVALID,
		"which is no signal, expected one of %s" OUTCOME_PREFIX "NAME%s%s%s",
		buf_text(&known), *near ? ", did you mean `" : "", near, *near ? "`?" : "");
	buf_release(&known);
	return ERR_INVALID;
}

static int name_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	const struct signal_row *row = signal_row_find(text);
	const char *own = text + strlen(OUTCOME_PREFIX);

	if (!row)
		return name_unknown(text, e);
	if (signal_is_posted(row) &&
		(!*own || strlen(own) > OUTCOME_MOST || own[strspn(own, LOWER_DIGITS)]))
		return err_set(e, ERR_INVALID,
			"expected " OUTCOME_PREFIX " and a name of at most %d small letters, "
			"digits, `-` and `_`",
			OUTCOME_MOST);
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
	if (strcmp(text, "other") == 0)
		return err_set(e, ERR_INVALID,
			"which is what all segments are called that are not named here");
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

/* The same for an endpoint whose numbers somebody else counts. */
static const char *metrics_lack(const struct spec_metrics *m, const struct signal_row *row)
{
	int posted = spec_metrics_is_posted(m);

	if (row->kind == SIGNAL_ERRORS)
		return posted || m->errors[0] ? ""
					      : "`errors` in `metrics`: the query for what failed";
	if (row->kind == SIGNAL_LATENCY)
		return posted || m->latency[0]
			       ? ""
			       : "`latency` in `metrics`: the query for its histogram";
	return row->kind == SIGNAL_COUNT && !*row->needs
		       ? ""
		       : "single answers, and an observed endpoint has counts only";
}

/* "" when the endpoint can deliver it, else what it lacks. */
static const char *lacks(const struct spec_endpoint *ep, const struct signal_row *row)
{
	if (spec_is_observed(ep))
		return metrics_lack(&ep->metrics, row);
	if (strcmp(row->needs, "score") == 0 && ep->score.kind == SOURCE_NONE)
		return "`score` at the endpoint";
	if (strcmp(row->needs, "outcome") == 0 && ep->score.kind == SOURCE_NONE)
		return "`score` at the endpoint, beside the outcome";
	if ((strcmp(row->needs, "outcome") == 0 || strcmp(row->needs, "label") == 0) &&
		!ep->outcome[0])
		return "`outcome` at the endpoint";
	return "";
}

/* "binary or multiclass" */
static void tasks_format(const char *tasks, struct buf *out)
{
	for (; *tasks; tasks++)
		if (*tasks == ' ')
			buf_adds(out, " or ");
		else
			buf_addc(out, *tasks);
}

static void check_signal(struct spec_reading *r, const struct spec_endpoint *ep,
	const struct spec_signal *s, struct mark at)
{
	const struct signal_row *row = signal_row_find(s->name);
	const char *lack = row ? lacks(ep, row) : "";
	struct buf tasks = {0};

	if (*lack)
		spec_fault_add(
			r, at, "signal `%s` cannot be delivered: it needs %s", s->name, lack);
	else if (row && *row->tasks && ep->task[0] && !has(row->tasks, ep->task)) {
		tasks_format(row->tasks, &tasks);
		spec_fault_add(r, at, "signal `%s` belongs to task %s, and this one is `%s`",
			s->name, buf_text(&tasks), ep->task);
		buf_release(&tasks);
	}
}

static int before(int line, int column, struct mark m)
{
	return line < m.line || (line == m.line && column < m.column);
}

/* Whether something in the mapping has been told of already: then not all of it is known. */
static int has_faults(const struct spec_reading *r, const struct node *map)
{
	for (int i = 0; i < r->faults->count; i++) {
		const struct spec_fault *f = &r->faults->list[i];

		if (!before(f->line, f->column, map->at) && before(f->line, f->column, map->end))
			return 1;
	}
	return 0;
}

/* What a rollout can hold: found here rather than when it starts. */
static void check_count(
	struct spec_reading *r, const struct spec_rollout *rollout, const struct node *signals)
{
	const struct signal_row *row;
	int judged = 0;

	if (!rollout->signal_count || has_faults(r, signals))
		return;
	for (int i = 0; i < rollout->signal_count; i++) {
		row = signal_row_find(rollout->signals[i].name);
		judged += row && signal_is_judged(row);
	}
	if (judged > SPEC_JUDGED)
		spec_fault_add(r, signals->at,
			"`signals` has %d that are compared, and in a rollout at most %d are",
			judged, SPEC_JUDGED);
	else if (judged == 0)
		spec_fault_add(r, signals->at,
			"`signals` has none that can tell harm, such as error_rate: shifts and "
			"counts do not");
}

void spec_check_signals(
	struct spec_reading *r, const struct spec_endpoint *ep, const struct node *own)
{
	const struct node *rollout = node_find(own, "rollout");
	const struct node *signals = rollout ? node_find(rollout, "signals") : NULL;
	const struct node *at;

	if (signals && signals->kind == NODE_MAP)
		check_count(r, &ep->rollout, signals);
	for (int i = 0; i < ep->rollout.signal_count; i++) {
		at = signals ? node_find(signals, ep->rollout.signals[i].name) : NULL;
		check_signal(r, ep, &ep->rollout.signals[i], at ? at->at : own->at);
	}
	at = rollout ? node_find(rollout, "segments") : NULL;
	if (ep->rollout.segment_count && ep->segment.kind == SOURCE_NONE)
		spec_fault_add(r, at ? at->at : own->at,
			"`segments` need `segment` at the endpoint: where a request's segment "
			"stands");
	at = rollout ? node_find(rollout, "pattern") : NULL;
	if (strcmp(ep->rollout.pattern, "segmented") == 0 && !ep->rollout.segment_count)
		spec_fault_add(r, at ? at->at : own->at,
			"pattern `segmented` needs `segments`: their names in the order in which "
			"they go, or `largest N`");
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
	int binary = strcmp(ep->task, "binary") == 0;

	if (spec_is_observed(ep)) {
		int posted = spec_metrics_is_posted(&ep->metrics);

		if (posted || ep->metrics.errors[0])
			add_default(out, most, &n, "error_rate", .005, (double)NAN);
		if (posted || ep->metrics.latency[0])
			add_default(out, most, &n, "latency_p99", .2, (double)NAN);
		return n;
	}
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
