/* test_policy_store.c: holds, proposals, votes, and approvals by purpose. */
#include "tests/backend/store/scratch.h"

#include "backend/store/migrations.h"
#include "backend/store/store_priv.h"

static int count_row(void *arg, const struct hold_row *r)
{
	(void)r;
	++*(int *)arg;
	return 0;
}

static void test_holds(void **state)
{
	static struct hold_row line = {.kind = "line",
				       .user = "ada",
				       .reason = "smoke",
				       .at_us = 5},
			       window = {.kind = "window",
				       .scope = "p/a",
				       .user = "ada",
				       .second = "ben",
				       .until_us = 9,
				       .revision = 3},
			       out;
	struct scratch x;
	int n = 0;

	(void)state;
	scratch_new(&x);
	assert_int_equal(store_find_hold(x.store, "line", "", &out, &x.e), 0);
	assert_int_equal(store_save_hold(x.store, &line, &x.e), 0);
	assert_int_equal(store_save_hold(x.store, &window, &x.e), 0);
	assert_int_equal(store_find_hold(x.store, "line", "", &out, &x.e), 1);
	assert_memory_equal(&line, &out, sizeof out);
	assert_int_equal(store_find_hold(x.store, "line", "p/a", &out, &x.e), 0);
	memset(&out, 0, sizeof out);
	assert_int_equal(store_find_hold(x.store, "window", "p/a", &out, &x.e), 1);
	assert_memory_equal(&window, &out, sizeof out);
	window.until_us = 12; /* again: later, the same row */
	assert_int_equal(store_save_hold(x.store, &window, &x.e), 0);
	assert_int_equal(store_list_holds(x.store, count_row, &n, &x.e), 0);
	assert_int_equal(n, 2);
	assert_int_equal(store_remove_hold(x.store, "line", "", &x.e), 0);
	assert_int_equal(store_find_hold(x.store, "line", "", &out, &x.e), 0);
	scratch_free(&x);
}

static int count_proposal(void *arg, const struct proposal_row *r)
{
	*(int64_t *)arg = *(int64_t *)arg * 10 + r->id;
	return 0;
}

static int copy_vote(void *arg, const struct proposal_vote *r)
{
	*(struct proposal_vote *)arg = *r;
	return 1;
}

static void test_proposals(void **state)
{
	static struct proposal_row p = {.kind = "apply",
					   .state = "open",
					   .project = "p",
					   .summary = "lowers the tier",
					   .author = "ada",
					   .author_uid = 1000,
					   .needed = 2,
					   .base = 7},
				   out;
	static struct proposal_vote v = {1, 1001, 1001, 8, 9, "ben", "fine"}, seen;
	struct buf text = {0};
	struct scratch x;
	int64_t ids = 0;

	(void)state;
	scratch_new(&x);
	assert_int_equal(store_next_proposal_id(x.store, &p.id, &x.e), 0);
	assert_int_equal(p.id, 1);
	assert_int_equal(store_save_proposal(x.store, &p, "project: p\n", &x.e), 0);
	assert_int_equal(store_find_proposal(x.store, 1, &out, &text, &x.e), 1);
	assert_memory_equal(&p, &out, sizeof p);
	assert_string_equal(buf_text(&text), "project: p\n");
	assert_int_equal(store_find_proposal(x.store, 2, &out, NULL, &x.e), 0);
	assert_int_equal(store_save_vote(x.store, &v, &x.e), 0);
	assert_int_equal(store_list_votes(x.store, 1, copy_vote, &seen, &x.e), 0);
	assert_memory_equal(&v, &seen, sizeof v);
	strcpy(p.state, "done");
	p.ended_us = 9;
	assert_int_equal(store_save_proposal(x.store, &p, NULL, &x.e), 0);
	buf_reset(&text);
	assert_int_equal(store_find_proposal(x.store, 1, &out, &text, &x.e), 1);
	assert_string_equal(out.state, "done");
	assert_string_equal(buf_text(&text), "project: p\n"); /* it stays */
	p.id = 2;
	strcpy(p.state, "open");
	assert_int_equal(store_save_proposal(x.store, &p, "", &x.e), 0);
	assert_int_equal(store_list_proposals(x.store, 0, 10, count_proposal, &ids, &x.e), 0);
	assert_int_equal(ids, 21);
	ids = 0;
	assert_int_equal(store_list_proposals(x.store, 1, 10, count_proposal, &ids, &x.e), 0);
	assert_int_equal(ids, 2);
	buf_release(&text);
	scratch_free(&x);
}

static int add_purpose(void *arg, const struct approval_row *r)
{
	strcat(arg, r->purpose);
	strcat(arg, " ");
	return 0;
}

static void test_one_person_approves_twice_for_two_purposes(void **state)
{
	struct approval_row a = {.rollout = 4, .uid = 1000, .at_us = 1, .purpose = "start"};
	struct scratch x;
	char got[60] = "";

	(void)state;
	scratch_new(&x);
	assert_int_equal(store_save_approval(x.store, &a, &x.e), 0);
	a.at_us = 2; /* the same again takes the place of the first */
	assert_int_equal(store_save_approval(x.store, &a, &x.e), 0);
	strcpy(a.purpose, "promote");
	a.at_us = 3;
	assert_int_equal(store_save_approval(x.store, &a, &x.e), 0);
	assert_int_equal(store_list_approvals(x.store, 4, add_purpose, got, &x.e), 0);
	assert_string_equal(got, "start promote ");
	scratch_free(&x);
}

/* A state of before: its approvals go on counting, bound to the bytes of their version. */
static void test_approvals_are_kept_by_the_migration(void **state)
{
	static struct migration older[4];
	struct scratch x;
	char path[320],
		sql[] = "INSERT INTO rollouts VALUES (7, 'p/a', 'p', 'production', 'canary', "
			"'waiting',"
			" 'v1', 'v2', '1% 2m', 0, 0, 2, 'ada', 1000, 1000, 1, 1, 0, '', '', 0, 1);"
			"INSERT INTO versions VALUES ('p', 'v2', 'sha256:aa', 'ada', 1, 1, 1, 1);"
			"INSERT INTO approvals VALUES (7, 1001, 1001, 5, 6, 'ben', 'fine');";
	struct db *d;
	struct db_query *q;

	(void)state;
	memcpy(older, state_migrations, 3 * sizeof older[0]);
	scratch_new(&x);
	snprintf(path, sizeof path, "%s/older.db", x.home);
	d = store_ops_sqlite.open(path, DB_DURABLE, &x.e);
	assert_non_null(d);
	assert_int_equal(migrations_run(d, older, 1, &x.e), 0);
	assert_int_equal(d->ops->exec(d, sql, &x.e), 0);
	assert_int_equal(migrations_run(d, state_migrations, 1, &x.e), 0);
	q = d->ops->prepare(d,
		"SELECT username, purpose, version_digest, spec_seq FROM approvals"
		" WHERE rollout = 7",
		&x.e);
	assert_int_equal(db_step(q, &x.e), 1);
	assert_string_equal(db_text(q, 0, NULL), "ben");
	assert_string_equal(db_text(q, 1, NULL), "start");
	assert_string_equal(db_text(q, 2, NULL), "sha256:aa");
	assert_int_equal(db_int(q, 3), 0);
	d->ops->finish(q);
	d->ops->close(d);
	scratch_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_proposals),
		cmocka_unit_test(test_one_person_approves_twice_for_two_purposes),
		cmocka_unit_test(test_approvals_are_kept_by_the_migration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
