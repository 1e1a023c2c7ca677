/* request.c: the walk of one request: route, person, scope, permission, body, handler, answer. It
 * knows no HTTP library; server.c calls it, tests can too. */
#include "backend/api/request.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/api/auth.h"
#include "backend/api/closed_list.h"
#include "backend/api/codec.h"
#include "backend/api/notes.h"
#include "backend/api/router.h"
#include "backend/base/digest.h"
#include "backend/base/version.h"
#include "backend/base/xalloc.h"
#include "backend/wire/paths.h"

#define JSON_MOST   (1 << 20)
#define UPLOAD_MOST (256LL << 20)

struct request *request_new(struct api_state *api, const char *method, const char *uri)
{
	struct request *rq = xcalloc(1, sizeof *rq);
	size_t n = strcspn(uri, "?");
	unsigned char random[8];

	rq->api = api;
	rq->world = api->world;
	rq->reply.fd = rq->upload_fd = -1;
	/* Nobody, until the kernel has said who: zeroes would be root. */
	rq->peer = (struct caller){.uid = -1, .gid = -1, .login_uid = -1, .via = "api"};
	rq->path = xstrndup(uri, n);
	str_copy(rq->method, sizeof rq->method, method);
	random_bytes(random, sizeof random);
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(rq->id + 2 * i, 3, "%02x", random[i]);
	rq->next = api->live;
	if (rq->next)
		rq->next->prev = rq;
	api->live = rq;
	if (uri[n]) {
		struct err e;

		if (router_parse_query(rq, uri + n + 1, &e) != 0)
			request_fail(rq, &e);
	}
	return rq;
}

void request_free(struct request *rq)
{
	if (!rq)
		return;
	if (rq->prev)
		rq->prev->next = rq->next;
	else
		rq->api->live = rq->next;
	if (rq->next)
		rq->next->prev = rq->prev;
	if (rq->upload_fd >= 0)
		close(rq->upload_fd);
	if (rq->upload[0])
		unlink(rq->upload);
	if (rq->reply.fd >= 0)
		close(rq->reply.fd);
	for (int i = 0; i < rq->query_count; i++)
		free(rq->query[i].value);
	body_free(rq->body);
	buf_release(&rq->body_text);
	buf_release(&rq->reply.body);
	free(rq->path);
	free(rq);
}

/* Each refusal is an event, whoever refused: the table of routes or an act that looked closer. */
static void note_refusal(struct request *rq, const char *sentence)
{
	char subject[160];

	snprintf(subject, sizeof subject, "route:%s %s", rq->method,
		rq->route ? rq->route->pattern : rq->path);
	notes_add_denied(rq->api->notes, &rq->caller, rq->id, subject, sentence);
}

void request_fail(struct request *rq, const struct err *e)
{
	struct err known = *e;

	if (known.code >= 0)
		err_set(&known, ERR_FAILED, "the engine could not answer and did not say why");
	if (known.code == ERR_DENIED)
		note_refusal(rq, known.message);
	codec_reply(rq, err_http_status(known.code), codec_error_body(rq, &known));
	rq->done = 1;
}

const char *request_query(const struct request *rq, const char *name)
{
	for (int i = 0; i < rq->query_count; i++)
		if (strcmp(rq->query[i].name, name) == 0)
			return rq->query[i].value;
	return NULL;
}

int request_query_int(const struct request *rq, const char *name, int64_t least, int64_t most,
	int64_t fallback, int64_t *out, struct err *e)
{
	const char *text = request_query(rq, name);

	*out = fallback;
	if (!text)
		return 0;
	if (field_parse_int(text, out) != 0 || *out < least || *out > most) {
		err_set(e, ERR_INVALID, "%s must be a whole number from %lld to %lld", name,
			(long long)least, (long long)most);
		return err_field(e, name);
	}
	return 0;
}

int request_may_read(const struct request *rq, const char *project)
{
	struct caller c = rq->peer;

	if (!project || !*project)
		return (rq->everywhere & PERM_READ) != 0;
	auth_grant(rq->world, project, &c);
	return (c.permissions & rq->everywhere & PERM_READ) != 0;
}

/* "release or lower" of a set of bits. */
static void name_permissions(unsigned any_of, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned bit = 1; bit & PERM_ALL; bit <<= 1)
		if (any_of & bit && used < size)
			used += (size_t)snprintf(out + used, size - used, "%s\"%s\"",
				used ? " or " : "", permission_name(bit));
}

int request_need(struct request *rq, unsigned any_of, struct err *e)
{
	const struct caller *c = &rq->caller;
	char names[128];

	if (c->permissions & any_of)
		return closed_list_check(rq, e);
	name_permissions(any_of, names, sizeof names);
	if ((any_of & PERM_ALL) == PERM_ALL) /* any would do */
		err_set(e, ERR_DENIED, "%s (%s) has no permission here", c->user, c->role);
	else
		err_set(e, ERR_DENIED, "%s (%s) lacks the permission %s%s%s", c->user, c->role,
			names, rq->project[0] ? " in the project " : "", rq->project);
	if (c->groups_stale)
		err_hint(e, "the user database of this machine does not answer now: until it does, "
			    "groups only let look and lower a risk");
	else if (strcmp(c->role, "stranger") == 0)
		err_hint(e,
			"no access section names %s: an admin can add them in pithead.yaml and "
			"apply it",
			c->user);
	else if (rq->as[0])
		err_hint(e, "this session was lowered to %s", rq->as);
	else
		err_hint(e, "an admin of %s grants it in the access section of pithead.yaml",
			rq->project[0] ? rq->project : "a project");
	return e->code;
}

struct live_endpoint *request_endpoint(struct request *rq, struct err *e)
{
	return world_find_endpoint(rq->world, rq->endpoint, e);
}

static int on_event_scope(void *arg, const struct event *ev)
{
	struct request *rq = arg;

	str_copy(rq->project, sizeof rq->project, ev->project ? ev->project : "");
	return 0;
}

static int find_by_number(struct request *rq, struct err *e)
{
	struct rollout_row rollout;
	struct proposal_row proposal;
	struct alert_row alert;
	int found;

	if (field_parse_int(rq->param[0], &rq->number) != 0 || rq->number == 0) {
		err_set(e, ERR_INVALID, "\"%.40s\" in the path must be a number", rq->param[0]);
		return err_field(e, "path");
	}
	switch (rq->route->scope) {
	case SCOPE_ROLLOUT:
		found = store_find_rollout(rq->world->store, rq->number, &rollout, e);
		if (found == 1)
			str_copy(rq->project, sizeof rq->project, rollout.project);
		break;
	case SCOPE_ALERT:
		found = store_find_alert(rq->world->store, rq->number, &alert, e);
		if (found == 1)
			str_copy(rq->project, sizeof rq->project, alert.project);
		break;
	case SCOPE_PROPOSAL:
		found = store_find_proposal(rq->world->store, rq->number, &proposal, NULL, e);
		if (found == 1)
			str_copy(rq->project, sizeof rq->project, proposal.project);
		break;
	default:
		found = store_find_event(rq->world->store, rq->number, on_event_scope, rq, e);
	}
	if (found < 0)
		return found;
	if (!found)
		return err_set(e, ERR_NOT_FOUND, "there is no %s %lld",
			rq->route->scope == SCOPE_ROLLOUT    ? "rollout"
			: rq->route->scope == SCOPE_ALERT    ? "alert"
			: rq->route->scope == SCOPE_PROPOSAL ? "proposal"
							     : "change",
			(long long)rq->number);
	return 0;
}

struct version_search {
	const char *name;
	char project[NAME_SIZE];
	int hits;
};

static int note_version(void *arg, const struct version_row *r)
{
	struct version_search *s = arg;

	if (strcmp(r->name, s->name) == 0) {
		str_copy(s->project, sizeof s->project, r->project);
		s->hits++;
	}
	return 0;
}

/* A name alone is enough where only one project has it, as with endpoints. */
static int find_version_project(struct request *rq, struct err *e)
{
	struct version_search s = {.name = rq->param[0]};
	int rc = store_list_versions(rq->world->store, NULL, note_version, &s, e);

	if (rc < 0)
		return rc;
	if (s.hits == 0)
		return err_set(e, ERR_NOT_FOUND, "there is no version %.60s", rq->param[0]);
	if (s.hits > 1) {
		err_set(e, ERR_CONFLICT, "several projects have a version %.60s", rq->param[0]);
		return err_hint(e, "say PROJECT/NAME");
	}
	str_copy(rq->param[1], sizeof rq->param[1], rq->param[0]);
	str_copy(rq->project, sizeof rq->project, s.project);
	return 0;
}

/* PROJECT~NAME or PROJECT/NAME of a version: the project is cut off, the name stays in param 1. */
static int split_version(struct request *rq, struct err *e)
{
	size_t n = strcspn(rq->param[0], "~/");

	if (field_check_text("the version in the path", FIELD_ID, rq->param[0], e) != 0)
		return e->code;
	if (!rq->param[0][n])
		return find_version_project(rq, e);
	str_copy(rq->param[1], sizeof rq->param[1], rq->param[0] + n + 1);
	rq->param[0][n] = '\0';
	str_copy(rq->project, sizeof rq->project, rq->param[0]);
	return 0;
}

/* Finds what the path is about and its project. */
static int find_scope(struct request *rq, struct err *e)
{
	struct live_endpoint *ep;
	const char *project;

	switch (rq->route->scope) {
	case SCOPE_ENDPOINT:
		if (field_check_text("the endpoint in the path", FIELD_ID, rq->param[0], e) != 0)
			return e->code;
		ep = world_find_endpoint(rq->world, rq->param[0], e);
		if (!ep)
			return e->code;
		str_copy(rq->endpoint, sizeof rq->endpoint, ep->row.id);
		str_copy(rq->project, sizeof rq->project, ep->row.project);
		return 0;
	case SCOPE_ROLLOUT:
	case SCOPE_CHANGE:
	case SCOPE_ALERT:
	case SCOPE_PROPOSAL:
		return find_by_number(rq, e);
	case SCOPE_VERSION:
		return split_version(rq, e);
	case SCOPE_PROJECT:
		project = request_query(rq, "project");
		str_copy(rq->project, sizeof rq->project, project ? project : "");
		return 0;
	case SCOPE_ALL:
	case SCOPE_SPEC:
	case SCOPE_LINE:
		break;
	}
	return 0;
}

/* The caller's permissions where rq->project is known (or everywhere). */
static void grant(struct request *rq)
{
	rq->caller = rq->peer;
	rq->caller.via = rq->via[0] == 'c' && strcmp(rq->via, "console") == 0 ? "console"
			 : strcmp(rq->via, "command") == 0		      ? "command"
									      : "api";
	auth_grant(rq->world, rq->project[0] ? rq->project : NULL, &rq->caller);
	if (rq->as[0]) {
		rq->caller.permissions &= role_permissions(rq->as);
		str_copy(rq->caller.role, sizeof rq->caller.role, rq->as);
	}
}

/* Who it is at all: union over projects, lowered by --as. */
static int identify(struct request *rq, struct err *e)
{
	struct caller c = rq->peer;
	int code = 0;

	auth_grant(rq->world, NULL, &c);
	if (rq->as[0])
		code = auth_lower(&c, rq->as, e);
	rq->everywhere = c.permissions;
	rq->caller = c;
	if (code != 0)
		return code;
	/* A stranger learns nothing, not even which numbers exist. */
	return request_need(rq, rq->route->permission, e);
}

static int read_headers(struct request *rq, struct err *e)
{
	const char *text = rq->if_match;
	char digits[40];
	size_t n;

	if (strncmp(text, "W/", 2) == 0)
		text += 2;
	n = strlen(text);
	if (n >= 2 && text[0] == '"' && text[n - 1] == '"') {
		text++;
		n -= 2;
	}
	snprintf(digits, sizeof digits, "%.*s", (int)n, text);
	if (n && strcmp(digits, "*") != 0 && field_parse_int(digits, &rq->revision) != 0) {
		err_set(e, ERR_INVALID, "If-Match must be the revision that was seen, a number");
		return err_field(e, "If-Match");
	}
	for (const char *p = rq->idempotency; *p; p++)
		if (*p <= ' ' || *p > '~') {
			err_set(e, ERR_INVALID,
				"Idempotency-Key must be printable ASCII without spaces");
			return err_field(e, "Idempotency-Key");
		}
	text = request_query(rq, "dry_run");
	rq->dry_run = text && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0);
	return 0;
}

static int open_upload(struct request *rq, struct err *e)
{
	snprintf(rq->upload, sizeof rq->upload, "%s/run/upload/XXXXXX", rq->world->home);
	rq->upload_fd = mkostemp(rq->upload, O_CLOEXEC);
	if (rq->upload_fd < 0) {
		err_set(e, ERR_FAILED, "cannot keep the upload in %s: %m", rq->upload);
		rq->upload[0] = '\0';
		return e->code;
	}
	return 0;
}

/* Acts are refused to a program that is too far from us to mean the same, and while we are on
 * probation, as what is done now might be taken back. */
static int check_act(const struct request *rq, struct err *e)
{
	int newer;

	if (!rq->route->mutates)
		return 0;
	/* Between programs that are far apart the upgrade is the remedy. */
	if (rq->api_version[0] && strcmp(rq->route->pattern, PATH_UPGRADE) != 0 &&
		version_reach_of(rq->api_version, &newer) == VERSION_FAR) {
		err_set(e, ERR_VERSION,
			"this program speaks API %s and the engine (%s) API %s: too far apart for "
			"acts, reading works",
			rq->api_version, version_program(), version_api());
		return err_hint(e, newer ? "upgrade the engine: pithead engine upgrade"
					 : "use the engine's program, or install a newer one");
	}
	if (rq->world->probation) {
		err_set(e, ERR_UNAVAILABLE,
			"the engine has just been upgraded and is not yet known to be healthy");
		return err_hint(e, "try again in some seconds");
	}
	return 0;
}

void request_begin(struct request *rq)
{
	struct err e = {0};

	if (rq->done)
		return;
	if (router_find(rq, &e) != 0 || identify(rq, &e) != 0 || router_check_query(rq, &e) != 0 ||
		read_headers(rq, &e) != 0 || find_scope(rq, &e) != 0) {
		request_fail(rq, &e);
		return;
	}
	grant(rq);
	if (request_need(rq, rq->route->permission, &e) != 0 || check_act(rq, &e) != 0 ||
		(rq->route->upload && open_upload(rq, &e) != 0))
		request_fail(rq, &e);
}

int64_t request_body_limit(const struct request *rq)
{
	return rq->route && rq->route->upload ? UPLOAD_MOST : JSON_MOST;
}

static void add_upload(struct request *rq, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t put = write(rq->upload_fd, data, n);
		struct err e;

		if (put < 0) {
			err_set(&e, ERR_DISK_FULL, "the upload cannot be kept: %m");
			request_fail(rq, &e);
			return;
		}
		data += put;
		n -= (size_t)put;
	}
}

void request_add_body(struct request *rq, const void *data, size_t n)
{
	rq->upload_bytes += (int64_t)n;
	if (rq->upload_bytes > request_body_limit(rq)) {
		rq->body_too_large = 1;
		return;
	}
	if (rq->done)
		return; /* refused already: the rest is read and dropped */
	if (rq->upload_fd >= 0)
		add_upload(rq, data, n);
	else
		buf_add(&rq->body_text, data, n);
}

/* An auditor's reading of details is itself an event. */
static void note_reading(struct request *rq)
{
	char subject[160];

	if (!rq->route->noted || strcmp(rq->caller.role, "auditor") != 0)
		return;
	snprintf(subject, sizeof subject, "path:%.150s", rq->path);
	notes_add_reading(rq->api->notes, &rq->caller, rq->id, subject);
}

static int read_body(struct request *rq, struct err *e)
{
	static const struct field none[] = {{0}};
	const struct route *r = rq->route;

	if (rq->body_too_large)
		return err_set(e, ERR_TOO_LARGE, "the body is larger than %lld bytes",
			(long long)request_body_limit(rq));
	if (r->upload || strcmp(r->method, "GET") == 0) {
		if (rq->body_text.len)
			return err_set(e, ERR_INVALID, "a GET takes no body");
		return 0;
	}
	rq->body = body_parse(
		buf_text(&rq->body_text), rq->body_text.len, r->body ? r->body : none, e);
	return rq->body ? 0 : e->code;
}

/* The text in the body says which project an apply is about. */
static int scope_of_spec(struct request *rq, struct err *e)
{
	const char *text = body_str(rq->body, "spec");
	struct spec_faults faults = {0};
	struct spec *spec = spec_parse(text, strlen(text), "pithead.yaml", &faults, NULL);

	spec_faults_release(&faults);
	/* A faulty text has no project; the handler answers with the faults. */
	if (spec)
		str_copy(rq->project, sizeof rq->project, spec->project);
	spec_free(spec);
	grant(rq);
	return request_need(rq, rq->route->permission, e);
}

/* A body that names an endpoint is about that one's project. */
static int scope_of_line(struct request *rq, struct err *e)
{
	const char *name = body_str(rq->body, "endpoint");
	struct live_endpoint *ep;

	if (!name || !*name)
		return 0;
	ep = world_find_endpoint(rq->world, name, e);
	if (!ep)
		return e->code;
	str_copy(rq->endpoint, sizeof rq->endpoint, ep->row.id);
	str_copy(rq->project, sizeof rq->project, ep->row.project);
	grant(rq);
	return request_need(rq, rq->route->permission, e);
}

static int run(struct request *rq, struct err *e)
{
	if (read_body(rq, e) != 0)
		return e->code;
	if (rq->route->scope == SCOPE_LINE && scope_of_line(rq, e) != 0)
		return e->code;
	if (rq->route->scope == SCOPE_SPEC && scope_of_spec(rq, e) != 0)
		return e->code;
	if (rq->route->need && request_need(rq, rq->route->need(rq), e) != 0)
		return e->code;
	note_reading(rq);
	return (rq->api->spy ? rq->api->spy : rq->route->handler)(rq, e);
}

static void conclude(struct request *rq, int code, const struct err *e)
{
	if (code == REQUEST_WAIT)
		return;
	rq->poll = NULL;
	/* An answer without a status is a handler's fault: told as such, never sent as it is. */
	if (code < 0 || rq->reply.status == 0)
		request_fail(rq, e);
	rq->done = 1;
}

void request_finish(struct request *rq)
{
	struct err e = {0};

	if (!rq->done)
		conclude(rq, run(rq, &e), &e);
}

void request_poll(struct request *rq, int64_t mono_us)
{
	struct err e = {0};

	if (rq->done || !rq->poll)
		return;
	conclude(rq, rq->poll(rq, mono_us >= rq->deadline_us, &e), &e);
}
