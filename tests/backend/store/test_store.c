/* test_store.c: transactions, the writer's term, crashes, migrations, full disks, backups. */
#include "tests/backend/store/scratch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "backend/store/migrations.h"

static int64_t revision_of(struct store *s)
{
	struct endpoint_row row;
	struct err e = {0};
	int rc = store_find_endpoint(s, "flights/delay", &row, &e);

	assert_true(rc >= 0);
	return rc ? row.revision : 0;
}

static void test_rollback_takes_back_state_and_event(void **state)
{
	struct scratch x;
	struct event ev = scratch_event("endpoint.share");
	int64_t seq;

	(void)state;
	scratch_new(&x);
	scratch_append(&x, 2, "endpoint.share");
	assert_int_equal(store_begin(x.store, &x.e), 0);
	assert_int_equal(store_append_event(x.store, &ev, &seq, &x.e), 0);
	assert_int_equal(seq, 3);
	store_rollback(x.store);
	store_rollback(x.store);
	assert_int_equal(store_head(x.store), 2);
	scratch_append(&x, 1, "endpoint.share");
	assert_int_equal(store_head(x.store), 3);
	assert_int_equal(revision_of(x.store), 3);
	scratch_free(&x);
}

static void test_files_are_private(void **state)
{
	static const struct {
		const char *path;
		unsigned mode;
	} cases[] = {{"store", 0700}, {"keys", 0700}, {"log", 0700}, {"store/state.db", 0600},
		{"store/state.db-wal", 0600}, {"store/telemetry.db", 0600}, {"store/reserve", 0600},
		{"keys/audit.pem", 0600}, {"log/checkpoints", 0600}};
	struct scratch x;

	(void)state;
	scratch_new(&x);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char path[128];
		struct stat st;

		snprintf(path, sizeof path, "%s/%s", x.home, cases[i].path);
		if (stat(path, &st))
			fail_msg("%s is missing", path);
		if ((st.st_mode & 0777) != cases[i].mode)
			fail_msg("%s has mode %o", path, st.st_mode & 0777);
	}
	scratch_free(&x);
}

/* A child that dies by SIGKILL in its `when`-th moment: 0 after the append, 1 after the save of
 * the row, 2 after the commit. */
static void die_at(struct scratch *x, int when)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct event ev = scratch_event("endpoint.share");
		struct endpoint_row row = {.id = "flights/delay"};
		int64_t seq;

		scratch_open(x);
		if (store_begin(x->store, &x->e) || store_append_event(x->store, &ev, &seq, &x->e))
			_exit(1);
		row.revision = seq;
		if (when == 0)
			kill(getpid(), SIGKILL);
		if (store_save_endpoint(x->store, &row, &x->e))
			_exit(1);
		if (when == 1)
			kill(getpid(), SIGKILL);
		if (store_commit(x->store, &x->e))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_a_crash_leaves_both_or_neither(void **state)
{
	struct scratch x;
	int64_t want = 3;

	(void)state;
	scratch_new(&x);
	scratch_append(&x, 3, "endpoint.share");
	for (int when = 0; when < 3; when++) {
		store_close(x.store);
		die_at(&x, when);
		want += when == 2;
		scratch_open(&x);
		assert_int_equal(store_head(x.store), want);
		assert_int_equal(revision_of(x.store), want);
	}
	scratch_free(&x);
}

static void test_the_older_term_can_write_no_more(void **state)
{
	struct scratch x;
	struct store *other;

	(void)state;
	scratch_new(&x);
	scratch_append(&x, 1, "endpoint.share");
	other = store_open(x.home, &x.settings, &x.clock, 0, &x.e);
	assert_non_null(other);
	assert_int_equal(store_begin(x.store, &x.e), ERR_CONFLICT);
	assert_non_null(strstr(x.e.message, "another engine has taken over"));
	assert_int_equal(store_set_fact(x.store, "hold", "1", &x.e), ERR_CONFLICT);
	assert_int_equal(store_begin(other, &x.e), 0);
	assert_int_equal(store_commit(other, &x.e), 0);
	store_close(x.store);
	x.store = other;
	scratch_free(&x);
}

static void test_reading_only_takes_no_term(void **state)
{
	struct scratch x;
	struct store *reader;

	(void)state;
	scratch_new(&x);
	reader = store_open(x.home, &x.settings, &x.clock, 1, &x.e);
	assert_non_null(reader);
	assert_int_equal(store_begin(reader, &x.e), ERR_STORE);
	scratch_append(&x, 1, "endpoint.share");
	assert_int_equal(revision_of(reader), 1);
	store_close(reader);
	scratch_free(&x);
}

static void test_bad_files_are_a_sentence(void **state)
{
	static const struct {
		const char *name, *damage, *words;
	} cases[] = {
		{"garbage", "head -c 9000 /dev/urandom >$H/store/state.db; rm -f $H/store/*-wal",
			"damaged"},
		{"cut", "truncate -s 20000 $H/store/state.db", "damaged"},
		{"telemetry", "echo 'not a database, but long enough' >$H/store/telemetry.db",
			"damaged"},
		{"a folder", "rm $H/store/state.db; mkdir $H/store/state.db", "cannot open"},
		{"no schema",
			"rm -f $H/store/state.db*; sqlite3 $H/store/state.db 'create table "
			"meta (x)'",
			"state.db"},
		{"newer",
			"sqlite3 $H/store/state.db \"update meta set value = 99 where "
			"name = 'schema'\"",
			"newer pithead"},
		{"no term", "sqlite3 $H/store/state.db 'drop table specs'", "no such table"},
		{"key", "echo garbage >$H/keys/audit.pem", "not a private key"},
		{"log", "rm $H/log/checkpoints; mkdir $H/log/checkpoints", "checkpoints"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct scratch x;

		scratch_new(&x);
		scratch_append(&x, 3, "endpoint.share");
		store_close(x.store);
		assert_int_equal(scratch_shell(&x, "%s", cases[i].damage), 0);
		x.store = store_open(x.home, &x.settings, &x.clock, 0, &x.e);
		if (x.store || !strstr(x.e.message, cases[i].words))
			fail_msg("%s: %s", cases[i].name, x.store ? "opened" : x.e.message);
		scratch_free(&x);
	}
}

static void test_an_older_schema_is_brought_up_after_a_copy(void **state)
{
	static const struct migration one[] = {{1, "a", "CREATE TABLE a (x BIGINT)"}, {0}};
	static const struct migration bad[] = {{1, "a", "CREATE TABLE a (x BIGINT)"},
		{2, "b", "CREATE TABLE b (x BIGINT); INSERT INTO nowhere VALUES (1)"}, {0}};
	static const struct migration three[] = {{1, "a", "CREATE TABLE a (x BIGINT)"},
		{2, "b", "ALTER TABLE a ADD COLUMN y BIGINT; UPDATE a SET y = x + 1"},
		{3, "c", "CREATE INDEX a_y ON a (y)"}, {0}};
	struct scratch x;
	char path[128];
	struct db *d;

	(void)state;
	scratch_new(&x);
	snprintf(path, sizeof path, "%s/old.db", x.home);
	d = store_ops_sqlite.open(path, DB_DURABLE, &x.e);
	assert_non_null(d);
	assert_int_equal(migrations_run(d, one, 1, &x.e), 0);
	assert_int_equal(d->ops->exec(d, "INSERT INTO a VALUES (7)", &x.e), 0);
	assert_int_equal(scratch_shell(&x, "test -e $H/old.db.v1.bak"), 1);
	assert_true(migrations_check(d, three, &x.e) < 0);
	/* A row that fails leaves the file as it was. */
	assert_true(migrations_run(d, bad, 1, &x.e) < 0);
	assert_true(migrations_check(d, one, &x.e) == 0);
	assert_int_equal(migrations_run(d, three, 1, &x.e), 0);
	assert_int_equal(migrations_run(d, three, 1, &x.e), 0);
	assert_true(migrations_run(d, one, 1, &x.e) < 0);
	assert_non_null(strstr(x.e.message, "newer"));
	d->ops->close(d);
	assert_int_equal(
		scratch_shell(&x, "test \"$(sqlite3 $H/old.db 'select x, y from a')\" = '7|8'"
				  " && test \"$(sqlite3 $H/old.db.v1.bak 'select * from a')\""
				  " = 7 && test $(stat -c %%a $H/old.db.v1.bak) = 600"),
		0);
	scratch_free(&x);
}

static void reopen(struct scratch *x, int mode)
{
	store_close(x->store);
	x->store = store_open(x->home, &x->settings, &x->clock, mode, &x->e);
	if (!x->store)
		fail_msg("%s", x->e.message);
}

/* So many events that SQLite would have moved its log into the file by itself. */
static void test_a_probation_can_be_taken_back_or_confirmed(void **state)
{
	struct scratch x;

	(void)state;
	scratch_new(&x);
	scratch_append(&x, 3, "endpoint.share");
	reopen(&x, STORE_PROBATION);
	scratch_append(&x, 1500, "endpoint.share");
	assert_int_equal(store_checkpoint(x.store, 1, &x.e), 0);
	assert_true(store_head(x.store) == 1503);
	store_close(x.store);
	assert_int_equal(store_is_settled(x.home), 0);
	assert_int_equal(store_take_back(x.home, &x.e), 0);
	assert_int_equal(store_is_settled(x.home), 1);
	scratch_open(&x);
	assert_true(store_head(x.store) == 3);
	/* Nothing was signed that is gone now. */
	assert_int_equal(scratch_shell(&x, "grep -c '^1503$' $H/log/checkpoints"), 1);
	reopen(&x, STORE_PROBATION);
	scratch_append(&x, 10, "endpoint.share");
	assert_int_equal(store_confirm(x.store, &x.e), 0);
	store_close(x.store);
	assert_int_equal(store_is_settled(x.home), 1);
	scratch_open(&x);
	assert_true(store_head(x.store) == 13);
	scratch_free(&x);
}

/* In a child, since the limit cannot be taken back for good. */
static int full_disk(struct scratch *x)
{
	struct rlimit limit = {.rlim_cur = 1200000, .rlim_max = 1200000};
	char *big = malloc(400001);
	int64_t seq, before;
	int rc = 0;

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	memset(big, 'x', 400000);
	big[400000] = '\0';
	for (int i = 0; i < 50 && !rc; i++) {
		struct event ev = scratch_event("endpoint.share");

		ev.after = big;
		before = store_head(x->store);
		rc = store_begin(x->store, &x->e);
		if (!rc)
			rc = store_append_event(x->store, &ev, &seq, &x->e);
		if (!rc)
			rc = store_set_fact(x->store, "seq", "1", &x->e);
		if (!rc)
			rc = store_commit(x->store, &x->e);
		else
			store_rollback(x->store);
	}
	free(big);
	if (rc != ERR_DISK_FULL) {
		fprintf(stderr, "rc %d: %s\n", rc, x->e.message);
		return 1;
	}
	/* Views stay up. */
	if (store_head(x->store) != before || before < 1 || revision_of(x->store) != 1)
		return 2;
	return store_release_reserve(x->store) != 0 ? 3 : store_release_reserve(x->store) == 0;
}

static void test_a_full_disk_is_an_error_and_the_reserve_helps_once(void **state)
{
	struct scratch x;
	int status;
	pid_t pid;

	(void)state;
	scratch_new(&x);
	scratch_append(&x, 1, "endpoint.share");
	store_close(x.store);
	pid = fork();
	if (pid == 0) {
		scratch_open(&x);
		_exit(full_disk(&x));
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
	scratch_open(&x); /* whole afterwards, and the reserve is back */
	assert_true(store_head(x.store) >= 1);
	assert_int_equal(scratch_shell(&x, "test $(stat -c %%s $H/store/reserve) = 1048576"), 0);
	scratch_free(&x);
}

static void test_sqlite_full_is_disk_full(void **state)
{
	struct scratch x;
	char path[128];
	struct db *d;

	(void)state;
	scratch_new(&x);
	snprintf(path, sizeof path, "%s/full.db", x.home);
	d = store_ops_sqlite.open(path, DB_DURABLE, &x.e);
	assert_non_null(d);
	assert_int_equal(
		d->ops->exec(d, "CREATE TABLE t (x TEXT); PRAGMA max_page_count = 4", &x.e), 0);
	assert_int_equal(d->ops->exec(d, "INSERT INTO t VALUES (hex(zeroblob(40000)))", &x.e),
		ERR_DISK_FULL);
	d->ops->close(d);
	scratch_free(&x);
}

static void test_a_backup_opens_as_a_store(void **state)
{
	struct scratch x, y;
	char folder[128];

	(void)state;
	scratch_new(&x);
	scratch_append(&x, 5, "endpoint.share");
	snprintf(folder, sizeof folder, "%s/copy", x.home);
	assert_int_equal(store_backup(x.store, folder, &x.e), 0);
	scratch_append(&x, 2, "endpoint.share");
	assert_int_equal(scratch_shell(&x, "mkdir -p $H/b && mv $H/copy $H/b/store"), 0);
	y = x;
	snprintf(y.home, sizeof y.home, "%.40s/b", x.home);
	scratch_open(&y);
	assert_int_equal(store_head(y.store), 5);
	assert_int_equal(revision_of(y.store), 5);
	store_close(y.store);
	scratch_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rollback_takes_back_state_and_event),
		cmocka_unit_test(test_a_probation_can_be_taken_back_or_confirmed),
		cmocka_unit_test(test_files_are_private),
		cmocka_unit_test(test_a_crash_leaves_both_or_neither),
		cmocka_unit_test(test_the_older_term_can_write_no_more),
		cmocka_unit_test(test_reading_only_takes_no_term),
		cmocka_unit_test(test_bad_files_are_a_sentence),
		cmocka_unit_test(test_an_older_schema_is_brought_up_after_a_copy),
		cmocka_unit_test(test_a_full_disk_is_an_error_and_the_reserve_helps_once),
		cmocka_unit_test(test_sqlite_full_is_disk_full),
		cmocka_unit_test(test_a_backup_opens_as_a_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
