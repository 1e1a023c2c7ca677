/* test_rollout_fsm.c: the rollout's table, walked over every (state, event, facts). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "backend/rollout/rollout_fsm.h"

static const struct rollout_facts all_facts[] = {
	{0, 0, 0, 0, 0, 0},
	{0, 0, 1, 0, 0, 0},
	{0, 1, 0, 0, 0, 0},
	{0, 1, 1, 0, 0, 0},
	{0, 2, 1, 0, 0, 0},
	{0, -1, 1, 0, 0, 0},
	{1, 0, 0, 0, 0, 0},
	{1, 0, 1, 0, 0, 0},
	{1, 1, 0, 0, 0, 0},
	{1, 1, 1, 0, 0, 0},
	{1, 2, 1, 0, 0, 0},
	{1, -1, 1, 0, 0, 0},
	{0, 0, 1, 1, 0, 0},
	{0, 0, 1, 0, 1, 0},
	{0, 0, 1, 0, 0, 1},
	{0, 0, 1, 0, 1, 1},
	{0, 1, 1, 0, 0, 1},
	{0, 0, 1, 1, 0, 1},
	{1, 0, 1, 0, 1, 0},
};
static const int facts_count = sizeof all_facts / sizeof all_facts[0];

/* What may be, written down once more and by hand: row = state, letters = where each event leads.
 * '-' no, else the first letters of states: w h(shadowing) s p P(romoting) a(borting) M(promoted)
 * A(borted) R(ejected) S(uperseded) o(bserving) E(nded). Events in the enum's order; the first for
 * facts that are ready. */
static const char *const want_steps[ROLLOUT_STATE_COUNT] = {
	[ROLLOUT_WAITING] = "swR----a-S--",
	[ROLLOUT_SHADOWING] = "---s---a-S--",
	[ROLLOUT_STEPPING] = "---sp-PapS--",
	[ROLLOUT_PAUSED] = "-----sPapS--",
	[ROLLOUT_PROMOTING] = "---------SM-",
	[ROLLOUT_ABORTING] = "---------SA-",
	[ROLLOUT_PROMOTED] = "------------",
	[ROLLOUT_ABORTED] = "------------",
	[ROLLOUT_REJECTED] = "------------",
	[ROLLOUT_SUPERSEDED] = "------------",
	[ROLLOUT_OBSERVING] = "---------S-E",
	[ROLLOUT_ENDED] = "------------",
};
static const char letters[ROLLOUT_STATE_COUNT + 1] = {
	[ROLLOUT_WAITING] = 'w',
	[ROLLOUT_SHADOWING] = 'h',
	[ROLLOUT_STEPPING] = 's',
	[ROLLOUT_PAUSED] = 'p',
	[ROLLOUT_PROMOTING] = 'P',
	[ROLLOUT_ABORTING] = 'a',
	[ROLLOUT_PROMOTED] = 'M',
	[ROLLOUT_ABORTED] = 'A',
	[ROLLOUT_REJECTED] = 'R',
	[ROLLOUT_SUPERSEDED] = 'S',
	[ROLLOUT_OBSERVING] = 'o',
	[ROLLOUT_ENDED] = 'E',
};

static char want(int state, int event, const struct rollout_facts *f)
{
	char to = want_steps[state][event];

	/* A rollout that is under way is approved only where its promotion asks for it. */
	if (event == ROLLOUT_EVENT_APPROVE && f->approved_later && state == ROLLOUT_STEPPING)
		return 's';
	if (event == ROLLOUT_EVENT_APPROVE && f->approved_later && state == ROLLOUT_PAUSED)
		return 'p';
	if (event == ROLLOUT_EVENT_APPROVE && f->approved_later && state == ROLLOUT_SHADOWING)
		return 'h';
	if (event != ROLLOUT_EVENT_READY || to == '-')
		return to;
	if (f->approvals_missing > 0 || !f->replicas_ready || f->tests_missing)
		return '-';
	return f->shadow ? 'h' : f->direct ? 'P' : 's';
}

static void test_every_pair(void **state)
{
	(void)state;
	for (int s = 0; s < ROLLOUT_STATE_COUNT; s++)
		for (int ev = 0; ev < ROLLOUT_EVENT_COUNT; ev++)
			for (int i = 0; i < facts_count; i++) {
				struct err e = {0};
				const struct fsm_row *row =
					fsm_step(&rollout_fsm, s, ev, &all_facts[i], &e);
				char got = row ? letters[row->to] : '-';
				if (got != want(s, ev, &all_facts[i]))
					fail_msg("%s on %s with facts %d: %c, expected %c",
						rollout_state_name(s), rollout_fsm.event_names[ev],
						i, got, want(s, ev, &all_facts[i]));
				assert_int_equal(
					fsm_can(&rollout_fsm, s, ev, &all_facts[i]), !!row);
				assert_int_equal(e.code, row ? 0 : ERR_BAD_TRANSITION);
				if (row)
					assert_in_range(row->effect, 0, ROLLOUT_EFFECT_COUNT - 1);
			}
}

static void test_safety(void **state)
{
	struct rollout_facts none = {0};

	(void)state;
	for (int s = 0; s < ROLLOUT_STATE_COUNT; s++) {
		int out = 0, takes_back;
		assert_int_equal(fsm_state_find(&rollout_fsm, rollout_state_name(s)), s);
		assert_false(rollout_state_ended(s) && rollout_state_carries(s));
		for (int ev = 0; ev < ROLLOUT_EVENT_COUNT; ev++)
			out += fsm_can(&rollout_fsm, s, ev, &none);
		assert_int_equal(out == 0, rollout_state_ended(s));
		/* What is on its way out needs no abort; promoting is taken back by a rollback. */
		takes_back = s == ROLLOUT_PROMOTING || s == ROLLOUT_ABORTING
				     ? ROLLOUT_EVENT_SUPERSEDE
				     : ROLLOUT_EVENT_ABORT;
		if (rollout_state_carries(s) || s == ROLLOUT_WAITING)
			assert_true(fsm_can(&rollout_fsm, s, takes_back, &none));
		/* A rollback may come at any time and ends whatever is under way. */
		if (!rollout_state_ended(s))
			assert_true(fsm_can(&rollout_fsm, s, ROLLOUT_EVENT_SUPERSEDE, &none));
	}
}

/* Rows: known states only, none twice, none hidden behind an earlier one without a guard. */
static void test_rows(void **state)
{
	(void)state;
	for (int i = 0; i < rollout_fsm.row_count; i++) {
		const struct fsm_row *r = &rollout_fsm.rows[i];
		assert_in_range(r->from, 0, ROLLOUT_STATE_COUNT - 1);
		assert_in_range(r->to, 0, ROLLOUT_STATE_COUNT - 1);
		assert_in_range(r->event, 0, ROLLOUT_EVENT_COUNT - 1);
		for (int k = 0; k < i; k++)
			assert_false(rollout_fsm.rows[k].from == r->from &&
				     rollout_fsm.rows[k].event == r->event &&
				     !rollout_fsm.rows[k].guard);
		/* A step that lets traffic in or out is told to the gateway. */
		if (r->event != ROLLOUT_EVENT_PROVEN &&
			rollout_state_carries(r->from) != rollout_state_carries(r->to))
			assert_int_equal(r->effect, ROLLOUT_EFFECT_ROUTE);
	}
	for (int ev = 0; ev < ROLLOUT_EVENT_COUNT; ev++)
		assert_non_null(rollout_fsm.event_names[ev]);
}

static void test_reachable(void **state)
{
	/* What is only looked at begins where somebody else has begun it. */
	int seen[ROLLOUT_STATE_COUNT] = {[ROLLOUT_WAITING] = 1, [ROLLOUT_OBSERVING] = 1};

	(void)state;
	for (int round = 0; round < ROLLOUT_STATE_COUNT; round++)
		for (int i = 0; i < rollout_fsm.row_count; i++)
			seen[rollout_fsm.rows[i].to] |= seen[rollout_fsm.rows[i].from];
	for (int s = 0; s < ROLLOUT_STATE_COUNT; s++)
		if (!seen[s])
			fail_msg("%s cannot be reached", rollout_state_name(s));
}

static void test_dot(void **state)
{
	struct buf b = {0};
	int lines = 0;

	(void)state;
	fsm_format_dot(&rollout_fsm, &b);
	for (const char *p = buf_text(&b); (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, rollout_fsm.row_count + 3);
	assert_memory_equal(buf_text(&b), "digraph rollout {", 17);
	assert_non_null(strstr(buf_text(&b), "stepping -> aborting [label=\"abort / route\"];"));
	assert_non_null(
		strstr(buf_text(&b), "waiting -> stepping [label=\"start [if] / route\"];"));
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_pair),
		cmocka_unit_test(test_safety),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_reachable),
		cmocka_unit_test(test_dot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
