/* test_runner_bwrap.c: real sandboxes: what they may not do, limits, signals, the pid guard. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/adapters/process.h"
#include "backend/adapters/runner.h"
#include "backend/base/buf.h"
#include "backend/base/xalloc.h"

struct bench {
	char folder[64], bundle[96], box[96], log[96];
	struct runner_job job;
	struct runner_process p;
};

static int set_up(void **state)
{
	struct bench *b = xcalloc(1, sizeof *b);

	str_copy(b->folder, sizeof b->folder, "/tmp/pithead-run-XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(b->bundle, sizeof b->bundle, "%s/bundle", b->folder);
	snprintf(b->box, sizeof b->box, "%s/box", b->folder);
	snprintf(b->log, sizeof b->log, "%s/log", b->folder);
	mkdir(b->bundle, 0755);
	b->job = (struct runner_job){.id = "t-v1-0",
		.bundle = b->bundle,
		.box = b->box,
		.log = b->log,
		.memory_mb = 64,
		.cpu_percent = 100};
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;
	char command[96];

	runner_signal(&b->p, 1);
	runner_clean(&b->job);
	snprintf(command, sizeof command, "rm -rf %s", b->folder);
	assert_int_equal(system(command), 0);
	free(b);
	return 0;
}

static void start(struct bench *b, const char *command)
{
	struct err e = {0};

	b->job.command = command;
	if (runner_start(&b->job, &b->p, &e) < 0)
		fail_msg("%s", e.message);
}

static void wait_end(struct bench *b)
{
	assert_true(process_wait_end(b->p.pid, b->p.start_ticks, 5000));
}

/* Waits until the log holds text. */
static int wait_log(struct bench *b, const char *text)
{
	int64_t end = process_now_ms() + 5000;

	for (;;) {
		struct buf log = {0};
		buf_read_file(&log, b->log, 1 << 20);
		int found = strstr(buf_text(&log), text) != NULL;
		if (!found && process_now_ms() > end)
			print_message("log: %s\n", buf_text(&log));
		buf_release(&log);
		if (found || process_now_ms() > end)
			return found;
		process_pause_ms(5);
	}
}

static void sandbox_forbids(void **state)
{
	static const struct {
		const char *name, *command, *want;
	} cases[] = {
		{"the bundle is read-only", "touch /bundle/x; echo rc=$?", "rc=1"},
		{"the cwd is the bundle", "pwd", "/bundle"},
		{"/usr is read-only", "touch /usr/x; echo rc=$?", "rc=1"},
		{"only loopback exists",
			"ls /sys/class/net 2>/dev/null; "
			"grep -c : /proc/net/dev | sed s/^/devices=/",
			"devices=1"},
		{"no capability is left", "grep CapEff /proc/self/status", "0000000000000000"},
		{"only its own processes", "ls -d /proc/[0-9]* | wc -l | sed s/^/n=/", "n="},
		{"no secret of the host", "ls /root /home 2>&1; echo end", "end"},
		{"environment is bare", "env | sort | tr '\\n' ' '", "SOCKET=/run/box/s.sock"},
		{"the box can be written", "touch /run/box/ok && echo done", "done"},
		{"no descriptor of ours", "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 "},
	};
	struct bench *b = *state;
	int leak = open("/etc/passwd", O_RDONLY);

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		unlink(b->log);
		start(b, cases[i].command);
		wait_end(b);
		if (!wait_log(b, cases[i].want))
			fail_msg("%s", cases[i].name);
	}
	close(leak);
}

static void stays_up_and_term_reaches_the_server(void **state)
{
	struct bench *b = *state;

	start(b, "exec sh -c 'trap \"echo got term; exit 0\" TERM; echo ready; "
		 "while :; do sleep 0.05; done'");
	assert_true(wait_log(b, "ready"));
	assert_true(runner_alive(&b->p));
	runner_signal(&b->p, 0);
	wait_end(b);
	assert_true(wait_log(b, "got term"));
	assert_false(runner_alive(&b->p));
}

/* Whether no process of the machine has `mark` among its arguments, waiting for the last. */
static int none_left(const char *mark)
{
	char *command = xasprintf("for i in 1 2 3 4 5 6 7 8 9 10; do "
				  "grep -sqz '^%s$' /proc/[0-9]*/cmdline || exit 0; sleep 0.05; "
				  "done; exit 9",
		mark);
	const char *argv[] = {"/bin/sh", "-c", command, NULL};
	struct buf out = {0};
	int rc = process_run(argv, "/", 5000, &out, NULL);

	buf_release(&out);
	free(command);
	return rc == 0;
}

/* Waits until a process with `mark` runs, so that its absence means something later. */
static void wait_running(const char *mark)
{
	int64_t end = process_now_ms() + 5000;

	while (none_left(mark) && process_now_ms() < end)
		process_pause_ms(5);
	assert_true(process_now_ms() < end);
}

static void kill_ends_the_whole_tree(void **state)
{
	struct bench *b = *state;

	start(b, "sh -c 'trap \"\" TERM; exec sleep 4711.25' & exec sleep 4713.25");
	wait_running("4711.25");
	wait_running("4713.25");
	runner_signal(&b->p, 1);
	wait_end(b);
	assert_true(none_left("4711.25"));
	assert_true(none_left("4713.25"));
}

static void clean_ends_what_an_outer_kill_left(void **state)
{
	struct bench *b = *state;

	start(b, "exec sleep 4712.25");
	wait_running("4712.25");
	process_signal(b->p.pid, b->p.start_ticks, SIGKILL);
	wait_end(b);
	assert_false(none_left("4712.25"));
	runner_clean(&b->job);
	assert_true(none_left("4712.25"));
	assert_int_equal(access(b->box, F_OK), -1);
}

static void memory_limit_kills_a_hog(void **state)
{
	struct bench *b = *state;

	b->job.memory_mb = 32;
	start(b, "head -c 200000000 /dev/zero | tail -c 190000000 >/dev/null; echo rc=$?; "
		 "echo $(tail -c 100000000 /dev/zero | wc -c) big");
	int64_t from = process_now_ms();
	wait_end(b);
	assert_true(process_now_ms() - from < 5000);
	struct buf log = {0};
	buf_read_file(&log, b->log, 1 << 20);
	print_message("limits: %s\n", runner_limits_name(runner_limits_kind()));
	assert_null(strstr(buf_text(&log), "rc=0"));
	buf_release(&log);
}

static void a_reused_pid_is_never_hit(void **state)
{
	struct bench *b = *state;
	struct runner_process other;

	start(b, "exec sleep 100");
	other = b->p;
	other.start_ticks--;
	assert_false(runner_alive(&other));
	runner_signal(&other, 1);
	runner_signal(&other, 0);
	assert_int_equal(process_signal(other.pid, other.start_ticks, SIGKILL), -1);
	assert_true(runner_alive(&b->p));
}

static void bad_jobs_are_sentences(void **state)
{
	struct bench *b = *state;
	struct runner_process p;
	struct err e = {0};
	struct runner_job job = b->job;

	job.command = "true";
	job.id = "../evil";
	assert_int_equal(runner_start(&job, &p, &e), ERR_INVALID);
	job.id = "ok";
	job.bundle = "/nowhere";
	assert_int_equal(runner_start(&job, &p, &e), ERR_FAILED);
	assert_non_null(strstr(e.message, "/nowhere"));
	job.bundle = b->bundle;
	job.log = "/nowhere/log";
	assert_int_equal(runner_start(&job, &p, &e), ERR_FAILED);
	assert_int_equal(runner_probe(&job.user, &e), 0);
}

/* A root engine's replicas are another user's, who sees of the bundles behind a closed folder
 * only its own. */
static void another_user_sees_only_its_bundle(void **state)
{
	struct bench *b = *state;
	char closed[128], deep[128], word[160];
	struct stat st;

	if (geteuid() != 0)
		skip();
	snprintf(closed, sizeof closed, "%s/store", b->folder);
	snprintf(deep, sizeof deep, "%s/one", closed);
	snprintf(word, sizeof word, "%s/word", deep);
	assert_int_equal(chmod(b->folder, 0711), 0);
	assert_int_equal(mkdir(closed, 0700), 0);
	assert_int_equal(mkdir(deep, 0755), 0);
	assert_int_equal(file_write_atomic(word, "hello\n", 6, 0444), 0);
	b->job.bundle = deep;
	b->job.user = (struct process_user){65533, 65532};
	start(b, "cat word; echo $(id -u):$(id -g):$(id -G); touch $SOCKET; "
		 "grep CapEff /proc/self/status; touch /bundle/x 2>&1");
	wait_end(b);
	assert_true(wait_log(b, "hello"));
	assert_true(wait_log(b, "65533:65532:65532"));
	assert_true(wait_log(b, "0000000000000000"));
	assert_true(wait_log(b, "Read-only"));
	snprintf(word, sizeof word, "%s/s.sock", b->box);
	assert_int_equal(stat(word, &st), 0);
	assert_int_equal(st.st_uid, 65533);
	/* What was bound was bound for the replica alone. */
	snprintf(word, sizeof word, "%s/.bundle/word", b->folder);
	assert_int_equal(access(word, F_OK), -1);
}

static void users_are_found_only_by_root(void **state)
{
	struct process_user user = {7, 7};
	struct err e = {0};
	int rc = process_user_find("/nowhere/home", &user, &e);

	(void)state;
	if (geteuid() != 0 || rc == 0)
		assert_int_equal(user.uid, 0);
	else
		assert_true(user.uid > 0);
}

static void start_ticks_of_odd_pids(void **state)
{
	(void)state;
	assert_true(process_start_ticks(getpid()) > 0);
	assert_int_equal(process_start_ticks(0), -1);
	assert_int_equal(process_start_ticks(-5), -1);
	assert_int_equal(process_start_ticks(4194305), -1);
	assert_int_equal(process_alive(getpid(), 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sandbox_forbids, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			stays_up_and_term_reaches_the_server, set_up, tear_down),
		cmocka_unit_test_setup_teardown(kill_ends_the_whole_tree, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			clean_ends_what_an_outer_kill_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(memory_limit_kills_a_hog, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_reused_pid_is_never_hit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_jobs_are_sentences, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			another_user_sees_only_its_bundle, set_up, tear_down),
		cmocka_unit_test(users_are_found_only_by_root),
		cmocka_unit_test(start_ticks_of_odd_pids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
