/* test_auth.c: the kernel's word about a peer, membership by groups, and who rules where. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/api/auth.h"
#include "backend/policy/roles.h"
#include "tests/support/api_world.h"

static void test_the_peer_of_a_socket(void **state)
{
	struct caller c;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(auth_read_peer(fds[0], &c, NULL), 0);
	assert_int_equal(c.uid, geteuid());
	assert_int_equal(c.gid, getegid());
	assert_true(c.user[0] != '\0');
	assert_true(auth_is_owner(&c));
	assert_false(c.login_hidden);
	close(fds[0]);
	close(fds[1]);
	/* Not a socket: nobody, and above all not uid 0. */
	assert_int_equal(pipe(fds), 0);
	assert_true(auth_read_peer(fds[0], &c, NULL) < 0);
	assert_int_equal(c.uid, -1);
	assert_false(auth_is_owner(&c));
	close(fds[0]);
	close(fds[1]);
}

/* Connects to name and ends before anybody looks. */
static void connect_and_end(const struct sockaddr_un *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (connect(fd, (const struct sockaddr *)name, sizeof *name) != 0)
		_exit(1);
	_exit(0);
}

/* Whose login session it was cannot be told then: who may approve must not be guessed. */
static void test_a_peer_that_has_ended(void **state)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd, status;
	struct caller c;
	pid_t child;

	(void)state;
	snprintf(name.sun_path, sizeof name.sun_path, "/tmp/pithead-auth-%ld", (long)getpid());
	unlink(name.sun_path);
	assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(listen(listener, 1), 0);
	child = fork();
	if (child == 0)
		connect_and_end(&name);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	fd = accept(listener, NULL, NULL);
	assert_int_equal(auth_read_peer(fd, &c, NULL), 0);
	assert_int_equal(c.uid, geteuid());
	assert_int_equal(c.login_uid, -1);
	assert_int_equal(c.login_hidden, access("/proc/self/loginuid", R_OK) == 0);
	close(fd);
	close(listener);
	unlink(name.sun_path);
}

static void test_groups_and_scopes(void **state)
{
	static const struct {
		int64_t uid, gid, group;
		const char *project, *role;
		unsigned permissions;
	} cases[] = {
		{7, 7, 0, NULL, "stranger", PERM_NONE},
		{7, 500, 0, "flights", "approver", PERM_READ | PERM_APPROVE | PERM_LOWER},
		{7, 7, 500, "flights", "approver", PERM_READ | PERM_APPROVE | PERM_LOWER},
		{7, 7, 500, NULL, "approver", PERM_READ | PERM_APPROVE | PERM_LOWER},
		{7, 7, 500, "eta", "stranger", PERM_NONE},
		{7, 7, 500, "unknown", "stranger", PERM_NONE},
		{UID_ADMIN, 7, 0, "unknown", "admin", PERM_ALL},
		{UID_ADMIN, 7, 0, "eta", "stranger", PERM_NONE},
		{UID_AUDITOR, 7, 500, "flights", "auditor", PERM_READ},
		{UID_AUDITOR, 7, 500, NULL, "auditor", PERM_READ},
		{UID_SERVICE, 7, 500, NULL, "approver",
			PERM_READ | PERM_APPROVE | PERM_LOWER | PERM_POST},
	};
	struct world *w = api_world_new();

	(void)state;
	w->projects[0]->ids[2].gids[w->projects[0]->ids[2].gid_count++] = 500;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct caller c = {.uid = cases[i].uid,
			.gid = cases[i].gid,
			.group_count = 1,
			.groups = {cases[i].group}};

		if (!cases[i].group)
			c.group_count = 0;
		auth_grant(w, cases[i].project, &c);
		assert_string_equal(c.role, cases[i].role);
		assert_int_equal(c.permissions, cases[i].permissions);
	}
	api_world_free(w);
}

/* Nobody had this name when access was applied, so no id is known for it. */
static void test_names_made_after_the_apply(void **state)
{
	struct world *w = api_world_new();
	struct spec_role *r = &w->projects[0]->access->roles[0];
	struct caller c = {.uid = 4711, .gid = 4711, .user = "newcomer"};

	(void)state;
	auth_grant(w, "flights", &c);
	assert_string_equal(c.role, "stranger");
	snprintf(r->members[r->member_count], sizeof r->members[0], "newcomer");
	r->member_count++;
	auth_grant(w, "flights", &c);
	assert_string_equal(c.role, r->role);
	snprintf(c.user, sizeof c.user, "uid 4711");
	auth_grant(w, "flights", &c);
	assert_string_equal(c.role, "stranger");
	/* A group likewise; a user who is called as the group is no member. */
	snprintf(r->members[r->member_count - 1], sizeof r->members[0], "@night");
	snprintf(c.user, sizeof c.user, "night");
	auth_grant(w, "flights", &c);
	assert_string_equal(c.role, "stranger");
	snprintf(c.group_names[c.group_name_count++], sizeof c.group_names[0], "night");
	auth_grant(w, "flights", &c);
	assert_string_equal(c.role, r->role);
	api_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_peer_of_a_socket),
		cmocka_unit_test(test_a_peer_that_has_ended),
		cmocka_unit_test(test_groups_and_scopes),
		cmocka_unit_test(test_names_made_after_the_apply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
