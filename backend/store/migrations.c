/* migrations.c: the schema, and the walk from one version of it to the next. Never edit a row that
 * was shipped: add one. Version and writer's term are rows of `meta`. */
#include "backend/store/migrations.h"

#include <inttypes.h>
#include <stdlib.h>

#include "backend/base/version.h"
#include "backend/base/xalloc.h"

/* The triggers guard against accidents only; it is the chain that proves. */
static const char audit_sql[] =
	"CREATE TABLE audit ("
	" seq BIGINT NOT NULL PRIMARY KEY, at_us BIGINT NOT NULL, is_change BIGINT NOT NULL,"
	" actor TEXT NOT NULL, verb TEXT NOT NULL, subject TEXT NOT NULL, project TEXT NOT NULL,"
	" endpoint TEXT NOT NULL, rollout BIGINT NOT NULL, undo_of BIGINT NOT NULL,"
	" prev TEXT NOT NULL, hash TEXT NOT NULL, canonical TEXT NOT NULL);"
	"CREATE INDEX audit_by_actor ON audit (actor, seq);"
	"CREATE INDEX audit_by_verb ON audit (verb, seq);"
	"CREATE INDEX audit_by_subject ON audit (subject, seq);"
	"CREATE INDEX audit_by_endpoint ON audit (endpoint, seq) WHERE endpoint > '';"
	"CREATE INDEX audit_by_rollout ON audit (rollout, seq) WHERE rollout > 0;"
	"CREATE INDEX audit_by_undo ON audit (undo_of, seq) WHERE undo_of > 0;"
	"CREATE INDEX audit_changes ON audit (seq) WHERE is_change = 1;"
	"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN"
	" SELECT RAISE(ABORT, 'the audit log is append-only'); END;"
	"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN"
	" SELECT RAISE(ABORT, 'the audit log is append-only'); END;";

static const char rows_sql[] =
	"CREATE TABLE endpoints ("
	" id TEXT NOT NULL PRIMARY KEY, project TEXT NOT NULL, name TEXT NOT NULL,"
	" environment TEXT NOT NULL, tier TEXT NOT NULL, mode TEXT NOT NULL, listen TEXT NOT NULL,"
	" stable TEXT NOT NULL, candidate TEXT NOT NULL, previous TEXT NOT NULL,"
	" hot_until_us BIGINT NOT NULL, rollout BIGINT NOT NULL, share_bp BIGINT NOT NULL,"
	" gate BIGINT NOT NULL, removed BIGINT NOT NULL, spec_seq BIGINT NOT NULL,"
	" revision BIGINT NOT NULL);"
	"CREATE TABLE endpoint_configs (endpoint TEXT NOT NULL PRIMARY KEY, json TEXT NOT NULL);"
	"CREATE TABLE versions ("
	" project TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, author TEXT NOT NULL,"
	" size_bytes BIGINT NOT NULL, files BIGINT NOT NULL, created_us BIGINT NOT NULL,"
	" revision BIGINT NOT NULL, PRIMARY KEY (project, name));"
	"CREATE INDEX versions_by_digest ON versions (project, digest);"
	"CREATE TABLE rollouts ("
	" id BIGINT NOT NULL PRIMARY KEY, endpoint TEXT NOT NULL, project TEXT NOT NULL,"
	" environment TEXT NOT NULL, pattern TEXT NOT NULL, state TEXT NOT NULL,"
	" from_version TEXT NOT NULL, to_version TEXT NOT NULL, steps TEXT NOT NULL,"
	" step BIGINT NOT NULL, share_bp BIGINT NOT NULL, approvals_needed BIGINT NOT NULL,"
	" author TEXT NOT NULL, author_uid BIGINT NOT NULL, author_login_uid BIGINT NOT NULL,"
	" started_us BIGINT NOT NULL, step_since_us BIGINT NOT NULL, ended_us BIGINT NOT NULL,"
	" reason TEXT NOT NULL, end_reason TEXT NOT NULL, exposed BIGINT NOT NULL,"
	" revision BIGINT NOT NULL);"
	"CREATE INDEX rollouts_by_endpoint ON rollouts (endpoint, id);"
	"CREATE INDEX rollouts_active ON rollouts (id) WHERE ended_us = 0;"
	"CREATE TABLE approvals ("
	" rollout BIGINT NOT NULL, uid BIGINT NOT NULL, login_uid BIGINT NOT NULL,"
	" at_us BIGINT NOT NULL, revision BIGINT NOT NULL, username TEXT NOT NULL,"
	" reason TEXT NOT NULL, PRIMARY KEY (rollout, uid));"
	"CREATE TABLE overrides ("
	" endpoint TEXT NOT NULL, segment TEXT NOT NULL, rollout BIGINT NOT NULL,"
	" share_bp BIGINT NOT NULL, revision BIGINT NOT NULL, PRIMARY KEY (endpoint, segment));"
	"CREATE TABLE slots ("
	" endpoint TEXT NOT NULL, version TEXT NOT NULL, slot BIGINT NOT NULL,"
	" PRIMARY KEY (endpoint, slot));"
	"CREATE TABLE replicas ("
	" id TEXT NOT NULL PRIMARY KEY, endpoint TEXT NOT NULL, version TEXT NOT NULL,"
	" digest TEXT NOT NULL, slot BIGINT NOT NULL, number BIGINT NOT NULL, pid BIGINT NOT NULL,"
	" start_ticks BIGINT NOT NULL, state TEXT NOT NULL, since_us BIGINT NOT NULL);"
	"CREATE TABLE alerts ("
	" id BIGINT NOT NULL PRIMARY KEY, project TEXT NOT NULL, endpoint TEXT NOT NULL,"
	" kind TEXT NOT NULL, level TEXT NOT NULL, state TEXT NOT NULL, message TEXT NOT NULL,"
	" rollout BIGINT NOT NULL, since_us BIGINT NOT NULL, ended_us BIGINT NOT NULL,"
	" revision BIGINT NOT NULL);"
	"CREATE INDEX alerts_open ON alerts (id) WHERE state <> 'resolved';"
	"CREATE TABLE specs ("
	" project TEXT NOT NULL, seq BIGINT NOT NULL, digest TEXT NOT NULL,"
	" git_commit TEXT NOT NULL, author TEXT NOT NULL, dirty BIGINT NOT NULL,"
	" at_us BIGINT NOT NULL, spec_text TEXT NOT NULL, access_json TEXT NOT NULL,"
	" PRIMARY KEY (project, seq));"
	"CREATE TABLE answers ("
	" uid BIGINT NOT NULL, answer_key TEXT NOT NULL, route TEXT NOT NULL, status BIGINT NOT "
	"NULL,"
	" body TEXT NOT NULL, at_us BIGINT NOT NULL, PRIMARY KEY (uid, answer_key));"
	"CREATE INDEX answers_by_age ON answers (at_us);"
	"CREATE TABLE facts (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);";

/* A person may approve the start and, later, the promotion: the purpose is of the key now. */
static const char policy_sql[] =
	"CREATE TABLE approvals_new ("
	" rollout BIGINT NOT NULL, uid BIGINT NOT NULL, login_uid BIGINT NOT NULL,"
	" at_us BIGINT NOT NULL, revision BIGINT NOT NULL, username TEXT NOT NULL,"
	" reason TEXT NOT NULL, purpose TEXT NOT NULL, verdict TEXT NOT NULL,"
	" card_digest TEXT NOT NULL, version_digest TEXT NOT NULL, spec_seq BIGINT NOT NULL,"
	" PRIMARY KEY (rollout, uid, purpose));"
	"INSERT INTO approvals_new (rollout, uid, login_uid, at_us, revision, username, reason,"
	" purpose, verdict, card_digest, version_digest, spec_seq)"
	" SELECT a.rollout, a.uid, a.login_uid, a.at_us, a.revision, a.username, a.reason,"
	" 'start', 'missing', '', COALESCE((SELECT v.digest FROM versions AS v JOIN rollouts AS r"
	" ON v.project = r.project AND v.name = r.to_version WHERE r.id = a.rollout), ''), 0"
	" FROM approvals AS a;"
	"DROP TABLE approvals;"
	"ALTER TABLE approvals_new RENAME TO approvals;"
	"CREATE TABLE holds ("
	" kind TEXT NOT NULL, scope TEXT NOT NULL, username TEXT NOT NULL, second TEXT NOT NULL,"
	" reason TEXT NOT NULL, uid BIGINT NOT NULL, login_uid BIGINT NOT NULL,"
	" at_us BIGINT NOT NULL, until_us BIGINT NOT NULL, revision BIGINT NOT NULL,"
	" PRIMARY KEY (kind, scope));"
	"CREATE TABLE proposals ("
	" id BIGINT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL,"
	" project TEXT NOT NULL, endpoint TEXT NOT NULL, summary TEXT NOT NULL,"
	" author TEXT NOT NULL, reason TEXT NOT NULL, git_commit TEXT NOT NULL,"
	" digest TEXT NOT NULL, author_uid BIGINT NOT NULL, author_login_uid BIGINT NOT NULL,"
	" at_us BIGINT NOT NULL, ended_us BIGINT NOT NULL, needed BIGINT NOT NULL,"
	" dirty BIGINT NOT NULL, base BIGINT NOT NULL, lasts_ms BIGINT NOT NULL,"
	" undo_of BIGINT NOT NULL, revision BIGINT NOT NULL, spec_text TEXT NOT NULL);"
	"CREATE TABLE proposal_votes ("
	" proposal BIGINT NOT NULL, uid BIGINT NOT NULL, login_uid BIGINT NOT NULL,"
	" at_us BIGINT NOT NULL, revision BIGINT NOT NULL, username TEXT NOT NULL,"
	" reason TEXT NOT NULL, PRIMARY KEY (proposal, uid));";

const struct migration state_migrations[] = {
	{1, "audit log", audit_sql},
	{2, "endpoints, versions, rollouts and what belongs to them", rows_sql},
	{3, "verdict cards",
		"CREATE TABLE cards ("
		" rollout BIGINT NOT NULL, number BIGINT NOT NULL, at_us BIGINT NOT NULL,"
		" kind TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (rollout, number));"},
	{4, "what an approval was given for, holds and proposals", policy_sql},
	{5, "the segments of a segmented rollout",
		"ALTER TABLE rollouts ADD COLUMN segments TEXT NOT NULL DEFAULT '';"},
	{6, "upstream servers that people keep from new requests",
		"CREATE TABLE drains ("
		" endpoint TEXT NOT NULL, version TEXT NOT NULL, server TEXT NOT NULL,"
		" username TEXT NOT NULL, reason TEXT NOT NULL, at_us BIGINT NOT NULL,"
		" revision BIGINT NOT NULL, PRIMARY KEY (endpoint, version, server));"},
	PITHEAD_MORE_MIGRATIONS{0},
};

const struct migration telemetry_migrations[] = {
	{1, "requests and outcomes",
		"CREATE TABLE records ("
		" id TEXT NOT NULL PRIMARY KEY, endpoint TEXT NOT NULL, version TEXT NOT NULL,"
		" environment TEXT NOT NULL, arm BIGINT NOT NULL, rollout BIGINT NOT NULL,"
		" share_bp BIGINT NOT NULL, bucket BIGINT NOT NULL, keyed BIGINT NOT NULL,"
		" key TEXT NOT NULL, segment TEXT NOT NULL, segment_unknown BIGINT NOT NULL,"
		" routed_us BIGINT NOT NULL, status BIGINT NOT NULL, total_ms DOUBLE PRECISION,"
		" answer_ms DOUBLE PRECISION, failed BIGINT NOT NULL, backend_down BIGINT NOT NULL,"
		" score DOUBLE PRECISION, read BIGINT NOT NULL, server TEXT NOT NULL);"
		"CREATE INDEX records_by_time ON records (routed_us);"
		"CREATE TABLE outcomes ("
		" id TEXT NOT NULL, name TEXT NOT NULL, value DOUBLE PRECISION NOT NULL,"
		" at_us BIGINT NOT NULL, PRIMARY KEY (id, name));"
		"CREATE INDEX outcomes_by_time ON outcomes (at_us);"},
	{2, "trials of rollouts",
		"ALTER TABLE records ADD COLUMN counted_w DOUBLE PRECISION NOT NULL DEFAULT 0;"
		"CREATE INDEX records_counted ON records (rollout, routed_us) WHERE counted_w > 0;"
		"CREATE TABLE trials ("
		" rollout BIGINT NOT NULL PRIMARY KEY, setup TEXT NOT NULL, state TEXT NOT NULL,"
		" state_seq BIGINT NOT NULL, matured_us BIGINT NOT NULL, at_us BIGINT NOT NULL);"
		"CREATE TABLE trial_journals ("
		" rollout BIGINT NOT NULL, seq BIGINT NOT NULL, data TEXT NOT NULL,"
		" PRIMARY KEY (rollout, seq));"
		"CREATE TABLE trial_points ("
		" rollout BIGINT NOT NULL, at_us BIGINT NOT NULL, json TEXT NOT NULL,"
		" PRIMARY KEY (rollout, at_us));"},
	{0},
};

/* The schema's version in d: 0 for a new database, negative ERR_*. */
static int64_t read_version(struct db *d, struct err *e)
{
	struct db_query *q = d->ops->prepare(d, "SELECT value FROM meta WHERE name = 'schema'", e);
	int64_t version;
	int rc;

	if (!q)
		return ERR_STORE;
	rc = db_step(q, e);
	version = rc > 0 ? db_int(q, 0) : rc;
	d->ops->finish(q);
	return version;
}

int migrations_last(const struct migration *rows)
{
	int n = 0;

	while (rows[n].version)
		n++;
	return n;
}

static int refuse_newer(const struct db *d, int64_t version, int known, struct err *e)
{
	err_set(e, ERR_NEWER,
		"%s was written by a newer pithead (schema %" PRId64 ", this one knows %d)",
		d->path, version, known);
	return err_hint(e, "start the newer pithead again, or restore the backup that was made "
			   "before the upgrade with this one: pithead restore --replace FILE, from "
			   "the folder backups of the home");
}

static int copy_aside(struct db *d, int64_t version, struct err *e)
{
	char *path = xasprintf("%s.v%" PRId64 ".bak", d->path, version);
	int rc = d->ops->copy(d, path, e);

	free(path);
	return rc;
}

static int apply(struct db *d, const struct migration *m, struct err *e)
{
	char *bump = xasprintf("UPDATE meta SET value = %d WHERE name = 'schema'", m->version);
	int rc = d->ops->begin(d, e);

	if (!rc && ((rc = d->ops->exec(d, m->sql, e)) || (rc = d->ops->exec(d, bump, e)) ||
			   (rc = d->ops->commit(d, e))))
		d->ops->rollback(d);
	free(bump);
	return rc;
}

int migrations_run(struct db *d, const struct migration *rows, int copy, struct err *e)
{
	static const char meta[] =
		"CREATE TABLE IF NOT EXISTS meta ("
		" name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL);"
		"INSERT INTO meta (name, value) VALUES ('schema', 0), ('term', 0)"
		" ON CONFLICT (name) DO NOTHING;";
	int known = migrations_last(rows), rc = d->ops->exec(d, meta, e);
	int64_t version = rc ? rc : read_version(d, e);

	if (version < 0)
		return (int)version;
	if (version > known)
		return refuse_newer(d, version, known, e);
	if (copy && version > 0 && version < known)
		rc = copy_aside(d, version, e);
	for (int i = (int)version; !rc && i < known; i++)
		rc = apply(d, &rows[i], e);
	return rc;
}

int migrations_check(struct db *d, const struct migration *rows, struct err *e)
{
	int known = migrations_last(rows);
	int64_t version = read_version(d, e);

	if (version < 0)
		return (int)version;
	if (version > known)
		return refuse_newer(d, version, known, e);
	if (version < known) {
		err_set(e, ERR_STORE, "%s is of an older pithead (schema %" PRId64 ", needed %d)",
			d->path, version, known);
		return err_hint(e, "start the engine once: it brings the file up to date");
	}
	return 0;
}
