/* policy_store.c: what stands above single rollouts: a stopped line, overridden freezes, and
 * proposals that wait for other people. */
#include <stdint.h>
#include <stdlib.h>

#include "backend/base/xalloc.h"
#include "backend/store/store_priv.h"

static const struct db_field holds_fields[] = {
	DB_FIELD(hold_row, kind, DB_TEXT),
	DB_FIELD(hold_row, scope, DB_TEXT),
	DB_NAMED(hold_row, user, "username", DB_TEXT),
	DB_FIELD(hold_row, second, DB_TEXT),
	DB_FIELD(hold_row, reason, DB_TEXT),
	DB_FIELD(hold_row, uid, DB_BIGINT),
	DB_FIELD(hold_row, login_uid, DB_BIGINT),
	DB_FIELD(hold_row, at_us, DB_BIGINT),
	DB_FIELD(hold_row, until_us, DB_BIGINT),
	DB_FIELD(hold_row, revision, DB_BIGINT),
	DB_END,
};

enum { HOLD_SAVE, HOLD_REMOVE, HOLD_FIND, HOLD_LIST, HOLD_COUNT };

static const char *const holds_sql[HOLD_COUNT] = {
	[HOLD_SAVE] = "INSERT INTO holds ($COLUMNS) VALUES ($VALUES) ON CONFLICT (kind, scope)"
		      " DO UPDATE SET $SET",
	[HOLD_REMOVE] = "DELETE FROM holds WHERE kind = :kind AND scope = :scope",
	[HOLD_FIND] = "SELECT $COLUMNS FROM holds WHERE kind = :kind AND scope = :scope",
	[HOLD_LIST] = "SELECT $COLUMNS FROM holds ORDER BY kind, scope",
};

const struct db_table holds_table = {"holds", holds_fields, holds_sql, HOLD_COUNT};

static const struct db_field proposals_fields[] = {
	DB_FIELD(proposal_row, id, DB_BIGINT),
	DB_FIELD(proposal_row, kind, DB_TEXT),
	DB_FIELD(proposal_row, state, DB_TEXT),
	DB_FIELD(proposal_row, project, DB_TEXT),
	DB_FIELD(proposal_row, endpoint, DB_TEXT),
	DB_FIELD(proposal_row, summary, DB_TEXT),
	DB_FIELD(proposal_row, author, DB_TEXT),
	DB_FIELD(proposal_row, reason, DB_TEXT),
	DB_FIELD(proposal_row, git_commit, DB_TEXT),
	DB_FIELD(proposal_row, digest, DB_TEXT),
	DB_FIELD(proposal_row, author_uid, DB_BIGINT),
	DB_FIELD(proposal_row, author_login_uid, DB_BIGINT),
	DB_FIELD(proposal_row, at_us, DB_BIGINT),
	DB_FIELD(proposal_row, ended_us, DB_BIGINT),
	DB_FIELD(proposal_row, needed, DB_INT),
	DB_FIELD(proposal_row, dirty, DB_INT),
	DB_FIELD(proposal_row, base, DB_BIGINT),
	DB_FIELD(proposal_row, lasts_ms, DB_BIGINT),
	DB_FIELD(proposal_row, undo_of, DB_BIGINT),
	DB_FIELD(proposal_row, revision, DB_BIGINT),
	DB_END,
};

enum {
	PROPOSAL_NEXT,
	PROPOSAL_ADD,
	PROPOSAL_UPDATE,
	PROPOSAL_FIND,
	PROPOSAL_LIST,
	PROPOSAL_OPEN,
	PROPOSAL_COUNT
};

static const char *const proposals_sql[PROPOSAL_COUNT] = {
	[PROPOSAL_NEXT] = "SELECT COALESCE(MAX(id), 0) + 1 FROM proposals",
	[PROPOSAL_ADD] = "INSERT INTO proposals ($COLUMNS, spec_text) VALUES ($VALUES, :spec_text)",
	[PROPOSAL_UPDATE] = "UPDATE proposals SET state = :state, ended_us = :ended_us,"
			    " revision = :revision WHERE id = :id",
	[PROPOSAL_FIND] = "SELECT $COLUMNS, spec_text FROM proposals WHERE id = :id",
	[PROPOSAL_LIST] = "SELECT $COLUMNS FROM proposals ORDER BY id DESC LIMIT :count",
	[PROPOSAL_OPEN] = "SELECT $COLUMNS FROM proposals WHERE state = 'open' ORDER BY id DESC"
			  " LIMIT :count",
};

const struct db_table proposals_table = {
	"proposals", proposals_fields, proposals_sql, PROPOSAL_COUNT};

static const struct db_field votes_fields[] = {
	DB_FIELD(proposal_vote, proposal, DB_BIGINT),
	DB_FIELD(proposal_vote, uid, DB_BIGINT),
	DB_FIELD(proposal_vote, login_uid, DB_BIGINT),
	DB_FIELD(proposal_vote, at_us, DB_BIGINT),
	DB_FIELD(proposal_vote, revision, DB_BIGINT),
	DB_NAMED(proposal_vote, user, "username", DB_TEXT),
	DB_FIELD(proposal_vote, reason, DB_TEXT),
	DB_END,
};

enum { VOTE_SAVE, VOTE_LIST, VOTE_COUNT };

static const char *const votes_sql[VOTE_COUNT] = {
	[VOTE_SAVE] = "INSERT INTO proposal_votes ($COLUMNS) VALUES ($VALUES)"
		      " ON CONFLICT (proposal, uid) DO UPDATE SET $SET",
	[VOTE_LIST] = "SELECT $COLUMNS FROM proposal_votes WHERE proposal = :proposal"
		      " ORDER BY at_us, uid",
};

const struct db_table votes_table = {"proposal_votes", votes_fields, votes_sql, VOTE_COUNT};

/* -- holds -- */

int store_save_hold(struct store *s, const struct hold_row *r, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_HOLDS, HOLD_SAVE);

	db_bind_row(q, holds_fields, r);
	return store_run(s, q, e);
}

int store_remove_hold(struct store *s, const char *kind, const char *scope, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_HOLDS, HOLD_REMOVE);

	db_bind_text(q, "kind", kind);
	db_bind_text(q, "scope", scope);
	return store_run(s, q, e);
}

int store_find_hold(
	struct store *s, const char *kind, const char *scope, struct hold_row *out, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_HOLDS, HOLD_FIND);

	db_bind_text(q, "kind", kind);
	db_bind_text(q, "scope", scope);
	return db_find_row(q, holds_fields, out, e);
}

int store_list_holds(struct store *s, store_on_hold fn, void *arg, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_HOLDS, HOLD_LIST);
	const struct hold_row *r;
	struct db_rows rows;
	int rc = db_collect(q, holds_fields, sizeof *r, &rows, e);

	for (int i = 0; !rc && (r = db_row_get(&rows, i)); i++)
		rc = fn(arg, r);
	db_rows_release(&rows);
	return rc < 0 ? rc : 0;
}

/* -- proposals -- */

int store_next_proposal_id(struct store *s, int64_t *id, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_PROPOSALS, PROPOSAL_NEXT);
	int rc = db_step(q, e);

	if (rc < 0)
		return rc;
	*id = db_int(q, 0);
	db_reset(q);
	return 0;
}

int store_save_proposal(
	struct store *s, const struct proposal_row *r, const char *text, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_PROPOSALS, text ? PROPOSAL_ADD : PROPOSAL_UPDATE);

	db_bind_row(q, proposals_fields, r);
	if (text)
		db_bind_text(q, "spec_text", text);
	return store_run(s, q, e);
}

int store_find_proposal(
	struct store *s, int64_t id, struct proposal_row *out, struct buf *text, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_PROPOSALS, PROPOSAL_FIND);
	int rc, width = (int)(sizeof proposals_fields / sizeof proposals_fields[0]) - 1;

	db_bind_int(q, "id", id);
	rc = db_step(q, e);
	if (rc <= 0)
		return rc;
	db_read_row(q, proposals_fields, 0, out);
	if (text)
		buf_adds(text, db_text(q, width, NULL));
	db_reset(q);
	return 1;
}

int store_list_proposals(
	struct store *s, int open_only, int limit, store_on_proposal fn, void *arg, struct err *e)
{
	struct db_query *q =
		store_query(s, TABLE_PROPOSALS, open_only ? PROPOSAL_OPEN : PROPOSAL_LIST);
	const struct proposal_row *r;
	struct db_rows rows;
	int rc;

	db_bind_int(q, "count", limit > 0 ? limit : INT32_MAX);
	rc = db_collect(q, proposals_fields, sizeof *r, &rows, e);
	for (int i = 0; !rc && (r = db_row_get(&rows, i)); i++)
		rc = fn(arg, r);
	db_rows_release(&rows);
	return rc < 0 ? rc : 0;
}

int store_save_vote(struct store *s, const struct proposal_vote *r, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_VOTES, VOTE_SAVE);

	db_bind_row(q, votes_fields, r);
	return store_run(s, q, e);
}

int store_list_votes(struct store *s, int64_t proposal, store_on_vote fn, void *arg, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_VOTES, VOTE_LIST);
	const struct proposal_vote *r;
	struct db_rows rows;
	int rc;

	db_bind_int(q, "proposal", proposal);
	rc = db_collect(q, votes_fields, sizeof *r, &rows, e);
	for (int i = 0; !rc && (r = db_row_get(&rows, i)); i++)
		rc = fn(arg, r);
	db_rows_release(&rows);
	return rc < 0 ? rc : 0;
}
