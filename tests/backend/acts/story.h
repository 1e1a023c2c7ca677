/* story.h: acts told as lines of words, shared by this folder's tests. Every act is tried with
 * dry_run first, leaves exactly one change, and the audit log is whole at the end. */
#ifndef PITHEAD_TESTS_BACKEND_ACTS_STORY_H
#define PITHEAD_TESTS_BACKEND_ACTS_STORY_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/acts_world.h"

struct line {
	const char *words;
	const char
		*want; /* "v1>v2 100 stepping", "!code: part of the sentence", NULL = not an act */
};

#define LINES 24
struct story {
	const char *name;
	struct line lines[LINES];
};

static inline void story_line(struct acts_world *x, const struct story *s, const struct line *l)
{
	int64_t head = store_head(x->w.store);
	char got[200], *colon;
	int rc = acts_do(x, l->words);

	if (!l->want)
		return;
	if (l->want[0] == '!') {
		snprintf(got, sizeof got, "%s", l->want + 1);
		colon = strchr(got, ':');
		*colon = '\0';
		if (rc != err_from_wire(got) || !strstr(x->e.message, colon + 2))
			fail_msg("%s: %s: %s %s", s->name, l->words, err_wire(rc), x->e.message);
		return;
	}
	if (rc)
		fail_msg("%s: %s: %s", s->name, l->words, x->e.message);
	acts_look(x, got, sizeof got);
	if (strcmp(got, l->want) != 0)
		fail_msg("%s: %s: %s, expected %s", s->name, l->words, got, l->want);
	acts_check(x);
	if (strncmp(l->words, "tick", 4) != 0 && acts_changes(x, head) != 1)
		fail_msg("%s: %s left %d changes", s->name, l->words, acts_changes(x, head));
}

/* A world in which v2 is warm: it was started and aborted once. */
static inline void story_warm(struct acts_world *x)
{
	acts_world_new(x);
	acts_do(x, "start v2");
	acts_do(x, "tick 3");
	acts_do(x, "abort");
	acts_do(x, "on rebook");
	acts_do(x, "by cas");
	acts_do(x, "start v2");
	acts_do(x, "tick 3");
	acts_do(x, "abort");
	acts_do(x, "by ada");
	acts_do(x, "on delay");
}

static inline void story_run(const struct story *stories, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct acts_world x;
		story_warm(&x);
		for (int k = 0; k < LINES && stories[i].lines[k].words; k++)
			story_line(&x, &stories[i], &stories[i].lines[k]);
		assert_int_equal(acts_verify(&x), 0);
		acts_world_free(&x);
	}
}

#endif
