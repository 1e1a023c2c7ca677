/* test_local.c: spec check, fmt and schema, audit verify and doctor, as a person would run them. */
#include "tests/backend/store/scratch.h"
#include "tests/backend/local/run.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>

static const char good[] = "project: p\nowner: me\nendpoints:\n  e:\n    environment: production\n"
			   "    mode: online\n    tier: low\n    owner: me\n"
			   "    runbook: r.md\n    listen: 127.0.0.1:%d\n    serve: ./serve\n"
			   "    health: /h\n    timeout: 2s\n";

struct rig {
	struct scratch x;
	struct ran r;
	int port; /* nobody listens on it */
};

static void write_text(const struct rig *g, const char *name, const char *fmt, int n)
{
	char path[120];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", g->x.home, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, fmt, n);
	fclose(f);
}

static int listen_any(int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 1), 0);
	getsockname(fd, (struct sockaddr *)&a, &n);
	*port = ntohs(a.sin_port);
	return fd;
}

static int rig_new(void **state)
{
	struct rig *g = calloc(1, sizeof *g);

	scratch_new(&g->x);
	chmod(g->x.home, 0711);
	close(listen_any(&g->port));
	write_text(g, "pithead.yaml", good, g->port);
	setenv("PITHEAD_HOME", g->x.home, 1);
	unsetenv("PITHEAD_SOCKET");
	*state = g;
	return 0;
}

static int rig_free(void **state)
{
	struct rig *g = *state;

	scratch_free(&g->x);
	buf_release(&g->r.text);
	free(g);
	return 0;
}

static void test_spec_check_names_every_fault(void **state)
{
	struct rig *g = *state;

	RUN(&g->r, local_spec_check, g->x.home, "spec check");
	expect_code(&g->r, 0);
	expect_text(&g->r, "project p, 1 endpoint");
	write_text(g, "bad.yaml", "project: p\nownr: me\nendpoints:\n  e:\n    listen: %d\n", 1);
	RUN(&g->r, local_spec_check, g->x.home, "spec check", "bad.yaml");
	expect_code(&g->r, 1);
	expect_text(&g->r, "bad.yaml:2:1: ");
	expect_text(&g->r, "bad.yaml:5:13: ");
	RUN(&g->r, local_spec_check, g->x.home, "spec check", "--json", "bad.yaml");
	expect_code(&g->r, 1);
	expect_text(&g->r, "{\"file\":\"bad.yaml\",\"valid\":false,\"faults\":[{\"line\":2,");
	RUN(&g->r, local_spec_check, g->x.home, "spec check", "none.yaml");
	expect_code(&g->r, 1);
	expect_text(&g->r, "cannot read none.yaml");
	RUN(&g->r, local_spec_check, g->x.home, "spec check", "a", "b");
	expect_code(&g->r, 2);
}

static void test_spec_fmt_writes_in_place(void **state)
{
	struct rig *g = *state;

	RUN(&g->r, local_spec_fmt, g->x.home, "spec fmt");
	expect_code(&g->r, 0);
	expect_text(&g->r, "project: p\n");
	scratch_shell(&g->x, "cd $H; sed -i 's/^owner:/# mine\\nowner:   /' pithead.yaml; "
			     "chmod 640 pithead.yaml; ln -s pithead.yaml link.yaml");
	RUN(&g->r, local_spec_fmt, g->x.home, "spec fmt", "--write", "link.yaml");
	expect_code(&g->r, 0);
	assert_int_equal(scratch_shell(&g->x, "cd $H; test -L link.yaml && grep -q '^owner: me$' "
					      "pithead.yaml && grep -q '# mine' pithead.yaml && "
					      "test $(stat -c %%a pithead.yaml) = 640"),
		0);
	write_text(g, "bad.yaml", "ownr: %d\n", 1);
	RUN(&g->r, local_spec_fmt, g->x.home, "spec fmt", "--write", "bad.yaml");
	expect_code(&g->r, 1);
	expect_text(&g->r, "bad.yaml:1:1: ");
	assert_int_equal(scratch_shell(&g->x, "grep -q ownr $H/bad.yaml"), 0);
}

static void test_spec_schema_is_json(void **state)
{
	struct rig *g = *state;

	RUN(&g->r, local_spec_schema, g->x.home, "spec schema");
	expect_code(&g->r, 0);
	assert_true(g->r.text.len > 200 && g->r.text.data[0] == '{');
}

static void test_audit_verify_tells_by_code(void **state)
{
	struct rig *g = *state;

	scratch_append(&g->x, 20, "rollout.start");
	assert_int_equal(store_checkpoint(g->x.store, 1, &g->x.e), 0);
	scratch_append(&g->x, 3, "rollout.start");
	RUN(&g->r, local_audit_verify, "/", "audit verify");
	expect_code(&g->r, 0);
	expect_text(&g->r, "whole ");
	expect_text(&g->r, "signed    up to 20");
	expect_text(&g->r, "exposed   3 ");
	RUN(&g->r, local_audit_verify, "/", "audit verify", "--json");
	expect_text(&g->r, "\"finding\":\"whole\",\"whole\":true,\"events\":23,\"signed_seq\":20,"
			   "\"exposed\":3,");
	store_close(g->x.store);
	scratch_shell(&g->x, "sqlite3 $H/store/state.db 'DROP TRIGGER IF EXISTS audit_no_delete; "
			     "DELETE FROM audit WHERE seq = 7'");
	RUN(&g->r, local_audit_verify, "/", "audit verify");
	expect_code(&g->r, 11);
	expect_text(&g->r, "MISSING");
	scratch_shell(&g->x, "sqlite3 $H/store/state.db 'DROP TRIGGER IF EXISTS audit_no_delete; "
			     "DELETE FROM audit WHERE seq >= 7'");
	RUN(&g->r, local_audit_verify, "/", "audit verify");
	expect_code(&g->r, 12);
	scratch_shell(&g->x, "rm -r $H/store");
	RUN(&g->r, local_audit_verify, "/", "audit verify");
	expect_code(&g->r, 1);
	g->x.store = NULL;
}

static void test_doctor_finds_nothing_here(void **state)
{
	struct rig *g = *state;

	RUN(&g->r, local_doctor, g->x.home, "doctor");
	expect_code(&g->r, 0);
	expect_text(&g->r, "ok    sandboxes");
	expect_text(&g->r, "ok    haproxy");
	expect_text(&g->r, "ok    rights");
	expect_text(&g->r, "ok    port         ");
	RUN(&g->r, local_doctor, g->x.home, "doctor", "--json");
	expect_text(&g->r, "{\"ok\":true,\"checks\":[");
}

static void test_doctor_names_port_rights_and_path(void **state)
{
	struct rig *g = *state;
	char longer[160];
	int fd = listen_any(&g->port);

	write_text(g, "pithead.yaml", good, g->port);
	scratch_shell(&g->x, "chmod 0755 $H/keys");
	RUN(&g->r, local_doctor, g->x.home, "doctor");
	expect_code(&g->r, 1);
	expect_text(&g->r, "is held by test_local (pid ");
	expect_text(&g->r, "remedy: chmod 0700 ");
	close(fd);
	memset(longer, 'x', sizeof longer);
	memcpy(longer, "/tmp/", 5);
	longer[100] = '\0';
	setenv("PITHEAD_HOME", longer, 1);
	setenv("TERM", "no-such-terminal", 1);
	RUN(&g->r, local_doctor, "/", "doctor");
	expect_code(&g->r, 1);
	expect_text(&g->r, "has 100 characters; sockets allow");
	expect_text(&g->r, "TERM=no-such-terminal is not known");
}

static void test_doctor_sees_the_clock_behind_the_log(void **state)
{
	struct rig *g = *state;

	g->x.clock.fake_wall_us = INT64_C(4102444800000000); /* the year 2100 */
	scratch_append(&g->x, 1, "rollout.start");
	RUN(&g->r, local_doctor, g->x.home, "doctor");
	expect_code(&g->r, 1);
	expect_text(&g->r, "s in the future");
}

static void test_doctor_finds_a_stray_gateway(void **state)
{
	struct rig *g = *state;

	scratch_shell(&g->x,
		"mkdir -p $H/run/gw; chmod 700 $H/run; cd $H/run/gw; printf 'global\\n"
		" maxconn 10\\ndefaults\\n mode http\\n timeout client 1s\\n timeout "
		"server 1s\\n timeout connect 1s\\nlisten a\\n bind %%s\\n' "
		"$PWD/x.sock >haproxy.cfg; haproxy -db -f haproxy.cfg "
		">/dev/null 2>&1 & echo $! >%s/stray; for i in $(seq 100); do test -S "
		"$H/run/gw/x.sock && break; sleep 0.05; done",
		g->x.home);
	RUN(&g->r, local_doctor, g->x.home, "doctor");
	scratch_shell(&g->x, "kill $(cat $H/stray)");
	expect_code(&g->r, 0);
	expect_text(&g->r, "runs with this home's configuration");
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_new, rig_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_spec_check_names_every_fault),
		T(test_spec_fmt_writes_in_place),
		T(test_spec_schema_is_json),
		T(test_audit_verify_tells_by_code),
		T(test_doctor_finds_nothing_here),
		T(test_doctor_names_port_rights_and_path),
		T(test_doctor_sees_the_clock_behind_the_log),
		T(test_doctor_finds_a_stray_gateway),
	};

	return cmocka_run_group_tests_name("local", tests, NULL, NULL);
}
