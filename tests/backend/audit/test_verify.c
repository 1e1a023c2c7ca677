/* test_verify.c: every way to tamper with a log, its finding and first bad sequence; and the
 * verifier printed in docs/audit-format.md must agree. */
#include "tests/backend/store/scratch.h"

#include <sys/wait.h>

#include "backend/audit/verify.h"

#define DROP   "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; "
#define SQL(t) "sqlite3 $H/store/state.db \"" DROP t "\""

static const struct tamper {
	const char *name, *shell;
	enum audit_finding want;
	int64_t first_bad;
	int shell_sees; /* whether the verifier of the document can tell */
} cases[] = {
	{"nothing", "true", AUDIT_WHOLE, 0, 0},
	{"a bit of the text",
		SQL("UPDATE audit SET canonical = replace(canonical, 'ada', 'adb') WHERE seq = 7"),
		AUDIT_ALTERED, 7, 1},
	{"a bit of the last text",
		SQL("UPDATE audit SET canonical = replace(canonical, 'ada', 'adb') WHERE seq = 25"),
		AUDIT_ALTERED, 25, 1},
	{"a digit of the sequence inside",
		SQL("UPDATE audit SET canonical = replace(canonical, '\\\"seq\\\":7', "
		    "'\\\"seq\\\":8') WHERE seq = 7"),
		AUDIT_ALTERED, 7, 1},
	{"not JSON", SQL("UPDATE audit SET canonical = 'gone' WHERE seq = 7"), AUDIT_ALTERED, 7, 1},
	{"a column", SQL("UPDATE audit SET actor = 'eve' WHERE seq = 7"), AUDIT_ALTERED, 7, 1},
	{"a time", SQL("UPDATE audit SET at_us = at_us - 1 WHERE seq = 7"), AUDIT_ALTERED, 7, 1},
	{"the change mark", SQL("UPDATE audit SET is_change = 0 WHERE seq = 7"), AUDIT_ALTERED, 7,
		1},
	{"a hash", SQL("UPDATE audit SET hash = replace(hash, 'a', 'b') WHERE seq = 7"),
		AUDIT_ALTERED, 7, 1},
	{"a previous hash", SQL("UPDATE audit SET prev = replace(prev, 'a', 'b') WHERE seq = 7"),
		AUDIT_ALTERED, 7, 1},
	{"deleted", SQL("DELETE FROM audit WHERE seq = 7"), AUDIT_MISSING, 7, 1},
	{"the first deleted", SQL("DELETE FROM audit WHERE seq = 1"), AUDIT_MISSING, 1, 1},
	{"deleted and counted anew",
		SQL("DELETE FROM audit WHERE seq = 7; UPDATE audit SET seq = -seq WHERE seq > 7;"
		    "UPDATE audit SET seq = -seq - 1 WHERE seq < 0"),
		AUDIT_MISSING, 7, 1},
	{"swapped",
		SQL("UPDATE audit SET seq = 0 WHERE seq = 7; UPDATE audit SET seq = 7 WHERE seq = "
		    "9;"
		    "UPDATE audit SET seq = 9 WHERE seq = 0"),
		AUDIT_MISSING, 7, 1},
	{"texts swapped",
		SQL("CREATE TEMP TABLE t AS SELECT 16 - seq AS other, canonical FROM audit WHERE "
		    "seq IN (7, 9);"
		    "UPDATE audit SET canonical = (SELECT t.canonical FROM t WHERE other = seq) "
		    "WHERE seq IN (7, 9)"),
		AUDIT_MISSING, 7, 1},
	{"a copy inserted",
		SQL("UPDATE audit SET seq = -seq WHERE seq > 7; UPDATE audit SET seq = 1 - seq "
		    "WHERE seq < 0;"
		    "INSERT INTO audit SELECT 8, at_us, is_change, actor, verb, subject, project, "
		    "endpoint,"
		    " rollout, undo_of, prev, hash, canonical FROM audit WHERE seq = 7"),
		AUDIT_MISSING, 8, 1},
	{"an invention inserted",
		SQL("UPDATE audit SET seq = -seq WHERE seq > 7; UPDATE audit SET seq = 1 - seq "
		    "WHERE seq < 0;"
		    "INSERT INTO audit SELECT 8, at_us, is_change, actor, verb, subject, project, "
		    "endpoint,"
		    " rollout, undo_of, hash, replace(hash, 'a', 'b'), replace(canonical, "
		    "'\\\"seq\\\":7',"
		    " '\\\"seq\\\":8') FROM audit WHERE seq = 7"),
		AUDIT_MISSING, 8, 1},
	{"cut behind the last checkpoint", SQL("DELETE FROM audit WHERE seq > 22"), AUDIT_WHOLE, 0,
		0},
	{"cut at the last checkpoint", SQL("DELETE FROM audit WHERE seq >= 20"), AUDIT_TRUNCATED,
		20, 1},
	{"cut before it", SQL("DELETE FROM audit WHERE seq > 14"), AUDIT_TRUNCATED, 15, 1},
	{"all deleted", SQL("DELETE FROM audit"), AUDIT_TRUNCATED, 1, 1},
	{"an old copy", "cp $H/old/state.db* $H/store/", AUDIT_TRUNCATED, 13, 1},
	{"another history", "cp $H/other/store/state.db* $H/store/", AUDIT_FORKED, 10, 1},
	{"a signature", "sed -i '5s/[a-z]/Z/20' $H/log/checkpoints", AUDIT_UNSIGNED, 10, 1},
	{"a key id", "sed -i '5s#audit /#audit A#;t;5s#audit .#audit /#' $H/log/checkpoints",
		AUDIT_UNSIGNED, 10, 0},
	{"a signed sequence", "sed -i 's/^20$/21/' $H/log/checkpoints", AUDIT_UNSIGNED, 21, 1},
	{"a signed hash", "sed -i '3s/[0-9]/a/g' $H/log/checkpoints", AUDIT_UNSIGNED, 10, 1},
	{"another key", "cp $H/other/keys/audit.pem.pub $H/keys/", AUDIT_UNSIGNED, 10, 1},
	{"no key", "rm $H/keys/audit.pem.pub", AUDIT_UNSIGNED, 10, 1},
	{"half a checkpoint at the end", "head -c 60 $H/log/checkpoints >>$H/log/checkpoints",
		AUDIT_WHOLE, 0, 0},
	{"checkpoints removed",
		"rm $H/log/checkpoints; echo set checkpoint_events 20 >$H/settings.conf",
		AUDIT_UNSIGNED, 1, 0},
};

/* 25 events, signed at 10 and 20, left as a crash leaves them; beside them a copy of 12 events,
 * and another history of 25 in a home of its own. */
static void build(struct scratch *x)
{
	int status;
	pid_t pid;

	scratch_new(x);
	store_close(x->store);
	x->store = NULL;
	pid = fork();
	if (pid == 0) {
		struct scratch y;

		scratch_open(x);
		scratch_append(x, 10, "endpoint.share");
		assert_int_equal(store_checkpoint(x->store, 1, &x->e), 0);
		scratch_append(x, 2, "endpoint.share");
		scratch_shell(x, "mkdir $H/old && cp $H/store/state.db* $H/old/");
		scratch_append(x, 8, "endpoint.share");
		assert_int_equal(store_checkpoint(x->store, 1, &x->e), 0);
		scratch_append(x, 5, "endpoint.share");
		y = *x;
		snprintf(y.home, sizeof y.home, "%.40s/other", x->home);
		scratch_open(&y);
		scratch_append(&y, 25, "endpoint.mode");
		_exit(0);
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
}

static void extract_verifier(const struct scratch *x)
{
	assert_int_equal(
		scratch_shell(x, "sed -n '/^```sh$/,/^```$/p' docs/audit-format.md | sed '1d;$d'"
				 " >$H/audit-check; test -s $H/audit-check"),
		0);
}

static void test_each_tampering_has_its_finding(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct tamper *c = &cases[i];
		struct audit_report report;
		struct scratch x;

		build(&x);
		if (scratch_shell(&x, "%s", c->shell))
			fail_msg("%s: the tampering itself failed", c->name);
		if (audit_verify(x.home, &report, NULL, NULL, &x.e))
			fail_msg("%s: %s", c->name, x.e.message);
		if (report.finding != c->want || report.first_bad_seq != c->first_bad)
			fail_msg("%s: finding %d at %d: %s", c->name, report.finding,
				(int)report.first_bad_seq, report.sentence);
		extract_verifier(&x);
		if (scratch_shell(&x, "sh $H/audit-check $H >$H/said 2>&1") != c->shell_sees) {
			scratch_shell(&x, "cat $H/said");
			fail_msg("%s: the document's verifier disagrees", c->name);
		}
		scratch_free(&x);
	}
}

static void test_the_exposed_tail_is_told(void **state)
{
	struct audit_report report;
	struct scratch x;

	(void)state;
	build(&x);
	assert_int_equal(audit_verify(x.home, &report, NULL, NULL, &x.e), 0);
	assert_int_equal(report.events, 25);
	assert_int_equal(report.signed_seq, 20);
	assert_int_equal(report.exposed, 5);
	assert_non_null(strstr(report.sentence, "the last 5"));
	/* Closing signs what is left, also after a torn note. */
	assert_int_equal(
		scratch_shell(&x, "head -c 90 $H/log/checkpoints >>$H/log/checkpoints"), 0);
	scratch_open(&x);
	store_close(x.store);
	x.store = NULL;
	assert_int_equal(audit_verify(x.home, &report, NULL, NULL, &x.e), 0);
	assert_int_equal(report.finding, AUDIT_WHOLE);
	assert_int_equal(report.exposed, 0);
	scratch_free(&x);
}

static void test_checkpoints_come_by_number_and_by_time(void **state)
{
	struct audit_report report;
	struct scratch x;

	(void)state;
	scratch_new(&x);
	scratch_append(&x, 255, "endpoint.share");
	assert_int_equal(store_checkpoint(x.store, 0, &x.e), 0);
	assert_int_equal(audit_verify(x.home, &report, NULL, NULL, &x.e), 0);
	assert_int_equal(report.signed_seq, 0);
	scratch_append(&x, 1, "endpoint.share");
	assert_int_equal(store_checkpoint(x.store, 0, &x.e), 0);
	scratch_append(&x, 1, "endpoint.share");
	assert_int_equal(store_checkpoint(x.store, 0, &x.e), 0);
	assert_int_equal(audit_verify(x.home, &report, NULL, NULL, &x.e), 0);
	assert_int_equal(report.signed_seq, 256);
	x.clock.fake_mono_us += 10000000;
	assert_int_equal(store_checkpoint(x.store, 0, &x.e), 0);
	assert_int_equal(audit_verify(x.home, &report, NULL, NULL, &x.e), 0);
	assert_int_equal(report.signed_seq, 257);
	scratch_free(&x);
}

static void test_a_missing_log_is_an_error(void **state)
{
	struct audit_report report;
	struct err e = {0};

	(void)state;
	assert_true(audit_verify("/nonexistent", &report, NULL, NULL, &e) < 0);
	assert_non_null(strstr(e.message, "/nonexistent"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_tampering_has_its_finding),
		cmocka_unit_test(test_the_exposed_tail_is_told),
		cmocka_unit_test(test_checkpoints_come_by_number_and_by_time),
		cmocka_unit_test(test_a_missing_log_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
