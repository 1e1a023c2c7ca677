/* test_members.c: groups count only while the user database gives them; one that hangs is not
 * waited for, and lets nobody raise a risk. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <grp.h>
#include <pwd.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "backend/adapters/process.h"
#include "backend/api/auth.h"
#include "backend/api/members.h"
#include "backend/base/xalloc.h"
#include "backend/policy/roles.h"
#include "tests/support/api_world.h"

/* A database that a test changes, and that hangs when it is told to. */
static struct {
	int64_t gids[2];
	int count, asked, broken;
	volatile int hangs;
	sem_t go;
} base;

static int look(struct member *m)
{
	base.asked++;
	if (base.hangs)
		sem_wait(&base.go);
	if (base.broken)
		return -1;
	snprintf(m->name, sizeof m->name, "ann");
	m->group_count = base.count;
	for (int i = 0; i < base.count; i++) {
		m->groups[i] = base.gids[i];
		snprintf(m->group_names[i], sizeof m->group_names[i], "g%d", (int)base.gids[i]);
	}
	return 0;
}

static struct caller session(void)
{
	return (struct caller){.uid = 1001, .gid = 500, .group_count = 2, .groups = {500, 600}};
}

static int set_up(void **state)
{
	memset(&base, 0, sizeof base);
	sem_init(&base.go, 0, 0);
	base.gids[0] = 500;
	base.gids[1] = 600;
	base.count = 2;
	*state = members_new(look);
	return 0;
}

static int tear_down(void **state)
{
	base.hangs = 0;
	sem_post(&base.go);
	members_free(*state);
	return 0;
}

static void test_a_group_that_was_left(void **state)
{
	struct members *m = *state;
	struct caller c = session();

	members_check(m, &c, 1000000, 1);
	assert_string_equal(c.user, "ann");
	assert_int_equal(c.group_count, 2);
	assert_int_equal(c.gid, 500);
	assert_int_equal(c.group_name_count, 2);
	assert_string_equal(c.group_names[0], "g500");
	base.gids[0] = 601; /* left 500, joined 601: the session has only what it had */
	c = session();
	members_check(m, &c, 1000001, 1);
	assert_int_equal(c.group_count, 1);
	assert_int_equal(c.groups[0], 600);
	assert_int_equal(c.group_name_count, 1);
	assert_string_equal(c.group_names[0], "g600");
	assert_int_equal(c.gid, -1);
	assert_false(c.groups_stale);
}

static void test_looking_asks_seldom(void **state)
{
	struct members *m = *state;
	struct caller c = session();

	members_check(m, &c, 1000000, 0);
	base.count = 0;
	c = session();
	members_check(m, &c, 1000000 + MEMBERS_KEEP_US, 0);
	assert_int_equal(base.asked, 1);
	assert_int_equal(c.group_count, 2);
	c = session();
	members_check(m, &c, 1000001 + MEMBERS_KEEP_US, 0);
	assert_int_equal(base.asked, 2);
	assert_int_equal(c.group_count, 0);
}

/* The first question waits for its limit, the next ones not at all; it all mends itself. */
static void test_a_database_that_hangs(void **state)
{
	struct members *m = *state;
	struct caller c = session();
	int64_t begun;

	base.count = 1;
	members_check(m, &c, 1000000, 1);
	base.hangs = 1;
	c = session();
	begun = process_now_ms();
	members_check(m, &c, 2000000, 1);
	assert_true(process_now_ms() - begun >= MEMBERS_WAIT_MS - 1);
	assert_true(c.groups_stale);
	assert_int_equal(c.group_count, 1); /* as last known */
	begun = process_now_ms();
	for (int i = 0; i < 100; i++) {
		c = session();
		members_check(m, &c, 2000000 + i, 1);
		assert_true(c.groups_stale);
	}
	assert_true(process_now_ms() - begun < 100);
	base.hangs = 0;
	sem_post(&base.go);
	for (int i = 0; c.groups_stale && i < 500; i++) {
		process_pause_ms(2);
		c = session();
		members_check(m, &c, 3000000, 1);
	}
	assert_false(c.groups_stale);
}

static void test_one_that_says_nothing(void **state)
{
	struct members *m = *state;
	struct caller c = session();

	base.broken = 1;
	members_check(m, &c, 1000000, 0);
	assert_true(c.groups_stale);
	assert_int_equal(c.group_count, 2); /* the session's, as nothing else is known */
	base.broken = 0;
	members_check(m, &c, 1000001, 0);
	assert_false(c.groups_stale);
}

static void test_stale_groups_only_lower(void **state)
{
	struct world *w = api_world_new();
	struct caller c = {.uid = UID_OPERATOR, .gid = 7, .groups_stale = 1};

	(void)state;
	auth_grant(w, "flights", &c);
	assert_int_equal(c.permissions, PERM_READ | PERM_LOWER);
	c.groups_stale = 0;
	auth_grant(w, "flights", &c);
	assert_true(c.permissions & PERM_RELEASE);
	api_world_free(w);
}

static void test_the_machine_itself(void **state)
{
	const struct passwd *pw = getpwnam("games");
	struct members *m = members_new(NULL);
	struct caller c = {.uid = 64999, .gid = 7, .group_count = 1, .groups = {7}};

	(void)state;
	members_check(m, &c, 1, 1);
	assert_string_equal(c.user, "uid 64999");
	assert_int_equal(c.group_count, 0);
	if (pw) {
		c = (struct caller){.uid = pw->pw_uid,
			.gid = 64998,
			.group_count = 2,
			.groups = {pw->pw_gid, 64998}};
		members_check(m, &c, 1, 1);
		assert_string_equal(c.user, "games");
		assert_int_equal(c.group_count, 1);
		assert_int_equal(c.groups[0], pw->pw_gid);
		assert_int_equal(c.group_name_count, 1);
		assert_string_equal(c.group_names[0], getgrgid(pw->pw_gid)->gr_name);
	}
	members_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_group_that_was_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_looking_asks_seldom, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_database_that_hangs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_that_says_nothing, set_up, tear_down),
		cmocka_unit_test(test_stale_groups_only_lower),
		cmocka_unit_test(test_the_machine_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
