/* test_restore.c: a backup comes back on hold, signed, with the lost range named; nothing else
 * does.
 */
#include "tests/backend/store/scratch.h"
#include "tests/backend/local/run.h"

#include <sys/stat.h>

#include "backend/audit/verify.h"
#include "backend/keeper.h"
#include "backend/registry/registry.h"

struct rig {
	struct scratch x; /* the home that is restored into */
	char tar[100], dir[100];
	struct ran r;
};

static void write_tar(struct rig *g, const char *tar)
{
	char copy[120], paths[4][120];
	struct pack_item items[] = {{copy, "store"}, {paths[0], "store/bundles"},
		{paths[1], "keys"}, {paths[2], "settings.conf"}, {paths[3], "log/checkpoints"}};
	int fd = open(tar, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	snprintf(copy, sizeof copy, "%s/copy", g->dir);
	snprintf(paths[0], sizeof paths[0], "%s/store/bundles", g->x.home);
	snprintf(paths[1], sizeof paths[1], "%s/keys", g->x.home);
	snprintf(paths[2], sizeof paths[2], "%s/settings.conf", g->x.home);
	snprintf(paths[3], sizeof paths[3], "%s/log/checkpoints", g->x.home);
	assert_int_equal(store_checkpoint(g->x.store, 1, &g->x.e), 0);
	assert_int_equal(store_backup(g->x.store, copy, &g->x.e), 0);
	assert_int_equal(registry_pack(fd, items, 5, &g->x.e), 0);
	close(fd);
	scratch_shell(&g->x, "rm -rf %s", copy);
}

/* A home with 10 events, a backup of it, and 7 more events. */
static int rig_new(void **state)
{
	struct rig *g = calloc(1, sizeof *g);

	scratch_new(&g->x);
	strcpy(g->dir, "/tmp/pithead-local-XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	snprintf(g->tar, sizeof g->tar, "%s/b.tar", g->dir);
	scratch_shell(&g->x, "mkdir -p $H/store/bundles $H/log; echo 'set lease_ms 2000' "
			     ">$H/settings.conf");
	scratch_append(&g->x, 10, "rollout.start");
	write_tar(g, g->tar);
	scratch_append(&g->x, 7, "rollout.abort");
	store_close(g->x.store);
	g->x.store = NULL;
	setenv("PITHEAD_HOME", g->x.home, 1);
	*state = g;
	return 0;
}

static int rig_free(void **state)
{
	struct rig *g = *state;

	scratch_shell(&g->x, "rm -rf %s", g->dir);
	scratch_free(&g->x);
	buf_release(&g->r.text);
	free(g);
	return 0;
}

static int keep_event(void *arg, const struct event *ev)
{
	struct buf *b = arg;

	buf_addf(b, "%s|%s|%d|%s", ev->verb, ev->reason, ev->change, ev->after);
	return 1;
}

static void expect_hold(struct rig *g, int64_t seq, const char *words)
{
	struct event_query q = {.limit = 1};
	struct buf fact = {0}, ev = {0};
	struct audit_report report;
	int64_t next;

	assert_int_equal(audit_verify(g->x.home, &report, NULL, NULL, &g->x.e), 0);
	assert_int_equal(report.finding, AUDIT_WHOLE);
	assert_int_equal(report.signed_seq, seq);
	scratch_open(&g->x);
	assert_int_equal(store_head(g->x.store), seq);
	assert_int_equal(store_find_fact(g->x.store, "hold", &fact, &g->x.e), 1);
	assert_string_equal(buf_text(&fact), "restore");
	assert_int_equal(store_query_events(g->x.store, &q, keep_event, &ev, &next, &g->x.e), 0);
	assert_non_null(strstr(buf_text(&ev), "engine.restore|"));
	assert_non_null(strstr(buf_text(&ev), "|1|{\"text\":\""));
	if (!strstr(buf_text(&ev), words))
		fail_msg("no \"%s\" in %s", words, buf_text(&ev));
	buf_release(&fact);
	buf_release(&ev);
}

static void test_an_empty_home_takes_a_backup(void **state)
{
	struct rig *g = *state;
	struct stat st;
	char path[120];

	scratch_shell(&g->x, "rm -rf $H");
	RUN(&g->r, local_restore, g->dir, "restore", g->tar);
	expect_code(&g->r, 0);
	expect_text(&g->r, "engine hold observed");
	expect_hold(g, 11, "up to event 10 into an empty home");
	assert_int_equal(stat(g->x.home, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0711);
	snprintf(path, sizeof path, "%s/keys", g->x.home);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	assert_int_equal(
		scratch_shell(&g->x, "grep -q 2000 $H/settings.conf && ! ls -d $H/restore-* "
				     "$H/*before* 2>/dev/null"),
		0);
}

static void test_a_store_is_replaced_only_when_told(void **state)
{
	struct rig *g = *state;

	RUN(&g->r, local_restore, g->dir, "restore", g->tar);
	expect_code(&g->r, 4);
	expect_text(&g->r, "--replace");
	RUN(&g->r, local_restore, g->dir, "restore", "--replace", "--json", g->tar);
	expect_code(&g->r, 0);
	expect_text(&g->r, "\"lost\":7");
	expect_hold(g, 11, "events 11 to 17 are lost (7 of them)");
	assert_int_equal(scratch_shell(&g->x, "test -f $H/store.before-restore-*Z/state.db && "
					      "grep -q 17 $H/log/checkpoints.before-restore-*Z && "
					      "test -f $H/keys.before-restore-*Z/audit.pem && "
					      "! ls -d $H/restore-* 2>/dev/null"),
		0);
}

static void test_a_running_engine_is_left_alone(void **state)
{
	struct rig *g = *state;
	int lock = lock_take(g->x.home, "engine.lock", 0);

	assert_true(lock >= 0);
	RUN(&g->r, local_restore, g->dir, "restore", "--replace", g->tar);
	expect_code(&g->r, 4);
	expect_text(&g->r, "engine stop");
	close(lock);
	scratch_open(&g->x);
	assert_int_equal(store_head(g->x.store), 17);
}

static void test_bad_files_change_nothing(void **state)
{
	static const struct {
		const char *make; /* $T is the backup, $B the bad one, in a folder of their own */
		const char *want;
		int code;
	} cases[] = {
		{"head -c 20000 $T >$B", "whole", 1},
		{"echo hello >$B", "not a", 1},
		{": >$B", "not a backup", 1},
		{"rm -f $B", "cannot read", 1},
		{"tar xf $T; ln -s /etc/passwd store/link; tar cf $B store keys log", "is a link",
			1},
		{"tar xf $T; echo x >evil; tar cf $B store keys log evil", "not part of a backup",
			1},
		{"tar xf $T; tar cPf $B store keys log ../b.tar", "\"..\"", 1},
		{"tar xf $T; tar cf $B store keys log; tar rf $B store/state.db", "there twice", 1},
		{"tar xf $T; mkfifo log/pipe; tar cf $B store keys log", "neither a file", 1},
		{"tar xf $T; rm keys/audit.pem; tar cf $B store keys log", "no keys/audit.pem", 1},
		{"tar xf $T; sqlite3 store/state.db 'DROP TRIGGER IF EXISTS audit_no_delete; "
		 "DELETE FROM audit WHERE seq = 4'; "
		 "tar cf $B store keys log",
			"event 4 is missing", 11},
		{"tar xf $T; sqlite3 store/state.db 'DROP TRIGGER IF EXISTS audit_no_delete; "
		 "DELETE FROM audit WHERE seq > 8'; "
		 "tar cf $B store keys log",
			"it was cut", 12},
		{"tar xf $T; mkdir -p store/bundles/sha256-$(printf '%064d' 1); echo x "
		 ">store/bundles/sha256-$(printf '%064d' 1)/f; tar cf $B store keys log",
			"was altered", 4},
	};
	struct rig *g = *state;
	char bad[120];

	snprintf(bad, sizeof bad, "%s/bad.tar", g->dir);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		scratch_shell(&g->x,
			"T=%s B=%s; mkdir -p %s/w; cd %s/w; { %s; } 2>/dev/null; "
			"rm -rf %s/w",
			g->tar, bad, g->dir, g->dir, cases[i].make, g->dir);
		RUN(&g->r, local_restore, g->dir, "restore", "--replace", bad);
		if (g->r.code != cases[i].code || !strstr(buf_text(&g->r.text), cases[i].want))
			fail_msg("%s: exit %d: %s", cases[i].make, g->r.code, buf_text(&g->r.text));
		assert_int_equal(scratch_shell(&g->x, "ls -d $H/restore-* $H/*.before* 2>/dev/null"
						      " | grep -q ."),
			1);
	}
	scratch_open(&g->x);
	assert_int_equal(store_head(g->x.store), 17);
}

static void test_another_history_is_named(void **state)
{
	struct rig *g = *state;

	scratch_shell(&g->x, "rm -rf $H/*");
	scratch_open(&g->x);
	scratch_append(&g->x, 3, "rollout.start");
	store_close(g->x.store);
	g->x.store = NULL;
	RUN(&g->r, local_restore, g->dir, "restore", "--replace", g->tar);
	expect_code(&g->r, 0);
	expect_hold(g, 11, "another log (another key), up to event 3");
}

static void test_usage(void **state)
{
	struct rig *g = *state;

	RUN(&g->r, local_restore, g->dir, "restore");
	expect_code(&g->r, 2);
	RUN(&g->r, local_restore, g->dir, "restore", "--force", g->tar);
	expect_code(&g->r, 2);
	RUN(&g->r, local_restore, g->dir, "restore", "--help");
	expect_code(&g->r, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_new, rig_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_an_empty_home_takes_a_backup),
		T(test_a_store_is_replaced_only_when_told),
		T(test_a_running_engine_is_left_alone),
		T(test_bad_files_change_nothing),
		T(test_another_history_is_named),
		T(test_usage),
	};

	return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
