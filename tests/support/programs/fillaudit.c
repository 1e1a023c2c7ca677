/* fillaudit.c: fillaudit HOME N: writes N events into the audit log of a home whose engine does
 * not run, as an engine of some hours ago would have: for benches that need a long log. */
#include <stdio.h>
#include <stdlib.h>

#include "backend/store/store.h"

#define STEP_US 1000 /* between events */
#define AGE_US	(6 * 3600 * 1000000LL)

static struct event make_event(long i)
{
	static const char *const verbs[] = {"rollout.advance", "rollout.pause", "rollout.resume"};

	return (struct event){.actor = i % 7 ? "maria" : "jon",
		.actor_uid = 1000,
		.login_uid = -1,
		.role = "operator",
		.via = "console",
		.verb = verbs[i % 3],
		.subject = "rollout:41",
		.project = "flights",
		.environment = "production",
		.endpoint = "flights/delay",
		.rollout = 41,
		.version = "v3",
		.before = "{\"share_bp\":100}",
		.after = "{\"share_bp\":500}",
		.reason = i % 3 ? "" : "step by step",
		.causes = "",
		.request_id = "fill",
		.change = 1};
}

static int fill(struct store *s, struct clock *clock, long n, struct err *e)
{
	for (long i = 0; i < n;) {
		if (store_begin(s, e))
			return -1;
		for (int k = 0; k < 256 && i < n; k++, i++) {
			struct event ev = make_event(i);
			int64_t seq;

			clock->fake_wall_us += STEP_US;
			if (store_append_event(s, &ev, &seq, e))
				return -1;
		}
		if (store_commit(s, e) || store_checkpoint(s, 0, e))
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct clock now = clock_system(), clock;
	struct settings settings;
	struct store *s;
	struct err e = {0};
	int rc;

	if (argc != 3) {
		fprintf(stderr, "usage: fillaudit HOME N\n");
		return 2;
	}
	settings_init(&settings);
	clock = clock_fake(clock_wall_us(&now) - AGE_US);
	s = store_open(argv[1], &settings, &clock, 0, &e);
	rc = s ? fill(s, &clock, strtol(argv[2], NULL, 10), &e) : -1;
	store_close(s);
	if (rc)
		fprintf(stderr, "fillaudit: %s\n", e.message);
	return rc ? 1 : 0;
}
