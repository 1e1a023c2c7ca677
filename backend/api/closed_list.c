/* closed_list.c: see closed_list.h. */
#include "backend/api/closed_list.h"

#include <string.h>

#include "backend/api/auth.h"
#include "backend/api/router.h"
#include "backend/base/buf.h"

/* The methods of commands.def; a LOCAL row's routes are below. */
#define GET   "GET"
#define POST  "POST"
#define LOCAL ""

static const struct use {
	const char *command, *method, *path; /* alternatives behind a | */
} uses[] = {
#define COMMAND(name, args, help, method, path, ...) {name, method, path},
#include "backend/wire/commands.def"
#undef COMMAND
	{"version add", POST, "/v1/versions"},
	{"version verify", GET, "/v1/versions/{VERSION}"},
	{"plan", POST, "/v1/plan"},
	{"apply", POST, "/v1/plan"},
	{"apply", POST, "/v1/apply"},
	{"policy what-if", POST, "/v1/policy/what-if"},
	{"rollout card", GET, "/v1/rollouts/{N}"},
	{"rollout card", GET, "/v1/rollouts/{N}/cards"},
	{"rollout replay", GET, "/v1/rollouts/{N}"},
	{"rollout replay", GET, "/v1/rollouts/{N}/cards"},
	{"rollout replay", GET, "/v1/rollouts/{N}/journal"},
	{"backup", POST, "/v1/backup"},
	{"engine upgrade", POST, "/v1/engine/upgrade"},
	{"outcomes", POST, "/v1/outcomes"},
	{"predictions", POST, "/v1/predictions"},
};

/* Who they are and what they may, and what they talk to, everybody may ask. */
static const char *const open_to_all[] = {"/v1/whoami", "/v1/engine", "/v1/openapi.json", NULL};

/* Whether n bytes of path are the pattern, whatever stands in braces. */
static int path_is(const char *path, size_t n, const char *pattern)
{
	const char *end = path + n;

	while (path < end && *pattern) {
		if (*path == '{' && *pattern == '{') {
			while (path < end && *path != '}')
				path++;
			pattern += strcspn(pattern, "}");
			if (path == end || !*pattern)
				return 0;
		} else if (*path != *pattern) {
			return 0;
		}
		path++;
		pattern++;
	}
	return path == end && !*pattern;
}

int closed_list_uses(const char *command, const char *method, const char *pattern)
{
	for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
		const char *path = uses[i].path;

		if (strcmp(uses[i].command, command) != 0 || strcmp(uses[i].method, method) != 0)
			continue;
		for (;; path++) {
			size_t n = strcspn(path, "|");

			if (path_is(path, n, pattern))
				return 1;
			path += n;
			if (!*path)
				break;
		}
	}
	return 0;
}

/* What p lists for the account, or NULL when it lists nothing. */
static const struct spec_account *list_in(const struct live_project *p, const struct caller *c)
{
	for (int i = 0; p->access && i < p->access->account_count; i++)
		if (p->access->accounts[i].may_count &&
			strcmp(p->access->accounts[i].name, c->user) == 0)
			return &p->access->accounts[i];
	return NULL;
}

int closed_list_each(const struct world *w, const struct caller *c,
	void (*fn)(void *arg, const char *command), void *arg)
{
	int lists = 0;

	for (int i = 0; i < w->project_count && !auth_is_owner(c); i++) {
		const struct spec_account *a = list_in(w->projects[i], c);

		lists += a != NULL;
		for (int k = 0; a && k < a->may_count; k++)
			fn(arg, a->may[k]);
	}
	return lists;
}

static int allows(const struct spec_account *a, const struct route *r)
{
	for (int i = 0; i < a->may_count; i++)
		if (closed_list_uses(a->may[i], r->method, r->pattern))
			return 1;
	return 0;
}

static void add_name(void *arg, const char *command)
{
	struct buf *b = arg;

	buf_addf(b, "%s%s", b->len ? ", " : "", command);
}

static int refuse(const struct request *rq, struct err *e)
{
	struct buf names = {0};

	closed_list_each(rq->world, &rq->caller, add_name, &names);
	err_set(e, ERR_DENIED,
		"%s is declared as no person, and may use nothing but: %.300s (asked for: %s %s)",
		rq->caller.user, buf_text(&names), rq->route->method, rq->route->pattern);
	buf_release(&names);
	return err_hint(
		e, "an admin widens the list: accounts: %s: may: in pithead.yaml", rq->caller.user);
}

int closed_list_check(const struct request *rq, struct err *e)
{
	const struct caller *c = &rq->caller;
	int listed = 0, allowed = 0;

	if (auth_is_owner(c))
		return 0;
	for (int i = 0; open_to_all[i]; i++)
		if (strcmp(rq->route->pattern, open_to_all[i]) == 0 &&
			strcmp(rq->route->method, GET) == 0)
			return 0;
	for (int i = 0; i < rq->world->project_count; i++) {
		const struct live_project *p = rq->world->projects[i];
		const struct spec_account *a = list_in(p, c);

		if (!a)
			continue;
		if (strcmp(p->spec.project, rq->project) == 0)
			return allows(a, rq->route) ? 0 : refuse(rq, e);
		listed = 1;
		allowed |= allows(a, rq->route);
	}
	return listed && !allowed ? refuse(rq, e) : 0;
}
