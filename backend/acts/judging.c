/* judging.c: see judging.h. What the trial is fed goes into the journal first, in the same words.
 */
#include "backend/acts/judging.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/mirror.h"
#include "backend/acts/stage.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"
#include "backend/store/trial_store.h"

#define SECOND_US      INT64_C(1000000)
#define HISTORY_US     (900 * SECOND_US) /* what is looked at of stable before a rollout */
#define WARM_MOST      20000
#define STATE_BYTES    ((size_t)4 << 20) /* of journal between two kept states: some 0.2 s to fold */
#define POINT_US       (2 * SECOND_US)
#define LOG_LAG_US     (SECOND_US / 2) /* from an answer to its record, at most */
#define ENTRIES_A_TIME 256

void judging_free(struct judging *j)
{
	if (!j)
		return;
	trial_free(j->trial);
	trial_setup_release(&j->setup);
	journal_release(&j->journal);
	free(j);
}

struct judging *judging_find(const struct live_endpoint *ep, int64_t rollout)
{
	if (ep->judging && ep->judging->rollout == rollout)
		return ep->judging;
	return ep->after && ep->after->rollout == rollout ? ep->after : NULL;
}

const struct trial_card *rollout_card(
	const struct live_endpoint *ep, int64_t rollout, const char **kind)
{
	const struct trial_card *card = mirror_card(ep, rollout);
	const struct judging *j = card ? NULL : judging_find(ep, rollout);

	if (kind)
		*kind = card ? "shadow" : j && j == ep->after ? "late" : "live";
	return card ? card : j ? &j->card : NULL;
}

const char *rollout_verdict(const struct world *w, const struct live_endpoint *ep)
{
	const struct trial_card *card =
		ep->row.rollout ? rollout_card(ep, ep->row.rollout, NULL) : NULL;

	(void)w;
	return judge_verdict_name(card ? card->verdict : JUDGE_MISSING);
}

/* -- what is known before it begins -- */

static int add_segment(void *arg, const char *segment, int64_t requests)
{
	struct trial_setup *s = arg;

	(void)requests;
	str_copy(s->segments[s->segment_count++], sizeof s->segments[0], segment);
	return s->segment_count == TRIAL_SEGMENTS;
}

static void fill_segments(struct world *w, const struct live_endpoint *ep, struct trial_setup *s)
{
	const struct spec_rollout *r = &ep->config->rollout;
	int64_t since = clock_wall_us(&w->clock) - HISTORY_US;
	int largest = spec_segments_largest(r);
	struct err e = {0};

	for (int i = 0; i < r->segment_count && !largest; i++)
		(void)add_segment(s, r->segments[i], 0);
	if (largest > 0)
		(void)trial_store_list_segments(
			w->store, ep->row.id, since, largest, add_segment, s, &e);
}

static void fill_priors(struct world *w, const struct live_endpoint *ep, struct trial_setup *s)
{
	struct arm_counts c;
	double n;

	window_sum(ep->window, ARM_STABLE, clock_wall_us(&w->clock), WINDOW_SECONDS, &c);
	n = (double)c.requests;
	if (n >= 50)
		s->errors =
			(struct trial_prior){.n = n, .mean = ((double)c.failures + .5) / (n + 1)};
	n = (double)c.scored;
	if (n >= 50) {
		double mean = c.score_sum / n;

		s->score = (struct trial_prior){.n = n,
			.mean = mean,
			.sd = sqrt(fmax(1e-4, c.score_square_sum / n - mean * mean))};
	}
	n = (double)c.brier_n;
	if (n >= 50)
		s->brier = (struct trial_prior){.n = n, .mean = c.brier_sum / n};
}

void judging_prepare(struct world *w, const struct live_endpoint *ep, const struct rollout_row *r,
	struct trial_setup *out)
{
	struct stages s;

	trial_setup_init(out, ep->config);
	str_copy(out->steps, sizeof out->steps, r->steps);
	str_copy(out->pattern, sizeof out->pattern, r->pattern);
	out->speed = (double)w->settings.dwell_speed;
	if (stages_read(r, &s, NULL) == 0 && s.segment_count) {
		out->segment_count = s.segment_count;
		memcpy(out->segments, s.segments, sizeof out->segments);
	} else {
		fill_segments(w, ep, out);
	}
	fill_priors(w, ep, out);
}

static int warm(void *arg, double answer_ms)
{
	struct judging *j = arg;
	int64_t us = llround(answer_ms * 1000);

	journal_add_warm(&j->journal, us);
	trial_warm(j->trial, us);
	return 0;
}

static int begin(struct world *w, struct live_endpoint *ep, const struct rollout_row *r,
	struct judging *j, struct err *e)
{
	int64_t now = clock_wall_us(&w->clock);
	struct trial_setup s;
	struct trial_config config;
	char *text;
	int rc;

	judging_prepare(w, ep, r, &s);
	text = trial_setup_format(&s);
	trial_setup_release(&s);
	/* As a replay will read it. */
	rc = trial_setup_parse(text, &j->setup, e);
	if (!rc)
		rc = trial_setup_config(&j->setup, &config, e);
	if (!rc)
		rc = trial_store_begin(w->store, r->id, text, e);
	free(text);
	if (rc)
		return rc;
	j->trial = trial_new(&config);
	j->matured_us = r->started_us;
	return trial_store_list_latencies(
		w->store, ep->row.id, r->from_version, now - HISTORY_US, WARM_MOST, warm, j, e);
}

/* -- after a restart -- */

struct refeed {
	struct judging *j;
	struct err *e;
	int count;
};

static int refeed_entry(void *arg, int64_t seq, const void *data, size_t n)
{
	struct refeed *f = arg;

	f->count++;
	f->j->seq = seq;
	f->j->since_state += n;
	return journal_feed(&f->j->journal, data, n, f->j->trial, NULL, NULL, f->e);
}

/* The state and the journal's own are kept as one text, the journal's first, with its length. */
static int load_state(struct judging *j, const struct trial_config *config, const struct buf *state,
	struct err *e)
{
	uint64_t n = 0;
	int rc;

	if (state->len == 0) {
		j->trial = trial_new(config);
		return 0;
	}
	if (state->len < sizeof n)
		return err_set(e, ERR_INVALID, "the kept state of the trial ends early");
	memcpy(&n, state->data, sizeof n);
	if (n > state->len - sizeof n)
		return err_set(e, ERR_INVALID, "the kept state of the trial is damaged");
	rc = journal_load(&j->journal, state->data + sizeof n, (size_t)n, e);
	if (rc)
		return rc;
	j->trial = trial_load(
		config, state->data + sizeof n + n, state->len - sizeof n - (size_t)n, e);
	return j->trial ? 0 : ERR_INVALID;
}

static int resume(struct world *w, struct judging *j, const char *setup, struct err *e)
{
	struct trial_config config;
	struct buf state = {0};
	struct refeed f = {j, e, 0};
	int rc = trial_setup_parse(setup, &j->setup, e);

	if (!rc)
		rc = trial_setup_config(&j->setup, &config, e);
	if (!rc)
		rc = trial_store_find_state(
			w->store, j->rollout, &state, &j->seq, &j->matured_us, e);
	if (rc > 0)
		rc = load_state(j, &config, &state, e);
	buf_release(&state);
	while (!rc) {
		f.count = 0;
		rc = trial_store_list(
			w->store, j->rollout, j->seq, ENTRIES_A_TIME, refeed_entry, &f, e);
		if (f.count < ENTRIES_A_TIME)
			break;
	}
	return rc;
}

int judging_open(
	struct world *w, struct live_endpoint *ep, const struct rollout_row *r, struct err *e)
{
	struct judging *j = xcalloc(1, sizeof *j);
	struct buf setup = {0};
	int rc = trial_store_find_setup(w->store, r->id, &setup, e);

	j->rollout = r->id;
	journal_init(&j->journal);
	if (rc == 0)
		rc = begin(w, ep, r, j, e);
	else if (rc > 0)
		rc = resume(w, j, buf_text(&setup), e);
	buf_release(&setup);
	if (rc) {
		judging_free(j);
		return rc;
	}
	trial_read(j->trial, &j->card);
	judging_free(ep->judging);
	ep->judging = j;
	return 0;
}

/* -- live -- */

static uint64_t key_of(const char *hex)
{
	uint64_t key = strtoull(hex, NULL, 16);

	return key ? key : 1;
}

void judging_take_record(struct live_endpoint *ep, struct record *r)
{
	struct judging *j = ep->judging;
	struct trial_answer a = {.routed_us = r->routed_us,
		.candidate = r->arm == ARM_CANDIDATE,
		.failed = r->failed,
		.share_bp = r->share_bp,
		.key = r->keyed ? key_of(r->key) : 0,
		.latency_us = r->answer_ms >= 0 ? llround(r->answer_ms * 1000) : -1,
		.score = r->score};

	r->counted_w = 0;
	if (!j || r->rollout != j->rollout || r->share_bp <= 0 || r->share_bp >= SHARE_ALL)
		return;
	str_copy(a.segment, sizeof a.segment, r->segment);
	str_copy(a.server, sizeof a.server, r->server);
	journal_add_answer(&j->journal, &a);
	r->counted_w = trial_take_answer(j->trial, &a);
}

struct maturing {
	struct judging *j;
	int64_t tick;
};

static int take_mature(void *arg, const struct mature_row *r)
{
	struct maturing *m = arg;
	struct trial_label l = {.candidate = r->arm == ARM_CANDIDATE,
		.w = r->counted_w,
		.score = r->score,
		.value = r->value};

	str_copy(l.name, sizeof l.name, r->name);
	str_copy(l.segment, sizeof l.segment, r->segment);
	journal_add_label(&m->j->journal, m->tick, &l);
	trial_take_label(m->j->trial, m->tick, &l);
	return 0;
}

static int keep_journal(struct world *w, struct judging *j, struct err *e)
{
	int rc;

	if (!j->journal.out.len)
		return 0;
	rc = trial_store_append(w->store, j->rollout, j->seq + 1, j->journal.out.data,
		j->journal.out.len, j->matured_us, e);
	if (rc)
		return rc;
	j->seq++;
	j->since_state += j->journal.out.len;
	buf_reset(&j->journal.out);
	return 0;
}

static int keep_state(struct world *w, struct judging *j, struct err *e)
{
	struct buf state = {0};
	uint64_t n = 0;
	int rc;

	if (j->since_state < STATE_BYTES)
		return 0;
	buf_add(&state, &n, sizeof n);
	journal_save(&j->journal, &state);
	n = state.len - sizeof n;
	memcpy(state.data, &n, sizeof n);
	trial_save(j->trial, &state);
	rc = trial_store_keep(w->store, j->rollout, j->seq, state.data, state.len, e);
	buf_release(&state);
	if (!rc)
		j->since_state = 0;
	return rc;
}

static int keep_point(struct world *w, struct judging *j, int64_t now, struct err *e)
{
	char *text;
	int rc;

	if (now - j->point_us < POINT_US)
		return 0;
	text = trial_point_format(&j->card, now);
	rc = trial_store_add_point(w->store, j->rollout, now, text, e);
	free(text);
	j->point_us = now;
	return rc;
}

int judging_keep(struct world *w, struct judging *j, struct err *e)
{
	int rc = keep_journal(w, j, e);

	if (!rc)
		rc = keep_state(w, j, e);
	return rc ? rc : keep_point(w, j, clock_wall_us(&w->clock), e);
}

void judging_close(struct judging *j, int64_t before)
{
	journal_add_close(&j->journal, before);
	trial_close(j->trial, before);
	trial_read(j->trial, &j->card);
}

void judging_take_counts(struct judging *j, const struct judge_counts *c)
{
	journal_add_counts(&j->journal, c);
	judging_close(j, trial_take_counts(j->trial, c));
}

/* The trial learns of a move with the next look. */
static void tell_stage(struct judging *j, const struct rollout_row *r, int64_t before)
{
	struct stages s;
	char segment[NAME_SIZE], now[NAME_SIZE] = "";
	double share = 0;

	if (!r || stages_read(r, &s, NULL) || r->share_bp <= 0 || r->share_bp >= SHARE_ALL)
		return;
	str_copy(segment, sizeof segment, stages_segment(&s, r->step));
	trial_get_stage(j->trial, now, &share);
	if (share == r->share_bp / 10000.0 && strcmp(now, segment) == 0)
		return;
	journal_add_stage(&j->journal, before, segment, r->share_bp / 10000.0);
	trial_set_stage(j->trial, before, segment, r->share_bp / 10000.0);
}

int judging_tick(struct world *w, struct live_endpoint *ep, struct judging *j,
	const struct rollout_row *r, struct err *e)
{
	const struct trial_config *config = trial_get_config(j->trial);
	int64_t now = clock_wall_us(&w->clock);
	int64_t heard = w->drained_us && w->drained_us < now ? w->drained_us : now;
	int64_t before = (heard - ep->config->timeout_ms * 1000 - LOG_LAG_US) / SECOND_US;
	int64_t mature = before * SECOND_US - config->maturity_ticks * SECOND_US;
	struct maturing m = {j, before - 1};
	int rc = 0;

	if (mature > j->matured_us) {
		rc = trial_store_list_mature(
			w->store, j->rollout, j->matured_us, mature, take_mature, &m, e);
		if (rc)
			return rc;
		j->matured_us = mature;
	}
	tell_stage(j, r, before);
	judging_close(j, before);
	return judging_keep(w, j, e);
}

int64_t judging_due_us(const struct judging *j, int64_t routed_until_us)
{
	return routed_until_us + (trial_get_config(j->trial)->maturity_ticks + 10) * SECOND_US;
}

int64_t judging_keep_us(const struct world *w)
{
	int64_t most = 0;

	for (int i = 0; i < w->endpoint_count; i++) {
		const struct spec_endpoint *c = w->endpoints[i]->config;
		int64_t due = (c->outcome_within_ms + 3600 * 1000) * 1000;

		if (c->outcome[0] && due > most)
			most = due;
	}
	return most;
}
