/* scratch.h: a store in a folder of its own, for the tests of store and audit. */
#ifndef PITHEAD_TESTS_BACKEND_STORE_SCRATCH_H
#define PITHEAD_TESTS_BACKEND_STORE_SCRATCH_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/store/store.h"

#define NOON INT64_C(1763985600000000)

struct scratch {
	char home[64];
	struct settings settings;
	struct clock clock;
	struct store *store;
	struct err e;
};

static inline int scratch_unlink(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	(void)st, (void)flag, (void)at;
	return remove(path);
}

static inline void scratch_open(struct scratch *x)
{
	x->store = store_open(x->home, &x->settings, &x->clock, 0, &x->e);
	if (!x->store)
		fail_msg("%s", x->e.message);
}

static inline void scratch_new(struct scratch *x)
{
	memset(x, 0, sizeof *x);
	strcpy(x->home, "/tmp/pithead-store-XXXXXX");
	assert_non_null(mkdtemp(x->home));
	settings_init(&x->settings);
	x->clock = clock_fake(NOON);
	scratch_open(x);
}

static inline void scratch_free(struct scratch *x)
{
	store_close(x->store);
	nftw(x->home, scratch_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

static inline struct event scratch_event(const char *verb)
{
	return (struct event){.actor_uid = 1000,
		.login_uid = -1,
		.actor = "ada",
		.role = "operator",
		.via = "console",
		.verb = verb,
		.subject = "endpoint:flights/delay",
		.project = "flights",
		.endpoint = "flights/delay",
		.before = "{\"share\":0}",
		.after = "{\"share\":100}",
		.reason = "quoted \"text\"\nand \\ a line",
		.change = 1};
}

/* Appends n events, one a transaction, each moving the endpoint's revision. */
static inline void scratch_append(struct scratch *x, int n, const char *verb)
{
	for (int i = 0; i < n; i++) {
		struct event ev = scratch_event(verb);
		struct endpoint_row row = {.id = "flights/delay"};
		int64_t seq;

		x->clock.fake_wall_us += 1000;
		assert_int_equal(store_begin(x->store, &x->e), 0);
		assert_int_equal(store_append_event(x->store, &ev, &seq, &x->e), 0);
		row.revision = seq;
		assert_int_equal(store_save_endpoint(x->store, &row, &x->e), 0);
		assert_int_equal(store_commit(x->store, &x->e), 0);
	}
}

static inline int scratch_shell(const struct scratch *x, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Runs a shell command with HOME's path as $H; its exit code. */
static inline int scratch_shell(const struct scratch *x, const char *fmt, ...)
{
	char command[4096];
	va_list ap;
	int n = snprintf(command, sizeof command, "H=%s; ", x->home), rc;

	va_start(ap, fmt);
	vsnprintf(command + n, sizeof command - (size_t)n, fmt, ap);
	va_end(ap);
	rc = system(command);
	return rc < 0 ? rc : rc >> 8;
}

#endif
