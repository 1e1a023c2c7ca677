/* A past rollout is judged again: by its own policy to the same bits, by another to what that says.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "backend/base/digest.h"
#include "backend/base/xalloc.h"
#include "backend/trial/journal.h"
#include "backend/trial/trial_card.h"
#include "backend/trial/trial_setup.h"
#include "tests/backend/local/run.h"

#define START INT64_C(1763985600)
#define SPEC(limit)                                                                                \
	"project: p\nendpoints:\n  d:\n    environment: staging\n    tier: low\n"                  \
	"    listen: 127.0.0.1:8100\n    serve: s\n    rollout:\n      signals:\n"                 \
	"        error_rate: worse-by " limit "\n"

struct written {
	char folder[64], path[80];
	char *end; /* owned: the end's card */
};

static void setup_make(struct trial_setup *s)
{
	struct err e = {0};
	struct spec *spec = spec_parse(SPEC("1pp"), strlen(SPEC("1pp")), "p.yaml", NULL, &e);

	assert_non_null(spec);
	trial_setup_init(s, &spec->endpoints[0]);
	str_copy(s->steps, sizeof s->steps, "50% 1m");
	str_copy(s->pattern, sizeof s->pattern, "canary");
	spec_free(spec);
}

static void feed(struct journal *j, struct trial *t, int second)
{
	for (int i = 0; i < 50; i++) {
		struct trial_answer a = {.routed_us = (START + second) * 1000000 + i,
			.share_bp = 5000,
			.candidate = i % 2,
			.failed = i % 2 && i % 20 == 1,
			.latency_us = 1000,
			.score = (double)NAN};

		journal_add_answer(j, &a);
		trial_take_answer(t, &a);
	}
	journal_add_close(j, START + second);
	trial_close(t, START + second);
}

static void write_lines(
	struct written *w, const char *setup, const struct journal *j, const char *card)
{
	char *data = xcalloc(j->out.len * 2 + 8, 1);
	FILE *f = fopen(w->path, "w");

	base64_encode(j->out.data, j->out.len, data);
	fprintf(f, "{\"setup\":%s,\"entries\":[\"%s\"],\"next\":0}\n", setup, data);
	fprintf(f, "{\"cards\":[{\"number\":1,%s]}\n", card + 1);
	fclose(f);
	free(data);
}

static void make(struct written *w, const char *wrong)
{
	struct trial_setup s;
	struct trial_config c;
	struct trial_card card;
	struct journal j;
	struct trial *t;
	struct err e = {0};
	char *text, *at;

	str_copy(w->folder, sizeof w->folder, "/tmp/pithead-replay-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->path, sizeof w->path, "%s/journal", w->folder);
	setup_make(&s);
	text = trial_setup_format(&s);
	assert_int_equal(trial_setup_config(&s, &c, &e), 0);
	t = trial_new(&c);
	journal_init(&j);
	for (int i = 0; i < 60; i++)
		feed(&j, t, i);
	trial_read(t, &card);
	assert_int_equal(card.verdict, JUDGE_HARM);
	w->end = trial_card_format(&card, "end", (START + 60) * 1000000 + 1);
	at = strstr(w->end, "\"looks\":");
	if (wrong)
		memcpy(at + strlen("\"looks\":"), wrong, strlen(wrong));
	write_lines(w, text, &j, w->end);
	free(text);
	journal_release(&j);
	trial_free(t);
	trial_setup_release(&s);
}

static void done(struct written *w)
{
	char command[120];

	free(w->end);
	snprintf(command, sizeof command, "rm -r %s", w->folder);
	assert_int_equal(system(command), 0);
}

static void its_own_policy_gives_the_same_bits(void **state)
{
	struct written w;
	struct ran r = {0};

	(void)state;
	make(&w, NULL);
	RUN(&r, local_replay, w.folder, "rollout replay", w.path);
	expect_code(&r, 0);
	expect_text(&r, "harm       error_rate");
	expect_text(&r, "identical to what the engine judged: 1 of 1 cards");
	RUN(&r, local_replay, w.folder, "rollout replay", w.path, "--json");
	expect_code(&r, 0);
	expect_text(&r, "\"identical\":1");
	buf_release(&r.text);
	done(&w);
}

static void a_card_that_was_changed_is_found(void **state)
{
	struct written w;
	struct ran r = {0};

	(void)state;
	make(&w, "9");
	RUN(&r, local_replay, w.folder, "rollout replay", w.path);
	expect_code(&r, 1);
	expect_text(&r, "card 1 (end) differs from what the engine judged");
	buf_release(&r.text);
	done(&w);
}

static void another_policy_says_something_else(void **state)
{
	struct written w;
	struct ran r = {0};
	char lax[100], option[120];
	FILE *f;

	(void)state;
	make(&w, NULL);
	snprintf(lax, sizeof lax, "%s/lax.yaml", w.folder);
	snprintf(option, sizeof option, "--policy=%s", lax);
	f = fopen(lax, "w");
	fputs(SPEC("60pp"), f);
	fclose(f);
	RUN(&r, local_replay, w.folder, "rollout replay", w.path, option);
	expect_code(&r, 0);
	expect_text(&r, "under this policy: ok");
	RUN(&r, local_replay, w.folder, "rollout replay", w.path, "--policy=nowhere.yaml");
	expect_code(&r, 1);
	expect_text(&r, "cannot read nowhere.yaml");
	f = fopen(w.path, "w");
	fputs("{\"cards\":[]}\n", f);
	fclose(f);
	RUN(&r, local_replay, w.folder, "rollout replay", w.path);
	expect_text(&r, "holds no journal");
	buf_release(&r.text);
	done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_own_policy_gives_the_same_bits),
		cmocka_unit_test(a_card_that_was_changed_is_found),
		cmocka_unit_test(another_policy_says_something_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
