/* audit_store.c: the audit log's table: append within the open transaction, search, and the plain
 * walk that verify does. What is read back comes from the canonical bytes; the other columns serve
 * searching only. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/audit/canonical.h"
#include "backend/base/match.h"
#include "backend/base/xalloc.h"
#include "backend/store/audit_scan.h"
#include "backend/store/migrations.h"
#include "backend/store/store_priv.h"

#define SCAN_LIMIT 200000
/* The wall clock may step back between two events, but hardly by more than this: a search that has
 * passed `since` by so much has ended. */
#define CLOCK_SLACK_US (86400 * INT64_C(1000000))

enum {
	AUDIT_INSERT,
	AUDIT_HEAD,
	AUDIT_FIND,
	AUDIT_UNDONE_BY,
	AUDIT_DOWN, /* searches: newest first, then the same oldest first */
	AUDIT_UP = AUDIT_DOWN + 7,
	AUDIT_COUNT = AUDIT_UP + 7,
};

/* The index that drives a search; what else is asked for is checked row by row. */
enum drive { BY_SEQ, BY_CHANGE, BY_ACTOR, BY_VERB, BY_SUBJECT, BY_ENDPOINT, BY_ROLLOUT };

#define COLUMNS                                                                                    \
	"seq, at_us, is_change, actor, verb, subject, project, endpoint, rollout, undo_of, prev, " \
	"hash, canonical"
#define DOWN(where) "SELECT " COLUMNS " FROM audit WHERE " where "seq < :after ORDER BY seq DESC"
#define UP(where)   "SELECT " COLUMNS " FROM audit WHERE " where "seq > :after ORDER BY seq"
#define SEARCHES(X)                                                                                \
	X(""), X("is_change = 1 AND "), X("actor = :value AND "), X("verb = :value AND "),         \
		X("subject = :value AND "), X("endpoint > '' AND endpoint = :value AND "),         \
		X("rollout > 0 AND rollout = :rollout AND ")

static const char *const audit_sql[AUDIT_COUNT] = {
	[AUDIT_INSERT] = "INSERT INTO audit (" COLUMNS ") VALUES (:seq, :at_us, :is_change, :actor,"
			 " :verb, :subject, :project, :endpoint, :rollout, :undo_of, :prev, :hash,"
			 " :canonical)",
	[AUDIT_HEAD] = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1",
	[AUDIT_FIND] = "SELECT " COLUMNS " FROM audit WHERE seq = :seq",
	[AUDIT_UNDONE_BY] = "SELECT seq FROM audit WHERE undo_of > 0 AND undo_of = :seq"
			    " ORDER BY seq DESC LIMIT 1",
	[AUDIT_DOWN] = SEARCHES(DOWN),
	[AUDIT_UP] = SEARCHES(UP),
};

const struct db_table audit_table = {"audit", NULL, audit_sql, AUDIT_COUNT};

int store_load_head(struct store *s, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_AUDIT, AUDIT_HEAD);
	int rc = db_step(q, e);

	s->head.seq = 0;
	str_copy(s->head.hash, sizeof s->head.hash, AUDIT_GENESIS);
	if (rc > 0) {
		s->head.seq = db_int(q, 0);
		str_copy(s->head.hash, sizeof s->head.hash, db_text(q, 1, NULL));
		db_reset(q);
	}
	s->pending = s->head;
	return rc < 0 ? rc : 0;
}

static void bind_columns(struct db_query *q, const struct event *ev)
{
	db_bind_int(q, "seq", ev->seq);
	db_bind_int(q, "at_us", ev->at_us);
	db_bind_int(q, "is_change", ev->change);
	db_bind_text(q, "actor", ev->actor);
	db_bind_text(q, "verb", ev->verb);
	db_bind_text(q, "subject", ev->subject);
	db_bind_text(q, "project", ev->project);
	db_bind_text(q, "endpoint", ev->endpoint);
	db_bind_int(q, "rollout", ev->rollout);
	db_bind_int(q, "undo_of", ev->undo_of);
}

int store_append_event(struct store *s, const struct event *ev, int64_t *seq, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_AUDIT, AUDIT_INSERT);
	struct event full = *ev;
	char hash[DIGEST_HEX], *texts;
	int rc;

	must(s->in_transaction);
	full.seq = s->pending.seq + 1;
	full.change = ev->change != 0;
	if (!full.at_us)
		full.at_us = clock_wall_us(s->clock);
	buf_reset(&s->canonical);
	canonical_format(&full, &s->canonical);
	canonical_hash(s->pending.hash, s->canonical.data, s->canonical.len, &s->scratch, hash);
	/* The columns come from the canonical bytes (which are UTF-8 whatever was given), so that
	 * verify can derive them again. */
	texts = xcalloc(s->canonical.len, 1);
	must(canonical_parse(s->canonical.data, s->canonical.len, &full, texts) == 0);
	bind_columns(q, &full);
	db_bind_text(q, "prev", s->pending.hash);
	db_bind_text(q, "hash", hash);
	db_bind_text(q, "canonical", s->canonical.data);
	rc = db_run(q, e);
	free(texts);
	if (rc)
		return rc;
	s->pending.seq = full.seq;
	memcpy(s->pending.hash, hash, sizeof hash);
	if (seq)
		*seq = full.seq;
	return 0;
}

/* Columns in the order of COLUMNS. */
static void read_row(struct db_query *q, struct audit_row *out)
{
	out->seq = db_int(q, 0);
	out->at_us = db_int(q, 1);
	out->change = db_int(q, 2);
	out->actor = db_text(q, 3, NULL);
	out->verb = db_text(q, 4, NULL);
	out->subject = db_text(q, 5, NULL);
	out->project = db_text(q, 6, NULL);
	out->endpoint = db_text(q, 7, NULL);
	out->rollout = db_int(q, 8);
	out->undo_of = db_int(q, 9);
	out->prev = db_text(q, 10, NULL);
	out->hash = db_text(q, 11, NULL);
	out->canonical = db_text(q, 12, &out->length);
}

/* A found event, kept until the search has ended, so that the callback may use the store. */
struct found {
	char *canonical, *prev, *hash; /* owned */
	size_t length;
};

static void keep(struct found *f, const struct audit_row *row)
{
	f->canonical = xstrndup(row->canonical, row->length);
	f->length = row->length;
	f->prev = xstrdup(row->prev);
	f->hash = xstrdup(row->hash);
}

/* Hands one event to fn and frees it: what fn returned, or ERR_STORE. */
static int deliver(struct found *f, store_on_event fn, void *arg, struct err *e)
{
	char *texts = xcalloc(f->length + 1, 1);
	struct event ev;
	int rc;

	if (canonical_parse(f->canonical, f->length, &ev, texts)) {
		rc = err_set(e, ERR_STORE, "an audit event is damaged: %.60s", f->canonical);
		err_hint(e, "`pithead audit verify` names the first bad one");
	} else {
		ev.prev = f->prev;
		ev.hash = f->hash;
		rc = fn(arg, &ev);
	}
	free(texts);
	return rc;
}

static void found_release(struct found *f)
{
	free(f->canonical);
	free(f->prev);
	free(f->hash);
}

int store_find_event(struct store *s, int64_t seq, store_on_event fn, void *arg, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_AUDIT, AUDIT_FIND);
	struct audit_row row;
	struct found f;
	int rc;

	db_bind_int(q, "seq", seq);
	rc = db_step(q, e);
	if (rc <= 0)
		return rc;
	read_row(q, &row);
	keep(&f, &row);
	db_reset(q);
	rc = deliver(&f, fn, arg, e);
	found_release(&f);
	return rc < 0 ? rc : 1;
}

int store_undone_by(struct store *s, int64_t seq, int64_t *by, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_AUDIT, AUDIT_UNDONE_BY);
	int rc;

	db_bind_int(q, "seq", seq);
	rc = db_step(q, e);
	if (rc > 0) {
		*by = db_int(q, 0);
		db_reset(q);
	}
	return rc;
}

static int verb_is_prefix(const char *verb)
{
	size_t n = verb ? strlen(verb) : 0;

	return n >= 2 && strcmp(verb + n - 2, ".*") == 0;
}

static int verb_fits(const char *wanted, const char *verb)
{
	if (verb_is_prefix(wanted))
		return strncmp(wanted, verb, strlen(wanted) - 1) == 0;
	return strcmp(wanted, verb) == 0;
}

static int fits(const struct event_query *q, const struct audit_row *r)
{
	return (!q->changes_only || r->change) && (!q->rollout || q->rollout == r->rollout) &&
	       (!q->since_us || r->at_us >= q->since_us) &&
	       (!q->until_us || r->at_us <= q->until_us) &&
	       (!q->actor || strcmp(q->actor, r->actor) == 0) &&
	       (!q->verb || verb_fits(q->verb, r->verb)) &&
	       (!q->subject || strcmp(q->subject, r->subject) == 0) &&
	       (!q->project || strcmp(q->project, r->project) == 0) &&
	       (!q->endpoint || strcmp(q->endpoint, r->endpoint) == 0);
}

/* The prepared search with the narrowest index, bound. */
static struct db_query *choose(struct store *s, const struct event_query *q)
{
	const char *value = NULL;
	enum drive drive = q->changes_only ? BY_CHANGE : BY_SEQ;
	struct db_query *found;
	int64_t after = q->after;

	if (q->rollout > 0)
		drive = BY_ROLLOUT;
	else if (q->subject)
		drive = BY_SUBJECT, value = q->subject;
	else if (q->endpoint && *q->endpoint)
		drive = BY_ENDPOINT, value = q->endpoint;
	else if (q->verb && !verb_is_prefix(q->verb))
		drive = BY_VERB, value = q->verb;
	else if (q->actor)
		drive = BY_ACTOR, value = q->actor;
	if (!after && !q->ascending)
		after = INT64_MAX;
	found = store_query(s, TABLE_AUDIT, (q->ascending ? AUDIT_UP : AUDIT_DOWN) + (int)drive);
	db_bind_int(found, "after", after);
	db_bind_int(found, "rollout", q->rollout);
	if (value)
		db_bind_text(found, "value", value);
	return found;
}

/* Walks the rows into list (q->limit of them at most). 0 or negative; *next as in the header. */
static int search(struct db_query *rows, const struct event_query *q, struct match *match,
	struct found *list, int *count, int64_t *next, struct err *e)
{
	int64_t left = q->scan_limit ? q->scan_limit : SCAN_LIMIT, seq = 0;
	struct audit_row row;
	int rc;

	*next = 0;
	while ((rc = db_step(rows, e)) > 0) {
		/* There is one row more than was wanted or may be looked at. */
		if (*count == q->limit || left-- == 0) {
			*next = seq;
			break;
		}
		read_row(rows, &row);
		seq = row.seq;
		if (!q->ascending && q->since_us && row.at_us < q->since_us - CLOCK_SLACK_US)
			break;
		if (!fits(q, &row))
			continue;
		rc = match ? match_find(match, row.canonical, row.length, e) : 1;
		if (rc < 0)
			break;
		if (rc > 0)
			keep(&list[(*count)++], &row);
	}
	db_reset(rows);
	return rc < 0 ? rc : 0;
}

int store_query_events(struct store *s, const struct event_query *q, store_on_event fn, void *arg,
	int64_t *next_after, struct err *e)
{
	struct match *match = NULL;
	struct found *list;
	int64_t next;
	int count = 0, rc;

	if (q->limit < 1 || q->limit > 1000) {
		err_set(e, ERR_INVALID, "limit is %d, expected 1 to 1000", q->limit);
		return err_field(e, "limit");
	}
	if (q->match && !(match = match_new(q->match, e))) {
		err_field(e, "match");
		return ERR_REGEX;
	}
	list = xcalloc((size_t)q->limit, sizeof *list);
	rc = search(choose(s, q), q, match, list, &count, &next, e);
	match_free(match);
	if (!rc && next_after)
		*next_after = next;
	for (int i = 0, stop = rc; i < count; i++) {
		if (!stop)
			rc = stop = deliver(&list[i], fn, arg, e);
		found_release(&list[i]);
	}
	free(list);
	return rc < 0 ? rc : 0;
}

int audit_scan(const char *home, audit_on_row fn, void *arg, struct err *e)
{
	char *path = xasprintf("%s/store/state.db", home);
	struct db *d = store_ops_sqlite.open(path, DB_READ_ONLY, e);
	struct db_query *q = NULL;
	struct audit_row row;
	int rc = d ? migrations_check(d, state_migrations, e) : ERR_STORE;

	free(path);
	if (!rc && !(q = d->ops->prepare(d, "SELECT " COLUMNS " FROM audit ORDER BY seq", e)))
		rc = ERR_STORE;
	while (!rc && (rc = db_step(q, e)) > 0) {
		read_row(q, &row);
		rc = fn(arg, &row);
		if (rc)
			break;
	}
	if (q)
		d->ops->finish(q);
	store_ops_sqlite.close(d);
	return rc < 0 ? rc : 0;
}
