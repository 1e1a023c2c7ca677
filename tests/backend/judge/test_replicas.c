/* test_replicas.c: one slow or failing server of an arm is named, healthy siblings are not, and the
 * state survives a restart. Simulated, seeded. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/judge/replicas.h"
#include "tests/bench/chance.h"

/* What the servers of both arms are: the last of the candidate's is the odd one. */
struct world {
	int servers;	 /* of each arm */
	double slower;	 /* the odd one's factor */
	double failing;	 /* how often it fails; the others 1 % */
	int from;	 /* the tick since when it is odd */
	int waves, deal; /* deal 1: in turn, 2: the odd one gets a fifth of its part */
	int stable_is_odd;
};

static const char *const names[2][4] = {{"r1", "r2", "r3", "r4"}, {"r10", "r11", "r12", "r13"}};

static void tick_play(struct replicas *r, const struct world *w, struct chance *c, int tick)
{
	double wave = w->waves ? exp(.5 * sin(tick * 2 * M_PI / 300)) : 1;
	int turn = 0, odd = w->servers - 1;

	for (int i = 0; i < 40; i++) {
		int candidate = chance_is(c, .5), k = (int)(chance_bits(c) % (uint64_t)w->servers);
		int is_odd, failed;

		if (w->deal == 1)
			k = turn++ % w->servers;
		else if (w->deal == 2 && k == odd && !chance_is(c, .2))
			k = 0;
		is_odd = candidate != w->stable_is_odd && k == odd && tick >= w->from;
		failed = chance_is(c, is_odd ? w->failing : .01);
		replicas_add(r, candidate, names[candidate][k], failed,
			.05 * wave * exp(.5 * chance_normal(c)) * (is_odd ? w->slower : 1));
	}
	replicas_tick(r);
}

static struct replica_finding play(const struct world *w, uint64_t seed, int ticks)
{
	struct replicas r;
	struct chance c = {seed};

	replicas_init(&r);
	for (int t = 0; t < ticks; t++)
		tick_play(&r, w, &c, t);
	return replicas_find(&r);
}

static void test_the_odd_one_is_named(void **state)
{
	static const struct {
		struct world world;
		int ticks;
		const char *name, *text;
	} cases[] = {
		{{3, 2, .01, 0, 0, 0, 0}, 60, "r12", "x slower than its siblings ("},
		{{3, 2, .01, 0, 1, 1, 0}, 60, "r12", "replica r12 of v4 is"},
		{{3, 2, .01, 0, 0, 2, 0}, 120, "r12", "replica r12 of v4 is"},
		{{2, 2, .01, 0, 0, 0, 0}, 60, "r11", "replica r11 of v4 is"},
		{{3, 2, .01, 0, 0, 0, 1}, 60, "r3", "replica r3 of v3 is"},
		{{3, 2, .01, 2000, 0, 0, 0}, 2300, "r12", "replica r12 of v4 is"},
		{{3, 1.6, .01, 0, 0, 0, 0}, 300, "r12", "x slower than its siblings ("},
		{{3, 1, .2, 0, 0, 0, 0}, 60, "r12", "replica r12 of v4 fails"},
		{{3, 1, 1, 0, 0, 0, 0}, 30, "r12", "replica r12 of v4 fails 100 %"},
	};
	char text[240];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (uint64_t seed = 1; seed <= 5; seed++) {
			struct replica_finding f = play(&cases[i].world, seed, cases[i].ticks);

			assert_int_equal(replicas_text(&f, "v3", "v4", text, sizeof text),
				f.found || f.likely);
			if (!f.found || strcmp(f.name, cases[i].name) != 0 || f.evidence < 1)
				fail_msg("case %zu, seed %d: %s, %.2f", i, (int)seed, f.name,
					f.evidence);
			assert_int_equal(f.candidate, !cases[i].world.stable_is_odd);
		}
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct replica_finding f = play(&cases[i].world, 400, cases[i].ticks + 300);

		replicas_text(&f, "v3", "v4", text, sizeof text);
		if (!strstr(text, cases[i].text) || !strstr(text, "; without it v"))
			fail_msg("case %zu: %s", i, text);
	}
}

/* Also where they differ by less than what is named, and where the requests are dealt unevenly. */
static void test_healthy_siblings_are_not_named(void **state)
{
	static const struct world cases[] = {
		{3, 1, .01, 0, 0, 0, 0},
		{3, 1, .01, 0, 1, 1, 0},
		{4, 1, .01, 0, 1, 2, 0},
		{3, 1.2, .012, 0, 0, 0, 0},
	};
	int named = 0;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (uint64_t seed = 1; seed <= 15; seed++)
			named += play(&cases[i], 1000 * (i + 1) + seed, 600).found;
	/* 60 rollouts, 1 % each: 4 or more are seen in 0.3 % of cases. */
	assert_true(named < 4);
}

/* Before it is certain it is called likely; and what the servers did can be listed. */
static void test_likely_comes_before_named(void **state)
{
	static const struct world w = {3, 2, .01, 0, 0, 0, 0};
	int likely = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct replica_finding f;
		struct replicas r;
		struct chance c = {seed};
		char text[240];

		replicas_init(&r);
		for (int t = 0; t < 60; t++) {
			tick_play(&r, &w, &c, t);
			f = replicas_find(&r);
			assert_false(f.found && f.likely);
			if (!f.likely)
				continue;
			likely++;
			replicas_text(&f, "v3", "v4", text, sizeof text);
			assert_non_null(strstr(text, "probably replica r12 of v4 "));
		}
		assert_true(replicas_list(&r, 1, 0, text, sizeof text));
		assert_non_null(strstr(text, "r12 "));
		assert_non_null(strstr(text, " ms (geometric means)"));
		assert_true(replicas_list(&r, 0, 1, text, sizeof text));
		assert_non_null(strstr(text, " % (failed)"));
		assert_true(replicas_list(&r, 0, 1, text, 20));
		assert_true(strlen(text) < 20);
	}
	assert_true(likely >= 10);
}

/* A twentieth of its answers take ten times as long: its mean hardly moves. */
static void test_a_slow_tail_is_named(void **state)
{
	struct replica_finding f;
	struct replicas r;
	struct chance c = {31};
	char text[240];

	(void)state;
	replicas_init(&r);
	for (int t = 0; t < 600; t++) {
		for (int i = 0; i < 40; i++) {
			int k = (int)(chance_bits(&c) % 3);
			double l = .05 * exp(.5 * chance_normal(&c));

			replicas_add(
				&r, 1, names[1][k], 0, k == 2 && chance_is(&c, .05) ? 10 * l : l);
		}
		replicas_tick(&r);
	}
	f = replicas_find(&r);
	assert_true(f.found && f.test == REPLICA_TAIL);
	replicas_text(&f, "v3", "v4", text, sizeof text);
	if (!strstr(text, "replica r12 of v4 has ") || !strstr(text, " very slow answers"))
		fail_msg("%s", text);
}

/* With one server, or with all of them slow, there is nothing to compare. */
static void test_what_cannot_be_told(void **state)
{
	static const struct world alone = {1, 3, .5, 0, 0, 0, 0};
	struct replica_finding f = play(&alone, 1, 300);
	char text[240] = "x";
	struct replicas r;

	(void)state;
	assert_false(f.found);
	assert_false(replicas_text(&f, "v3", "v4", text, sizeof text));
	assert_string_equal(text, "");
	replicas_init(&r);
	f = replicas_find(&r);
	assert_false(f.found);
	/* More servers than there is room for, and answers without a server or a latency. */
	for (int i = 0; i < 4000; i++) {
		char name[16];

		snprintf(name, sizeof name, "s%d", i % 40);
		replicas_add(&r, i & 1, i % 40 == 39 ? "" : name, 0, i % 7 ? .05 : (double)NAN);
		if (i % 100 == 99)
			replicas_tick(&r);
	}
	f = replicas_find(&r);
	assert_false(f.found);
}

static void test_save_and_load(void **state)
{
	static const struct world w = {3, 2, .05, 0, 1, 0, 0};
	struct replicas a, b;
	struct chance ca = {5}, cb = {5};
	struct buf x = {0}, y = {0};
	struct err e = {0};

	(void)state;
	replicas_init(&a);
	replicas_init(&b);
	for (int t = 0; t < 1000; t++) {
		tick_play(&a, &w, &ca, t);
		tick_play(&b, &w, &cb, t);
		replicas_add(&a, 1, "r10", 0, .2);
		replicas_add(&b, 1, "r10", 0, .2);
		if (t % 90)
			continue;
		buf_reset(&x);
		replicas_save(&b, &x);
		assert_int_equal(replicas_load(&b, x.data, x.len, &e), 0);
	}
	buf_reset(&x);
	replicas_save(&a, &x);
	replicas_save(&b, &y);
	assert_int_equal(x.len, y.len);
	assert_memory_equal(x.data, y.data, x.len);
	for (size_t i = 0; i < x.len; i += 13) {
		x.data[i] ^= 4;
		assert_int_equal(replicas_load(&b, x.data, x.len, &e), ERR_INVALID);
		x.data[i] ^= 4;
		assert_int_equal(replicas_load(&b, x.data, i, &e), ERR_INVALID);
	}
	buf_release(&x);
	buf_release(&y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_odd_one_is_named),
		cmocka_unit_test(test_healthy_siblings_are_not_named),
		cmocka_unit_test(test_likely_comes_before_named),
		cmocka_unit_test(test_a_slow_tail_is_named),
		cmocka_unit_test(test_what_cannot_be_told),
		cmocka_unit_test(test_save_and_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
