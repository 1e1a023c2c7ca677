/* drill.c: `pithead drill`: starts a faulty version of the flights project at half of the traffic
 * and times how long it takes until nothing goes to it any more, and by whom. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/base/clock.h"
#include "backend/base/digest.h"
#include "backend/base/xalloc.h"
#include "backend/wire/paths.h"
#include "tui/client/codec.h"
#include "tui/shell/shell_priv.h"
#include "tui/timefmt.h"

#define POLL_NS	   100000000L
#define DRILL_TIME (30 * 60 * 1000LL) /* ms */

struct drill {
	struct shell *sh;
	char *endpoint; /* owned: escaped for a path */
	char version[64];
	int64_t rollout, event;
	int64_t from_us; /* monotonic: when the answer to the start came */
	int64_t limit_ms;
	int share_bp;
	char state[24]; /* of the rollout, as last seen */
};

/* A faulty version that is not the one that serves now. */
static void pick_fault(struct drill *d, const char *stable)
{
	static const char *const faults[] = {"v3", "v4", "v5"};
	unsigned char chance;

	do {
		random_bytes(&chance, 1);
		str_copy(d->version, sizeof d->version, faults[chance % 3]);
	} while (strcmp(d->version, stable) == 0);
}

static int get(struct drill *d, const char *path, struct reply *r, int *code)
{
	struct request q = REQUEST_INIT;

	q.path = path;
	return shell_ask(d->sh, &q, r, code);
}

static int start(struct drill *d, int *code)
{
	char *path = xasprintf(PATH_ENDPOINTS "/%s/rollouts", d->endpoint);
	struct clock clock = clock_system();
	struct request q = REQUEST_INIT;
	struct codec_body body;
	struct reply r = {0};
	char *text, id[40];
	int rc;

	codec_open(&body);
	codec_put_str(&body, "to", d->version);
	codec_put_str(&body, "pattern", "canary");
	codec_put_int(&body, "share_bp", d->share_bp);
	codec_put_str(&body, "reason", "drill");
	text = codec_close(&body);
	shell_make_id(id);
	q.method = "POST";
	q.path = path;
	q.body = text;
	q.idempotency = id;
	/* A cold version starts its replicas before it is routed to. */
	q.timeout_ms = 120000;
	rc = shell_ask(d->sh, &q, &r, code);
	if (rc == 0) {
		const struct node *root = r.data ? snapshot_root(r.data) : NULL;

		d->rollout = node_int(node_get(root, "rollout"), "id", 0);
		d->event = node_int(root, "event", 0);
		d->from_us = clock_mono_us(&clock);
	}
	reply_release(&r);
	free(text);
	free(path);
	return rc;
}

/* Waits for share_in_force to be above 0 (up = 1) or 0 again. 1 reached, 0 time over, -1 failed. */
static int wait_share(struct drill *d, int up, int *code)
{
	char *path = xasprintf(PATH_ROLLOUTS "/%" PRId64, d->rollout);
	struct clock clock = clock_system();
	int reached = 0;

	while (!reached && (clock_mono_us(&clock) - d->from_us) / 1000 < d->limit_ms) {
		struct reply r = {0};
		const struct node *root;

		if (get(d, path, &r, code)) {
			reply_release(&r);
			free(path);
			return -1;
		}
		root = r.data ? snapshot_root(r.data) : NULL;
		int64_t share = node_int(root, "share_in_force_bp", 0);
		int ended = node_int(root, "ended_us", 0) > 0;

		str_copy(d->state, sizeof d->state, node_str(root, "state", ""));
		reached = up ? share > 0 || ended : share == 0;
		reply_release(&r);
		if (!reached)
			nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
	}
	free(path);
	return reached;
}

/* Who ended it: the first change of the rollout after its start that is not an advance. */
static void print_who(struct drill *d)
{
	char *path = xasprintf(PATH_CHANGES "?endpoint=%s&limit=50", d->endpoint);
	const struct node *found = NULL, *list;
	struct reply r = {0};
	int n, code;

	if (get(d, path, &r, &code) == 0) {
		list = node_items(r.data ? snapshot_root(r.data) : NULL, &n);
		for (int i = 0; i < n; i++) {
			const char *verb = node_str(&list[i], "verb", "");

			if (node_int(&list[i], "seq", 0) > d->event &&
				(strstr(verb, "abort") || strstr(verb, "rollback") ||
					strstr(verb, "serve") || strstr(verb, "lapse") ||
					strstr(verb, "guard") || node_int(&list[i], "undo_of", 0)))
				found = &list[i];
		}
		if (found) {
			char *what = shell_clean(node_str(found, "what", ""));

			printf("by %s (%s): %s, change %" PRId64 "\n",
				node_str(found, "actor", "?"), node_str(found, "via", "?"), what,
				node_int(found, "seq", 0));
			free(what);
		} else
			puts("by nobody: its lease ran out");
	}
	reply_release(&r);
	free(path);
}

static int follow(struct drill *d)
{
	struct clock clock = clock_system();
	int code = 0, rc;
	char a[32];

	printf("rollout #%" PRId64 " started: a fault is on the way. Find it, undo it.\n",
		d->rollout);
	fflush(stdout);
	rc = wait_share(d, 1, &code);
	if (rc > 0) {
		d->from_us = clock_mono_us(&clock);
		rc = wait_share(d, 0, &code);
	}
	if (rc < 0)
		return code;
	if (rc == 0) {
		printf("not undone in %s; it was %s. Undo: pithead rollout abort %" PRId64 "\n",
			timefmt_span(a, sizeof a, d->limit_ms * 1000), d->version, d->rollout);
		return 1;
	}
	if (strcmp(d->state, "promoted") == 0) {
		printf("NOT undone: %s was promoted after %s and serves everybody now. "
		       "Undo: pithead rollback\n",
			d->version, timefmt_span(a, sizeof a, clock_mono_us(&clock) - d->from_us));
		return 1;
	}
	printf("undone after %s; it was %s\n",
		timefmt_span(a, sizeof a, clock_mono_us(&clock) - d->from_us), d->version);
	print_who(d);
	return 0;
}

/* The endpoint as it is now: 0 with the fault chosen, or the exit code in *code. */
static int prepare(struct drill *d, int *code)
{
	const char *endpoint = parsed_get(d->sh->args, "endpoint");
	const char *fault = parsed_get(d->sh->args, "fault");
	struct buf name = {0};
	struct reply r = {0};
	char *path;
	int rc;

	codec_escape(&name, endpoint ? endpoint : "flights~delay");
	for (char *p = strstr(name.data, "%2F"); p; p = strstr(name.data, "%2F")) {
		*p = '~';
		memmove(p + 1, p + 3, strlen(p + 3) + 1);
	}
	d->endpoint = buf_detach(&name);
	path = xasprintf(PATH_ENDPOINTS "/%s", d->endpoint);
	rc = get(d, path, &r, code);
	if (rc == 0 && fault)
		str_copy(d->version, sizeof d->version, fault);
	else if (rc == 0)
		pick_fault(d, node_str(r.data ? snapshot_root(r.data) : NULL, "stable", ""));
	reply_release(&r);
	free(path);
	return rc;
}

int shell_drill(struct shell *sh)
{
	struct drill d = {.sh = sh, .limit_ms = DRILL_TIME, .share_bp = 5000};
	const char *limit = parsed_get(sh->args, "timeout"), *share = parsed_get(sh->args, "share");
	struct err e = {0};
	int code = 0;

	if (limit && duration_parse(limit, &d.limit_ms) < 0)
		err_set(&e, ERR_INVALID, "\"%.40s\" is not a duration: 90s, 15m", limit);
	else if (share && command_share(share, &d.share_bp) < 0)
		err_set(&e, ERR_INVALID, "\"%.40s\" is not a share: 0%% to 100%%", share);
	if (e.code || shell_connect(sh, 1, &e))
		return shell_fail(&e);
	if (prepare(&d, &code) == 0 && start(&d, &code) == 0)
		code = follow(&d);
	free(d.endpoint);
	return code;
}
