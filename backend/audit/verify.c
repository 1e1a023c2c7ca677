/* verify.c: walks the chain once, oldest first, beside the signed checkpoints. The walk ends at the
 * first thing that is wrong; what comes after it proves nothing any more. Needs no engine and
 * believes nothing but the public key. */
#include "backend/audit/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/audit/canonical.h"
#include "backend/audit/checkpoint.h"
#include "backend/base/clock.h"
#include "backend/base/settings.h"
#include "backend/base/xalloc.h"
#include "backend/store/audit_scan.h"

#define CHECKPOINTS_MAX (INT64_C(1) << 30)
#define PROGRESS_EVERY	100000

/* The notes of HOME/log/checkpoints. Their signatures are checked by a thread of its own. */
struct notes {
	char *pub_path; /* owned */
	struct buf file;
	struct checkpoint *all; /* owned, in the order of the file until checked, then by seq */
	int count, room;
	unsigned char key_id[4];
	int has_key;
	int64_t good_seq; /* the highest that is signed by the key */
	int bad;	  /* a note is malformed, or not by the key */
	int64_t bad_seq;  /* the first such, 0 = unreadable */
};

struct walk {
	struct audit_report *out;
	const struct notes *notes;
	int next_note;
	int64_t last_seq;
	char last_hash[DIGEST_HEX];
	int64_t exposed_at_us; /* time of the first event after the last good checkpoint */
	struct buf scratch, texts;
	/* An event whose bytes do not give its hash: the next row tells whether it was altered or
	 * put in between. */
	int64_t suspect;
	char suspect_prev[DIGEST_HEX];
	struct buf suspect_text;
	void (*progress)(void *arg, int64_t events);
	void *arg;
};

static int finding(struct walk *w, enum audit_finding what, int64_t seq, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int finding(struct walk *w, enum audit_finding what, int64_t seq, const char *fmt, ...)
{
	va_list ap;

	w->out->finding = what;
	w->out->first_bad_seq = seq;
	va_start(ap, fmt);
	vsnprintf(w->out->sentence, sizeof w->out->sentence, fmt, ap);
	va_end(ap);
	return 1;
}

/* The 32 bytes at the end of the key's DER form, from PEM text. 0, or -1. */
static int read_raw_public(const char *path, unsigned char out[32])
{
	struct buf pem = {0};
	unsigned char der[64];
	char *body = NULL;
	size_t n;
	int rc = -1;

	if (buf_read_file(&pem, path, 4096) == 0 && (body = strchr(buf_text(&pem), '\n')) &&
		(n = strcspn(++body, "\n")) <= 64 && base64_decode(body, n, der) == 44) {
		memcpy(out, der + 12, 32);
		rc = 0;
	}
	buf_release(&pem);
	return rc;
}

static int is_signed(const struct notes *n, const struct checkpoint *c)
{
	return n->has_key && memcmp(c->key_id, n->key_id, 4) == 0 &&
	       sign_verify(n->pub_path, c->text, c->length, c->signature, NULL) == 1;
}

static void *check_signatures(void *arg)
{
	struct notes *n = arg;

	for (int i = 0; i < n->count; i++) {
		if (is_signed(n, &n->all[i])) {
			if (n->all[i].seq > n->good_seq)
				n->good_seq = n->all[i].seq;
		} else if (!n->bad) {
			n->bad = 1;
			n->bad_seq = n->all[i].seq;
		}
	}
	return NULL;
}

static int by_seq(const void *a, const void *b)
{
	const struct checkpoint *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int load_notes(struct notes *n, const char *home, struct err *e)
{
	char *path = xasprintf("%s/log/checkpoints", home);
	struct checkpoint c;
	size_t at = 0;
	unsigned char raw[32];
	int rc = 0, got;

	n->pub_path = xasprintf("%s/keys/audit.pem.pub", home);
	n->has_key = read_raw_public(n->pub_path, raw) == 0;
	if (n->has_key)
		checkpoint_key_id(raw, n->key_id);
	if (buf_read_file(&n->file, path, CHECKPOINTS_MAX) && errno != ENOENT)
		rc = err_set(e, ERR_FAILED, "cannot read %s: %s", path, strerror(errno));
	free(path);
	while (!rc && (got = checkpoint_next(buf_text(&n->file), n->file.len, &at, &c)) != 0) {
		if (got < 0) {
			n->bad = 1;
			n->bad_seq = c.seq;
			break;
		}
		if (n->count == n->room) {
			n->room = n->room ? 2 * n->room : 64;
			n->all = xrealloc(n->all, (size_t)n->room, sizeof *n->all);
		}
		n->all[n->count++] = c;
	}
	return rc;
}

static void notes_release(struct notes *n)
{
	free(n->pub_path);
	free(n->all);
	buf_release(&n->file);
}

static int same(const char *column, const char *member)
{
	return strcmp(column, member ? member : "") == 0;
}

/* The first column that the canonical bytes do not give, or NULL. */
static const char *altered_column(struct walk *w, const struct audit_row *r)
{
	struct event ev;

	if (w->texts.cap <= r->length)
		buf_add(&w->texts, r->canonical, r->length); /* for the room only */
	buf_reset(&w->texts);
	if (canonical_parse(r->canonical, r->length, &ev, w->texts.data))
		return "canonical";
	return ev.seq != r->seq			 ? "seq"
	       : ev.at_us != r->at_us		 ? "at_us"
	       : ev.change != r->change		 ? "is_change"
	       : ev.rollout != r->rollout	 ? "rollout"
	       : ev.undo_of != r->undo_of	 ? "undo_of"
	       : !same(r->actor, ev.actor)	 ? "actor"
	       : !same(r->verb, ev.verb)	 ? "verb"
	       : !same(r->subject, ev.subject)	 ? "subject"
	       : !same(r->project, ev.project)	 ? "project"
	       : !same(r->endpoint, ev.endpoint) ? "endpoint"
						 : NULL;
}

/* The row does not join the chain: what is wrong with it? */
static int diagnose(struct walk *w, const struct audit_row *r, const char *hash)
{
	char own[DIGEST_HEX];

	if (strcmp(hash, r->hash) == 0)
		return finding(w, AUDIT_ALTERED, r->seq,
			"event %" PRId64 ": its column prev was altered", r->seq);
	canonical_hash(r->prev, r->canonical, r->length, &w->scratch, own);
	if (strcmp(own, r->hash) == 0)
		return finding(w, AUDIT_MISSING, r->seq,
			"event %" PRId64
			" does not follow the one before it: an event was deleted, "
			"inserted or moved here",
			r->seq);
	w->suspect = r->seq;
	str_copy(w->suspect_prev, sizeof w->suspect_prev, w->last_hash);
	buf_reset(&w->suspect_text);
	buf_add(&w->suspect_text, r->canonical, r->length);
	return 0;
}

static int altered_bytes(struct walk *w)
{
	return finding(w, AUDIT_ALTERED, w->suspect,
		"event %" PRId64 ": its bytes do not give its hash", w->suspect);
}

static int check_note(struct walk *w, const struct audit_row *r)
{
	const struct notes *n = w->notes;

	for (; w->next_note < n->count && n->all[w->next_note].seq <= r->seq; w->next_note++) {
		const struct checkpoint *c = &n->all[w->next_note];

		if (strcmp(c->hash, r->hash) == 0)
			w->out->signed_seq = r->seq;
		else if (is_signed(n, c)) /* one that is not is told at the end */
			return finding(w, AUDIT_FORKED, r->seq,
				"event %" PRId64 " is not the one that was signed: the log was "
				"rewritten after checkpoint %" PRId64,
				r->seq, w->out->signed_seq);
	}
	return 0;
}

static int on_row(void *arg, const struct audit_row *r)
{
	struct walk *w = arg;
	char hash[DIGEST_HEX];
	const char *column;

	if (w->suspect) {
		if (strcmp(r->prev, w->suspect_prev) != 0)
			return altered_bytes(w);
		return finding(w, AUDIT_MISSING, w->suspect,
			"event %" PRId64 " was inserted: the one after it does not know it",
			w->suspect);
	}
	w->out->events++;
	if (w->progress && w->out->events % PROGRESS_EVERY == 0)
		w->progress(w->arg, w->out->events);
	if (r->seq != w->last_seq + 1)
		return finding(w, AUDIT_MISSING, w->last_seq + 1,
			"event %" PRId64 " is missing: after %" PRId64 " comes %" PRId64,
			w->last_seq + 1, w->last_seq, r->seq);
	canonical_hash(w->last_hash, r->canonical, r->length, &w->scratch, hash);
	if (strcmp(hash, r->hash) != 0 || strcmp(r->prev, w->last_hash) != 0)
		return diagnose(w, r, hash);
	if ((column = altered_column(w, r)))
		return finding(w, AUDIT_ALTERED, r->seq,
			"event %" PRId64 ": its column %s is not what the event says", r->seq,
			column);
	if (w->last_seq == w->out->signed_seq)
		w->exposed_at_us = r->at_us;
	w->last_seq = r->seq;
	memcpy(w->last_hash, hash, sizeof hash);
	return check_note(w, r);
}

/* Is it the text of another event, which is in that one's place? Then they were swapped. */
struct swap {
	const struct buf *text;
	int64_t seq;
	int found;
	struct buf scratch;
};

static int on_swap_row(void *arg, const struct audit_row *r)
{
	struct swap *s = arg;
	char hash[DIGEST_HEX];

	if (r->seq != s->seq)
		return 0;
	canonical_hash(r->prev, s->text->data, s->text->len, &s->scratch, hash);
	s->found = strcmp(hash, r->hash) == 0;
	return 1;
}

static void look_for_swap(struct walk *w, const char *home)
{
	struct swap s = {.text = &w->suspect_text};
	char *texts = xcalloc(w->suspect_text.len + 1, 1);
	struct event ev;

	if (canonical_parse(buf_text(&w->suspect_text), w->suspect_text.len, &ev, texts) == 0 &&
		ev.seq != w->suspect) {
		s.seq = ev.seq;
		audit_scan(home, on_swap_row, &s, NULL);
	}
	if (s.found)
		finding(w, AUDIT_MISSING, w->suspect,
			"event %" PRId64 " was swapped with event %" PRId64, w->suspect, s.seq);
	buf_release(&s.scratch);
	free(texts);
}

/* What the end of the log and the checkpoints say, once the chain is whole. */
static void judge_end(struct walk *w, const struct settings *set)
{
	const struct notes *n = w->notes;
	int64_t last_note = n->count ? n->all[n->count - 1].seq : 0;
	struct clock clock = clock_system();
	int64_t age_us = clock_wall_us(&clock) - w->exposed_at_us;

	if (n->bad)
		finding(w, AUDIT_UNSIGNED, n->bad_seq,
			"the checkpoint of event %" PRId64 " is not signed by the key %s",
			n->bad_seq, n->pub_path);
	else if (last_note > w->last_seq)
		finding(w, AUDIT_TRUNCATED, w->last_seq + 1,
			"the log ends at event %" PRId64 ", but event %" PRId64
			" was signed: it was cut, or an old copy was put in its place",
			w->last_seq, last_note);
	else if (w->out->exposed > set->checkpoint_events && age_us > 2 * 1000 * set->checkpoint_ms)
		finding(w, AUDIT_UNSIGNED, w->out->signed_seq + 1,
			"%" PRId64 " events after event %" PRId64
			" have no signed checkpoint: it was removed, or never written",
			w->out->exposed, w->out->signed_seq);
	else
		finding(w, AUDIT_WHOLE, 0,
			"%" PRId64 " events, whole; signed up to %" PRId64 ", the last %" PRId64
			" are not covered yet",
			w->out->events, w->out->signed_seq, w->out->exposed);
}

/* The signatures are checked beside the walk, on copies: sorting must not move them under it. */
static int walk_beside_signatures(struct walk *w, struct notes *n, const char *home, struct err *e)
{
	struct notes signing = *n;
	pthread_t thread;
	int rc, threaded;

	signing.all = xcalloc((size_t)n->count + 1, sizeof *n->all);
	if (n->count) {
		memcpy(signing.all, n->all, (size_t)n->count * sizeof *n->all);
		qsort(n->all, (size_t)n->count, sizeof *n->all, by_seq);
	}
	threaded = pthread_create(&thread, NULL, check_signatures, &signing) == 0;
	if (!threaded)
		check_signatures(&signing);
	rc = audit_scan(home, on_row, w, e);
	if (threaded)
		pthread_join(thread, NULL);
	n->bad = signing.bad;
	n->bad_seq = signing.bad_seq;
	if (w->out->signed_seq > signing.good_seq)
		w->out->signed_seq = signing.good_seq;
	free(signing.all);
	return rc;
}

int audit_verify(const char *home, struct audit_report *out,
	void (*progress)(void *arg, int64_t events), void *arg, struct err *e)
{
	struct notes notes = {0};
	struct walk w = {.out = out, .notes = &notes, .progress = progress, .arg = arg};
	char *path = xasprintf("%s/settings.conf", home);
	struct settings set;
	int rc;

	memset(out, 0, sizeof *out);
	str_copy(w.last_hash, sizeof w.last_hash, AUDIT_GENESIS);
	settings_init(&set);
	settings_load(&set, path, NULL); /* a faulty file: the defaults stand */
	/* The checkpoints first: every event that they name is then in the log already. */
	rc = load_notes(&notes, home, e);
	if (!rc)
		rc = walk_beside_signatures(&w, &notes, home, e);
	out->exposed = w.last_seq - out->signed_seq;
	if (!rc && w.suspect && !out->finding) {
		altered_bytes(&w);
		look_for_swap(&w, home);
	} else if (!rc && w.suspect && out->finding == AUDIT_ALTERED) {
		look_for_swap(&w, home);
	} else if (!rc && !out->finding) {
		judge_end(&w, &set);
	}
	notes_release(&notes);
	buf_release(&w.scratch);
	buf_release(&w.texts);
	buf_release(&w.suspect_text);
	free(path);
	return rc;
}
