/* test_command.c: command lines to requests: every row of the table, every type, and garbage. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "backend/base/xalloc.h"
#include "tui/command.h"

#define NOW_US 1795528931000000LL /* 2026-11-24 14:02:11 UTC */

static const struct {
	const char *line, *path, *body; /* body NULL: a GET */
} good[] = {
	{"status", "/v1/now", NULL},
	{"rollout abort 41", "/v1/rollouts/41/abort", "{}"},
	{"rollout abort #41 --reason 'it \"hurts\"'", "/v1/rollouts/41/abort",
		"{\"reason\":\"it \\\"hurts\\\"\"}"},
	{"--project flights rollback delay --to v1", "/v1/endpoints/flights~delay/rollback",
		"{\"to\":\"v1\"}"},
	{"rollback flights/delay", "/v1/endpoints/flights~delay/rollback", "{}"},
	{"rollout start delay --to v2 --share=0.5% --reason r", "/v1/endpoints/delay/rollouts",
		"{\"to\":\"v2\",\"share_bp\":50,\"reason\":\"r\"}"},
	{"rollout start delay --to v2 --steps '1% 2m, 5% 5m'", "/v1/endpoints/delay/rollouts",
		"{\"to\":\"v2\",\"steps\":\"1% 2m, 5% 5m\"}"},
	{"rollout advance 4 --share 25", "/v1/rollouts/4/advance", "{\"share_bp\":2500}"},
	{"rollout advance 4 --dry-run", "/v1/rollouts/4/advance?dry_run=1", "{}"},
	{"override delay ORD --to candidate", "/v1/endpoints/delay/overrides",
		"{\"segment\":\"ORD\",\"share_bp\":10000}"},
	{"override delay ORD --to none", "/v1/endpoints/delay/overrides",
		"{\"segment\":\"ORD\",\"share_bp\":null}"},
	{"changes delay --since 1h", "/v1/changes?endpoint=delay&since_us=1795525331000000", NULL},
	{"changes --since 14:02", "/v1/changes?since_us=1795528920000000", NULL},
	{"audit --since 2026-11-24T14:02:11.5Z --match 'a b|c'",
		"/v1/audit?since_us=1795528931000000&match=a%20b%7Cc", NULL},
	{"audit --ascending --limit 5", "/v1/audit?limit=5&ascending=1", NULL},
	{"rollout list --active --json", "/v1/rollouts?active=1", NULL},
	{"version show flights/v3", "/v1/versions/flights~v3", NULL},
	{"version show v3 --project flights", "/v1/versions/flights~v3", NULL},
	{"engine stop --all", "/v1/engine/stop", "{\"all\":true}"},
	{"freeze", "/v1/freeze", "{}"},
	{"freeze --all --reason smoke", "/v1/freeze", "{\"all\":true,\"reason\":\"smoke\"}"},
	{"unfreeze delay", "/v1/unfreeze", "{\"endpoint\":\"delay\"}"},
	{"policy explain delay", "/v1/endpoints/delay/policy", NULL},
	{"policy explain --project flights delay", "/v1/endpoints/flights~delay/policy", NULL},
	{"policy explain --action promote 41", "/v1/rollouts/41/policy?action=promote", NULL},
	{"policy explain #41 --project flights", "/v1/rollouts/41/policy", NULL},
	{"policy explain v41", "/v1/endpoints/v41/policy", NULL},
	{"undo 812", "/v1/changes/812/undo", "{}"},
	{"endpoint show ../../etc", "/v1/endpoints/..~..~etc", NULL},
	{"endpoint show a%2Fb?x=1", "/v1/endpoints/a%252Fb%3Fx%3D1", NULL},
};

static const struct {
	const char *line, *said; /* said: a part of message or hint */
} bad[] = {
	{"rolout list", "rollout list"},
	{"rollout", "rollout start"},
	{"rollout abrot 4", "rollout abort"},
	{"rollout abort", "needs N"},
	{"rollout abort x", "not a number"},
	{"rollout abort -1", "not a number"},
	{"rollout abort 0", "not a number"},
	{"rollout abort 99999999999999999999", "not a number"},
	{"rollout abort 4 5", "takes no"},
	{"rollout abort 4 --resaon x", "--reason"},
	{"rollout abort 4 --reason", "needs a value"},
	{"rollout abort 4 --dry-run=1", "takes no value"},
	{"rollout abort 4 --dry-run --dry-run", "twice"},
	{"rollout abort 4 -x", "two dashes"},
	{"rollout start delay", "needs --to"},
	{"rollout start delay --to v2 --share 101", "not a share"},
	{"rollout start delay --to v2 --share 0.001", "not a share"},
	{"rollout start delay --to v2 --share nan", "not a share"},
	{"rollout start delay --to v2 --share 5%%", "not a share"},
	{"override delay ORD --to both", "not stable"},
	{"changes --since yesterday", "not a time"},
	{"changes --since 25:99", "not a time"},
	{"endpoint show ''", "empty"},
	{"--socket", "needs a value"},
	{"--nonsense", "no option"},
	{"undo \"1", "quote"},
	{"\xff\xfe \x01", "no command"},
};

static int to_request(const char *line, char **path, char **body, struct err *e)
{
	const char *words[32];
	char *memory = NULL;
	struct parsed p = {0};
	int n = command_split(line, words, 32, &memory, e), rc = n < 0 ? n : 0;

	*path = *body = NULL;
	if (rc == 0)
		rc = command_parse(n, words, &p, e);
	if (rc == 0 && p.command && p.command->method != METHOD_LOCAL)
		rc = command_request(&p, NOW_US, path, body, e);
	parsed_release(&p);
	free(memory);
	return rc;
}

static void lines_become_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		char *path, *body;
		struct err e = {0};

		if (to_request(good[i].line, &path, &body, &e))
			fail_msg("%s: %s", good[i].line, e.message);
		assert_string_equal(path, good[i].path);
		if (good[i].body)
			assert_string_equal(body, good[i].body);
		else
			assert_null(body);
		free(path);
		free(body);
	}
}

static void garbage_is_told_in_a_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char *path, *body;
		struct err e = {0};

		if (to_request(bad[i].line, &path, &body, &e) != ERR_INVALID)
			fail_msg("\"%s\" was taken", bad[i].line);
		assert_int_equal(err_exit_code(e.code), 2);
		if (!strstr(e.message, bad[i].said) && !strstr(e.hint, bad[i].said))
			fail_msg("%s: said \"%s\" (%s)", bad[i].line, e.message, e.hint);
	}
}

/* Random bytes and random words of the table never crash the parser. */
static void noise_is_survived(void **state)
{
	(void)state;
	srand(7);
	for (int round = 0; round < 20000; round++) {
		char line[200], *path, *body;
		size_t n = (size_t)(rand() % 60);
		struct err e = {0};

		for (size_t i = 0; i < n; i++)
			line[i] = (char)(round % 2 ? 32 + rand() % 95 : 1 + rand() % 255);
		line[n] = '\0';
		if (round % 4 == 3)
			snprintf(line, sizeof line, "%s --%c %d", command_rows[rand() % 40].name,
				'a' + rand() % 26, rand());
		to_request(line, &path, &body, &e);
		free(path);
		free(body);
	}
}

/* Each row says what it needs, names its path's arguments, and can be asked for its help. */
static void rows_are_whole(void **state)
{
	(void)state;
	for (const struct command *c = command_rows; c->name; c++) {
		struct command_arg arg;
		size_t at = 0;

		assert_true(strlen(c->help) > 10 && strlen(c->help) < 120);
		assert_true(c->method == METHOD_LOCAL || c->path[0] == '/');
		if (c->method == METHOD_POST) {
			assert_int_equal(c->confirm, CONFIRM_PLAN);
			assert_true(c->permission[0] && strcmp(c->permission, "read") != 0);
		}
		for (const char *p = c->path; (p = strchr(p, '{')); p++) {
			char name[32];
			int found = 0;

			snprintf(name, sizeof name, "%.*s", (int)strcspn(p + 1, "}"), p + 1);
			for (at = 0; command_next_arg(c->args, &at, &arg);)
				found |= strcmp(arg.name, name) == 0;
			assert_true(found);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_requests),
		cmocka_unit_test(garbage_is_told_in_a_sentence),
		cmocka_unit_test(noise_is_survived),
		cmocka_unit_test(rows_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
