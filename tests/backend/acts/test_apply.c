/* test_apply.c: plans of a spec and their apply: marks, what is stale, what is refused, and undo.
 */
#include "tests/backend/acts/story.h"

#include <stdlib.h>

#include "backend/base/json.h"
#include "backend/base/xalloc.h"
#include "backend/policy/roles.h"
#include "tests/backend/spec/spec_texts.h"

struct row_want {
	const char *spec, *path;
	char mark;
	const char *desired, *recorded;
};

static const struct row_want rows[] = {
	{"base", "endpoints.delay.tier", '=', "low", "low"},
	{"base", "endpoints.rebook.tier", '=', "high", "high"},
	{"tier", "endpoints.rebook.tier", '~', "low", "high"},
	{"one", "endpoints.rebook", '-', "", "served"},
	{"more", "endpoints.fares.tier", '+', "medium", ""},
};

static void plan(struct acts_world *x, const char *name, struct spec_plan *out, int want)
{
	struct buf text = {0};
	struct apply_request req = {.base = -1};

	acts_spec(x, name, &text);
	req.text = buf_text(&text);
	req.size = text.len;
	assert_int_equal(act_plan(&x->w, &req, out, &x->e), want);
	buf_release(&text);
}

static int marks(const struct spec_plan *p, char mark)
{
	int n = 0;

	for (int i = 0; i < p->row_count; i++)
		n += p->rows[i].mark == mark;
	return n;
}

static void test_marks(void **state)
{
	struct acts_world x;
	struct spec_plan p;

	(void)state;
	story_warm(&x);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int hit = 0;
		plan(&x, rows[i].spec, &p, 0);
		assert_string_equal(p.project, "flights");
		for (int k = 0; k < p.row_count; k++) {
			if (strcmp(p.rows[k].path, rows[i].path) != 0)
				continue;
			hit++;
			assert_int_equal(p.rows[k].mark, rows[i].mark);
			assert_string_equal(p.rows[k].desired, rows[i].desired);
			assert_string_equal(p.rows[k].recorded, rows[i].recorded);
		}
		if (hit != 1)
			fail_msg("%s: %s stands in %d rows", rows[i].spec, rows[i].path, hit);
		spec_plan_release(&p);
	}
	plan(&x, "tier", &p, 0);
	assert_int_equal(marks(&p, '~'), 1);
	assert_string_equal(p.loosens[0], "lowers the tier of rebook");
	spec_plan_release(&p);
	plan(&x, "same", &p, 0);
	assert_int_equal(marks(&p, '~') + marks(&p, '+') + marks(&p, '-'), 0);
	spec_plan_release(&p);
	plan(&x, "bad", &p, ERR_INVALID);
	assert_int_equal(p.faults.count, 1);
	assert_int_equal(p.faults.list[0].line, 2);
	spec_plan_release(&p);
	acts_world_free(&x);
}

static const struct story stories[] = {
	{"nothing to do", {{"apply base", NULL}, {"apply bad", "!invalid: projekt"}}},
	{"two projects, one port", {{"apply clash", "!conflict: and flights/delay does already"}}},
	{"a change, its undo, and the undo of that",
		{{"apply steps", "v1> 0 aborted"}, {"undo", "v1> 0 aborted"},
			{"undo", "v1> 0 aborted"}, {"undo", "v1> 0 aborted"}}},
	{"an endpoint with a rollout is not dropped",
		{{"on rebook", NULL}, {"start v2", "v1>v2 0 waiting"},
			{"apply one", "!conflict: drops endpoint flights/rebook"},
			{"abort", "v1> 0 aborted"}, {"on delay", NULL},
			{"apply one", "v1> 0 aborted"}, {"on rebook", NULL},
			{"start v2", "!conflict: no longer in the applied spec"},
			{"rollback v2", "!conflict: no longer in the applied spec"},
			{"on delay", NULL}, {"undo", "v1> 0 aborted"}, {"on rebook", NULL},
			{"tick 2", NULL}, {"start v2", "v1>v2 0 waiting"}}},
	{"a rollout goes on through an apply",
		{{"start v2", "v1>v2 100 stepping"}, {"advance", "v1>v2 500 stepping"},
			{"apply more", "v1>v2 500 stepping"}, {"advance", "v1>v2 2500 stepping"},
			{"undo", "v1>v2 500 stepping"}, {"promote", "v2> 0 promoted"}}},
	{"fewer approvals by a lower tier need those of the old one",
		{{"on rebook", NULL}, {"apply tier", "v1> 0 aborted"},
			{"start v2", "v1>v2 0 waiting"}, {"abort", "v1> 0 aborted"},
			{"yes", "!denied: you made proposal"},
			{"apply tier", "!conflict: says the same"}, {"by ben", NULL},
			{"yes", "v1> 0 aborted"}, {"yes", "!conflict: already"}, {"by ben2", NULL},
			{"yes", "!conflict: already"}, {"by cas", NULL}, {"yes", "v1> 0 aborted"},
			{"yes", "!bad_transition: it is done"},
			{"start v2", "v1>v2 100 stepping"}}},
	{"a proposal that another apply has overtaken",
		{{"apply tier", "v1> 0 aborted"}, {"apply steps", "v1> 0 aborted"},
			{"by ben", NULL}, {"yes", "!stale: has changed since"},
			{"no", "!stale: has changed since"}}},
	{"a rejected proposal",
		{{"apply tier", "v1> 0 aborted"}, {"no", "v1> 0 aborted"}, {"by ben", NULL},
			{"yes", "!bad_transition: it is rejected"}, {"by ada", NULL},
			{"apply tier", "v1> 0 aborted"}}},
	{"what tightens needs nobody, its undo does",
		{{"by ben", NULL}, {"apply tight", "v1> 0 aborted"}, {"undo", "v1> 0 aborted"},
			{"by cas", NULL}, {"yes", "v1> 0 aborted"}, {"by ada", NULL},
			{"yes", "v1> 0 aborted"}}},
	{"a lone admin of low tiers needs nobody",
		{{"apply one", "v1> 0 aborted"}, {"apply access1", "v1> 0 aborted"},
			{"apply lax1", "v1> 0 aborted"}}},
	{"a freeze window that cannot be read",
		{{"apply window", "!invalid: tier high: the freeze"}}},
};

static const struct plan_row *row_of(const struct spec_plan *p, const char *path)
{
	for (int i = 0; i < p->row_count; i++)
		if (strcmp(p->rows[i].path, path) == 0)
			return &p->rows[i];
	fail_msg("no row %s", path);
	return NULL;
}

static void plan_with(
	struct acts_world *x, const char *ca, const char *verify, struct spec_plan *out)
{
	char *text =
		xasprintf("project: tls\nendpoints:\n  m:\n    environment: production\n"
			  "    tier: low\n    listen: 127.0.0.1:%d\n    ca: |\n%s"
			  "    versions: {v1: {upstream: \"tls a.example:443\", verify: %s}}\n",
			x->ports[2], ca, verify);
	struct apply_request req = {.text = text, .size = strlen(text), .commit = "", .base = -1};
	struct act a = {.caller = acts_person("root"), .reason = "a test"};

	if (act_plan(&x->w, &req, out, &x->e))
		fail_msg("%s", x->e.message);
	if (!world_find_project(&x->w, "tls"))
		assert_int_equal(act_apply(&x->w, &a, &req, &x->r, &x->e), 0);
	free(text);
}

/* Two authorities begin with the same lines as one. */
static void test_certificates(void **state)
{
	struct acts_world x;
	struct spec_plan p;

	(void)state;
	story_warm(&x);
	plan_with(&x, CA_LINES, "none", &p);
	assert_int_equal(row_of(&p, "endpoints.m.ca")->mark, '+');
	assert_non_null(strstr(row_of(&p, "endpoints.m.versions.v1.verify")->note,
		"WARNING: no certificate is checked"));
	spec_plan_release(&p);
	plan_with(&x, CA_LINES, "required", &p);
	assert_int_equal(row_of(&p, "endpoints.m.ca")->mark, '=');
	assert_non_null(strstr(row_of(&p, "endpoints.m.ca")->desired, "a text of "));
	assert_string_equal(row_of(&p, "endpoints.m.versions.v1.verify")->note, "");
	spec_plan_release(&p);
	plan_with(&x, CA_LINES CA_LINES, "required", &p);
	assert_int_equal(row_of(&p, "endpoints.m.ca")->mark, '~');
	spec_plan_release(&p);
	acts_world_free(&x);
}

static void test_stories(void **state)
{
	(void)state;
	story_run(stories, sizeof stories / sizeof stories[0]);
}

static int64_t recorded(struct acts_world *x, struct buf *text)
{
	struct spec_row row = {0};

	buf_reset(text);
	assert_int_equal(store_find_spec(x->w.store, "flights", 0, &row, text, NULL, &x->e), 1);
	return row.seq;
}

static void test_stale(void **state)
{
	struct buf before = {0}, after = {0};
	struct acts_world x;
	int64_t base, head;

	(void)state;
	story_warm(&x);
	base = recorded(&x, &before);
	assert_int_equal(acts_do(&x, "by ben"), 0);
	assert_int_equal(acts_do(&x, "apply steps"), 0);
	x.revision = base; /* planned before ben's apply */
	head = store_head(x.w.store);
	assert_int_equal(acts_do(&x, "apply more"), ERR_STALE);
	assert_non_null(strstr(x.r.moved, "by ben"));
	assert_non_null(strstr(x.e.message, "by ben"));
	assert_true(store_head(x.w.store) == head);
	x.revision = 0;
	assert_int_equal(acts_do(&x, "undo"), 0);
	assert_true(recorded(&x, &after) > base);
	assert_string_equal(buf_text(&before), buf_text(&after));
	assert_int_equal(acts_do(&x, "apply base"), 0); /* nothing to do: no event */
	assert_true(x.r.seq == 0);
	buf_release(&before);
	buf_release(&after);
	assert_int_equal(acts_verify(&x), 0);
	acts_world_free(&x);
}

/* Only an admin applies access and tiers; the plan says what it loosens. */
static void test_access(void **state)
{
	struct caller developer = *acts_person("cas");
	struct acts_world x;

	(void)state;
	story_warm(&x);
	developer.permissions = ~(unsigned)PERM_ADMIN;
	x.by = &developer;
	assert_int_equal(acts_do(&x, "apply access"), ERR_DENIED);
	assert_non_null(strstr(x.e.message, "only an admin applies access and tiers"));
	assert_int_equal(acts_do(&x, "apply steps"), 0);
	x.by = acts_person("root");
	assert_int_equal(acts_do(&x, "apply access"), 0);
	assert_string_equal(x.r.plan.warnings[0], "loosens: grants operator to root");
	assert_non_null(strstr(x.r.plan.title, "waits for 2 approvals"));
	x.by = acts_person("ada");
	assert_int_equal(acts_do(&x, "yes"), 0);
	x.by = &developer; /* who may approve need not be one who may apply */
	assert_int_equal(acts_do(&x, "yes"), 0);
	assert_string_equal(x.r.plan.subject, "flights");
	assert_int_equal(x.w.projects[0]->access->role_count, 1);
	assert_string_equal(x.w.projects[0]->spec.author, "root");
	acts_world_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_access),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
