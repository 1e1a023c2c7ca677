/* codec_engine.c: the engine itself, the caller, projects and settings as JSON. */
#include "backend/api/codec.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/api/auth.h"
#include "backend/api/closed_list.h"
#include "backend/base/json.h"

static void put_owner(cJSON *o)
{
	struct passwd entry, *found = NULL;
	char text[4096], name[32];

	if (getpwuid_r(geteuid(), &entry, text, sizeof text, &found) == 0 && found) {
		json_put_str(o, "owner", found->pw_name);
		return;
	}
	snprintf(name, sizeof name, "uid %ld", (long)geteuid());
	json_put_str(o, "owner", name);
}

static void put_gateway(cJSON *o, struct world *w)
{
	cJSON *g = json_put_object(o, "gateway");
	struct gateway_info info = {0};
	/* Asked only when it answered lately: a dead gateway must not slow this answer down. */
	int up = w->gateway && w->gateway_up && gateway_get_info(w->gateway, &info, NULL) == 0;

	json_put_bool(g, "up", up);
	json_put_int(g, "pid", info.pid);
	json_put_int(g, "generation", info.generation);
	json_put_str(g, "version", info.version);
	json_put_int(g, "dropped_logs", info.dropped_logs);
}

static void put_ingest(cJSON *o, struct world *w)
{
	struct ingest_counts c =
		w->ingest ? ingest_get_counts(w->ingest) : (struct ingest_counts){0};
	cJSON *i = json_put_object(o, "ingest");

	json_put_int(i, "received", c.received);
	json_put_int(i, "parsed", c.parsed);
	json_put_int(i, "bad", c.bad);
	json_put_int(i, "ring_full", c.ring_full);
	json_put_int(i, "lost", c.lost);
}

static void put_schema(cJSON *o)
{
	cJSON *s = json_put_object(o, "schema");
	int64_t state, telemetry;

	store_schema(&state, &telemetry);
	json_put_int(s, "state", state);
	json_put_int(s, "telemetry", telemetry);
}

/* null: none is on its way, and the last one did not fail. */
static void put_upgrade(cJSON *o, const struct world *w)
{
	const struct upgrade_note *n = &w->upgrade.note;
	cJSON *u;

	if (n->phase == UPGRADE_NONE) {
		json_put_str(o, "upgrade", NULL);
		return;
	}
	u = json_put_object(o, "upgrade");
	json_put_str(u, "phase", upgrade_phase_name(n->phase));
	json_put_str(u, "from_version", n->from_version);
	json_put_str(u, "to_version", n->to_version);
	json_put_str(u, "to_build", n->to_build);
	json_put_str(u, "backup", n->backup);
	json_put_str(u, "why", n->why[0] ? n->why : NULL);
	json_put_int(u, "at_us", n->at_us);
}

struct open_proposals {
	struct world *w;
	int count;
	int64_t newest;
};

static int count_open(void *arg, const struct proposal_row *r)
{
	struct open_proposals *p = arg;

	if (strcmp(proposal_state(p->w, r), "open") != 0)
		return 0;
	p->count++;
	if (r->id > p->newest)
		p->newest = r->id;
	return 0;
}

/* What waits for another person; the newest, 0 = none. */
static void put_proposals(cJSON *o, struct world *w)
{
	struct open_proposals p = {.w = w};

	(void)store_list_proposals(w->store, 1, 100, count_open, &p, NULL);
	json_put_int(o, "proposals_open", p.count);
	json_put_int(o, "proposal_newest", p.newest);
}

struct cJSON *codec_engine(struct world *w, int brief)
{
	cJSON *o = cJSON_CreateObject();
	int64_t now = clock_wall_us(&w->clock);
	char host[256] = "";
	char stopped[240], where[ID_SIZE];

	gethostname(host, sizeof host - 1);
	json_put_str(o, "version", version_program());
	json_put_str(o, "build", w->build);
	json_put_int(o, "api", VERSION_API_MAJOR);
	json_put_str(o, "api_version", version_api());
	json_put_int(o, "pid", getpid());
	json_put_str(o, "host", host);
	json_put_str(o, "kind", w->team ? "team" : "personal");
	json_put_int(o, "started_us", w->started_us);
	json_put_int(o, "head", store_head(w->store));
	json_put_bool(o, "hold", w->hold);
	line_describe(w, stopped, sizeof stopped, where);
	json_put_str(o, "stopped", stopped);
	json_put_str(o, "stopped_where", where);
	put_proposals(o, w);
	json_put_int(o, "now_us", now);
	if (brief) {
		json_put_bool(o, "gateway_up", w->gateway_up);
		return o;
	}
	json_put_str(o, "home", w->home);
	put_owner(o);
	put_schema(o);
	put_upgrade(o, w);
	json_put_int(o, "uptime_s", (now - w->started_us) / 1000000);
	json_put_bool(o, "stopping", w->stopping);
	json_put_str(o, "limits", runner_limits_name(runner_limits_kind()));
	put_gateway(o, w);
	put_ingest(o, w);
	return o;
}

static void add_command(void *list, const char *command)
{
	cJSON_AddItemToArray(list, cJSON_CreateString(command));
}

struct cJSON *codec_whoami(const struct request *rq)
{
	const struct caller *c = &rq->caller;
	const char *held[8];
	int count = auth_roles(rq->world, &rq->peer, held, 8);
	cJSON *o = cJSON_CreateObject(), *list;

	json_put_int(o, "uid", c->uid);
	json_put_str(o, "user", c->user);
	json_put_int(o, "login_uid", c->login_uid);
	json_put_str(o, "role", c->role);
	list = json_put_array(o, "roles");
	for (int i = 0; i < count; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(held[i]));
	list = json_put_array(o, "permissions");
	for (unsigned bit = 1; bit & PERM_ALL; bit <<= 1)
		if (c->permissions & bit)
			cJSON_AddItemToArray(list, cJSON_CreateString(permission_name(bit)));
	json_put_str(o, "as", rq->as[0] ? rq->as : NULL);
	json_put_bool(o, "engine_owner", auth_is_owner(c));
	list = cJSON_CreateArray();
	if (closed_list_each(rq->world, c, add_command, list)) {
		cJSON_AddItemToObject(o, "only", list);
	} else {
		json_put_str(o, "only", NULL);
		cJSON_Delete(list);
	}
	return o;
}

struct cJSON *codec_project(const struct live_project *p)
{
	cJSON *o = cJSON_CreateObject();

	json_put_str(o, "project", p->spec.project);
	json_put_str(o, "owner", p->access ? p->access->owner : "");
	json_put_int(o, "spec_seq", p->spec.seq);
	json_put_str(o, "digest", p->spec.digest);
	json_put_str(o, "commit", p->spec.commit);
	json_put_bool(o, "dirty", p->spec.dirty);
	json_put_int(o, "applied_us", p->spec.at_us);
	json_put_str(o, "author", p->spec.author);
	return o;
}

struct cJSON *codec_settings(const struct settings *s)
{
	cJSON *a = cJSON_CreateArray();

	for (const struct setting_row *r = setting_rows; r->name; r++) {
		cJSON *o = cJSON_CreateObject();

		json_put_str(o, "name", r->name);
		json_put_int(o, "value", settings_get(s, r));
		json_put_int(o, "default", r->value);
		json_put_int(o, "least", r->least);
		json_put_int(o, "most", r->most);
		json_put_str(o, "unit", r->unit);
		json_put_str(o, "help", r->help);
		cJSON_AddItemToArray(a, o);
	}
	return a;
}
