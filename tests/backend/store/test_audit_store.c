/* test_audit_store.c: searching the audit log: filters, pages, patterns and their limits. */
#include "tests/backend/store/scratch.h"

#include <time.h>

struct seen {
	char text[512];
	struct scratch *x;
};

static int on_event(void *arg, const struct event *ev)
{
	struct seen *s = arg;
	int64_t by;

	assert_true(store_undone_by(s->x->store, ev->seq, &by, NULL) >= 0);
	if (strlen(s->text) < sizeof s->text - 32)
		sprintf(s->text + strlen(s->text), "%d ", (int)ev->seq);
	return 0;
}

/* Ten events, three kinds, two actors; 9 undoes 2. */
static void fill(struct scratch *x)
{
	static const char *const verbs[] = {"rollout.start", "rollout.abort", "session.read"};

	for (int i = 1; i <= 10; i++) {
		struct event ev = scratch_event(verbs[i % 3]);
		int64_t seq;

		ev.change = i % 3 != 2;
		ev.actor = i % 2 ? "ada" : "bob";
		ev.rollout = i > 5 ? 41 : 0;
		ev.undo_of = i == 9 ? 2 : 0;
		ev.endpoint = i == 4 ? "flights/other" : "flights/delay";
		ev.at_us = NOON + i;
		assert_int_equal(store_begin(x->store, &x->e), 0);
		assert_int_equal(store_append_event(x->store, &ev, &seq, &x->e), 0);
		assert_int_equal(store_commit(x->store, &x->e), 0);
	}
}

static void test_filters_and_pages(void **state)
{
	static const struct {
		const char *name;
		struct event_query q;
		const char *want;
		int64_t next;
	} cases[] = {
		{"all", {.limit = 100}, "10 9 8 7 6 5 4 3 2 1 ", 0},
		{"a page", {.limit = 3}, "10 9 8 ", 8},
		{"the next", {.limit = 3, .after = 8}, "7 6 5 ", 5},
		{"the last", {.limit = 3, .after = 4}, "3 2 1 ", 0},
		{"upwards", {.limit = 3, .ascending = 1}, "1 2 3 ", 3},
		{"upwards from", {.limit = 9, .ascending = 1, .after = 7}, "8 9 10 ", 0},
		{"changes", {.limit = 100, .changes_only = 1}, "10 9 7 6 4 3 1 ", 0},
		{"actor", {.limit = 100, .actor = "bob"}, "10 8 6 4 2 ", 0},
		{"verb", {.limit = 100, .verb = "rollout.abort"}, "10 7 4 1 ", 0},
		{"verb family", {.limit = 100, .verb = "rollout.*"}, "10 9 7 6 4 3 1 ", 0},
		{"endpoint", {.limit = 100, .endpoint = "flights/other"}, "4 ", 0},
		{"rollout", {.limit = 100, .rollout = 41, .actor = "ada"}, "9 7 ", 0},
		{"subject", {.limit = 2, .subject = "endpoint:flights/delay"}, "10 9 ", 9},
		{"nothing", {.limit = 2, .subject = "endpoint:none"}, "", 0},
		{"project", {.limit = 100, .project = "ghost"}, "", 0},
		{"times", {.limit = 100, .since_us = NOON + 4, .until_us = NOON + 6}, "6 5 4 ", 0},
		{"pattern", {.limit = 100, .match = "\"seq\":[12]\\b"}, "2 1 ", 0},
		{"case", {.limit = 100, .match = "SEQ"}, "", 0},
		{"scan limit", {.limit = 100, .match = "nowhere", .scan_limit = 4}, "", 7},
	};
	struct scratch x;

	(void)state;
	scratch_new(&x);
	fill(&x);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct seen s = {.x = &x};
		int64_t next = -1;

		assert_int_equal(
			store_query_events(x.store, &cases[i].q, on_event, &s, &next, &x.e), 0);
		if (strcmp(s.text, cases[i].want) != 0 || next != cases[i].next)
			fail_msg("%s: %s, next %d", cases[i].name, s.text, (int)next);
	}
	scratch_free(&x);
}

static int on_found(void *arg, const struct event *ev)
{
	struct event want = scratch_event("rollout.abort");

	assert_string_equal(ev->reason, want.reason);
	assert_string_equal(ev->before, want.before);
	assert_null(ev->request_id);
	assert_int_equal(ev->actor_uid, 1000);
	assert_int_equal(ev->login_uid, -1);
	assert_int_equal(strlen(ev->prev), 64);
	assert_int_equal(strlen(ev->hash), 64);
	*(int64_t *)arg = ev->seq;
	return 0;
}

static void test_one_event_and_its_undo(void **state)
{
	struct scratch x;
	int64_t seq = 0;

	(void)state;
	scratch_new(&x);
	fill(&x);
	assert_int_equal(store_find_event(x.store, 7, on_found, &seq, &x.e), 1);
	assert_int_equal(seq, 7);
	assert_int_equal(store_find_event(x.store, 11, on_found, &seq, &x.e), 0);
	assert_int_equal(store_undone_by(x.store, 2, &seq, &x.e), 1);
	assert_int_equal(seq, 9);
	assert_int_equal(store_undone_by(x.store, 3, &seq, &x.e), 0);
	scratch_free(&x);
}

static void test_bad_and_costly_patterns_are_errors(void **state)
{
	struct event_query q = {.limit = 100, .match = "(unclosed"};
	struct scratch x;
	struct seen s = {.x = &x};
	char reason[401];
	int64_t next, seq;
	time_t start;

	(void)state;
	scratch_new(&x);
	memset(reason, 'a', 400);
	reason[400] = '\0';
	for (int i = 0; i < 200; i++) {
		struct event ev = scratch_event("endpoint.share");

		ev.reason = reason;
		assert_int_equal(store_begin(x.store, &x.e), 0);
		assert_int_equal(store_append_event(x.store, &ev, &seq, &x.e), 0);
		assert_int_equal(store_commit(x.store, &x.e), 0);
	}
	assert_int_equal(store_query_events(x.store, &q, on_event, &s, &next, &x.e), ERR_REGEX);
	q.match = "(a+)+\\z_";
	start = time(NULL);
	assert_int_equal(store_query_events(x.store, &q, on_event, &s, &next, &x.e), ERR_REGEX);
	assert_true(time(NULL) - start <= 1);
	assert_non_null(strstr(x.e.message, "too costly"));
	q.match = NULL;
	q.limit = 0;
	assert_int_equal(store_query_events(x.store, &q, on_event, &s, &next, &x.e), ERR_INVALID);
	q.limit = 1; /* and the search still works */
	assert_int_equal(store_query_events(x.store, &q, on_event, &s, &next, &x.e), 0);
	assert_string_equal(s.text, "200 ");
	scratch_free(&x);
}

static void test_triggers_refuse_accidents(void **state)
{
	struct scratch x;

	(void)state;
	scratch_new(&x);
	fill(&x);
	assert_int_not_equal(
		scratch_shell(&x, "sqlite3 $H/store/state.db \"UPDATE audit SET actor = 'x'\""
				  " 2>/dev/null"),
		0);
	assert_int_not_equal(
		scratch_shell(&x, "sqlite3 $H/store/state.db 'DELETE FROM audit' 2>/dev/null"), 0);
	scratch_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters_and_pages),
		cmocka_unit_test(test_one_event_and_its_undo),
		cmocka_unit_test(test_bad_and_costly_patterns_are_errors),
		cmocka_unit_test(test_triggers_refuse_accidents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
