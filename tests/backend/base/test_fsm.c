/* test_fsm.c: the walker of state tables, on a machine of two lamps. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "backend/base/fsm.h"

enum { OFF, ON, BROKEN, STATES };
enum { PRESS, HIT, EVENTS };

static int powered(const void *facts)
{
	return *(const int *)facts;
}

static const struct fsm_row rows[] = {
	{OFF, PRESS, powered, ON, 1},
	{OFF, PRESS, NULL, OFF, 0},
	{ON, PRESS, NULL, OFF, 1},
	{ON, HIT, NULL, BROKEN, 0},
};

static const char *const states[] = {"off", "on", "broken"};
static const char *const events[] = {"press", "hit"};
static const char *const effects[] = {"", "switch"};

static const struct fsm lamp = {"lamp", states, events, effects, STATES, EVENTS, rows, 4};

static void test_step(void **state)
{
	int power = 1, none = 0;
	struct err e = {0};

	(void)state;
	assert_ptr_equal(fsm_step(&lamp, OFF, PRESS, &power, &e), &rows[0]);
	assert_ptr_equal(fsm_step(&lamp, OFF, PRESS, &none, &e), &rows[1]);
	assert_int_equal(e.code, 0);
	assert_null(fsm_step(&lamp, BROKEN, PRESS, &power, &e));
	assert_int_equal(e.code, ERR_BAD_TRANSITION);
	assert_string_equal(e.message, "lamp: cannot press while it is broken");
	assert_true(fsm_can(&lamp, ON, HIT, NULL));
	assert_false(fsm_can(&lamp, OFF, HIT, NULL));
	assert_null(fsm_step(&lamp, OFF, HIT, &power, NULL));
}

/* A state that a newer program wrote has no index: an error, never a read out of bounds. */
static void test_unknown_state(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(fsm_state_find(&lamp, "on"), ON);
	assert_int_equal(fsm_state_find(&lamp, "glowing"), -1);
	assert_int_equal(fsm_state_find(&lamp, ""), -1);
	assert_null(fsm_step(&lamp, -1, PRESS, NULL, &e));
	assert_int_equal(e.code, ERR_BAD_TRANSITION);
	assert_null(fsm_step(&lamp, STATES, PRESS, NULL, &e));
	assert_false(fsm_can(&lamp, -1, HIT, NULL));
}

static void test_dot(void **state)
{
	struct buf b = {0};

	(void)state;
	fsm_format_dot(&lamp, &b);
	assert_string_equal(buf_text(&b), "digraph lamp {\n\trankdir=LR;\n"
					  "\toff -> on [label=\"press [if] / switch\"];\n"
					  "\toff -> off [label=\"press\"];\n"
					  "\ton -> off [label=\"press / switch\"];\n"
					  "\ton -> broken [label=\"hit\"];\n}\n");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_unknown_state),
		cmocka_unit_test(test_dot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
