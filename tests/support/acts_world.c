/* acts_world.c: see acts_world.h. */
#include "tests/support/acts_world.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/acts/change.h"
#include "backend/acts/reconcile.h"
#include "backend/adapters/gateway_fake.h"
#include "backend/audit/verify.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"

#define NOON   INT64_C(1763985600000000)
#define PEOPLE 5

const struct caller *acts_person(const char *name)
{
	static struct caller people[PEOPLE] = {
		{.uid = 1001, .login_uid = 1001, .user = "ada"},
		{.uid = 1002, .login_uid = 1002, .user = "ben"},
		{.uid = 1003, .login_uid = 1003, .user = "cas"},
		{.uid = 1004, .login_uid = 1002, .user = "ben2"},
		{.uid = 0, .login_uid = 1009, .user = "root"},
	};

	for (int i = 0; i < PEOPLE; i++)
		if (strcmp(people[i].user, name) == 0) {
			people[i].permissions = ~0u;
			people[i].via = "command";
			str_copy(people[i].role, sizeof people[i].role, "operator");
			return &people[i];
		}
	must(!"a known person");
	return NULL;
}

/* Below the range of outgoing connections, each program from a place of its own, and none twice:
 * nobody listens on a world's ports, so that only this remembers whose they are. */
void acts_free_ports(int *out, int count)
{
	static int next;
	int found = 0;

	if (!next)
		next = 12000 + (int)getpid() % 40 * 500;
	while (found < count) {
		struct sockaddr_in in = {.sin_family = AF_INET,
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
			.sin_port = htons((uint16_t)next)};
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (bind(fd, (struct sockaddr *)&in, sizeof in) == 0)
			out[found++] = next;
		close(fd);
		next = next < 32500 ? next + 1 : 12000;
	}
}

struct shape {
	int port, steps; /* steps: minutes of the last one */
	int late;	 /* outcomes come three days later, and are judged */
	int segmented;
};

static void add_endpoint(struct buf *b, const char *name, const char *tier, struct shape s)
{
	buf_addf(b,
		"  %s:\n    environment: production\n    tier: %s\n    listen: 127.0.0.1:%d\n"
		"    key: header X-Flight\n    segment: json origin\n    score: json probability\n"
		"    outcome: late within %s\n%s    versions:\n",
		name, tier, s.port, s.late ? "3d" : "6h", s.late ? "    task: binary\n" : "");
	for (int v = 1; v <= 4; v++)
		buf_addf(b, "      v%d:\n        upstream: 127.0.0.1:%d\n", v, 9000 + v);
	if (s.segmented)
		buf_adds(b, "    rollout:\n      pattern: segmented\n      segments: [SFO, ORD]\n"
			    "      steps: [10% 1m, 50% 1m]\n");
	else
		buf_addf(b,
			"    rollout:\n      steps: [1%% 2m, 5%% 5m, 25%% %dm]\n"
			"      keep-hot: %s\n",
			s.steps, s.late ? "7d" : "24h");
}

void acts_spec(const struct acts_world *x, const char *name, struct buf *out)
{
	int clash = strcmp(name, "clash") == 0, late = strcmp(name, "late") == 0;

	buf_addf(out, "project: %s\n", clash ? "trains" : "flights");
	if (strcmp(name, "bad") == 0)
		buf_adds(out, "projekt: flights\n");
	if (strcmp(name, "same") == 0)
		buf_adds(out, "# nothing but a comment\n");
	if (strcmp(name, "access") == 0 || strcmp(name, "access1") == 0 ||
		strcmp(name, "lax1") == 0)
		buf_adds(out, "access:\n  operator: [root]\n");
	if (strcmp(name, "robots") == 0)
		buf_adds(out, "accounts:\n  ben: robot\n");
	buf_adds(out, "endpoints:\n");
	add_endpoint(out, "delay", "low",
		(struct shape){x->ports[0],
			strcmp(name, "lax1") == 0    ? 1
			: strcmp(name, "steps") == 0 ? 7
						     : 5,
			late, strcmp(name, "segmented") == 0});
	if (!strchr(name, '1') && strcmp(name, "one") != 0 && !clash)
		add_endpoint(out, "rebook", strcmp(name, "tier") ? "high" : "low",
			(struct shape){x->ports[1], 5, late, 0});
	if (strcmp(name, "more") == 0)
		add_endpoint(out, "fares", "medium", (struct shape){x->ports[2], 5, 0, 0});
	buf_adds(out, "tiers:\n  high:\n    approvals: 2\n");
	if (strcmp(name, "tight") == 0)
		buf_adds(out, "    soak: 5m\n    step-most: 50%\n");
	if (strcmp(name, "window") == 0)
		buf_adds(out, "    freeze: Fri 16:00 .. Mon 08:00 Europe/Lundon\n");
	if (strcmp(name, "frozen") == 0) /* the world begins on a Monday at 12:00 UTC */
		buf_adds(out, "    freeze: Mon 09:00 .. Mon 18:00 UTC\n  low:\n"
			      "    freeze: daily 22:00 .. 06:00 UTC\n");
	if (strcmp(name, "promote") == 0)
		buf_adds(out, "    approve: promote\n");
	if (strcmp(name, "both") == 0)
		buf_adds(out, "    approve: both\n");
	if (strcmp(name, "signals") == 0)
		buf_adds(out, "    signals: [score_shift, latency_p50]\n");
}

static void fail(struct acts_world *x, const char *what)
{
	fprintf(stderr, "acts_world: %s: %s\n", what, x->e.message);
	abort();
}

void acts_world_new(struct acts_world *x)
{
	char path[320];

	*x = (struct acts_world){.by = acts_person("ada"), .dry = 1};
	log_set_level(LOG_LEVEL_ERROR);
	snprintf(x->w.home, sizeof x->w.home, "/tmp/pithead-acts-XXXXXX");
	must(mkdtemp(x->w.home));
	settings_init(&x->w.settings);
	x->w.clock = clock_fake(NOON);
	x->w.store = store_open(x->w.home, &x->w.settings, &x->w.clock, 0, &x->e);
	snprintf(path, sizeof path, "%s/log.sock", x->w.home);
	x->w.ingest = ingest_open(path, 1024, &x->e);
	if (!x->w.store || !x->w.ingest)
		fail(x, "open");
	x->w.gateway = gateway_fake_new();
	acts_free_ports(x->ports, 3);
	if (reconcile_start(&x->w, &x->e) || acts_do(x, "apply base"))
		fail(x, "apply");
	for (int i = 0; i < x->w.endpoint_count; i++) {
		x->ep = x->w.endpoints[i];
		if (acts_do(x, "rollback v1") || acts_do(x, "tick 3") ||
			strcmp(x->ep->row.stable, "v1") != 0)
			fail(x, "first version");
	}
	acts_do(x, "on delay");
	acts_check(x);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

void acts_world_free(struct acts_world *x)
{
	char home[256];

	str_copy(home, sizeof home, x->w.home);
	world_release(&x->w);
	nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int apply(struct acts_world *x, const struct act *a, const char *name)
{
	struct buf text = {0};
	struct apply_request req = {.commit = "", .base = x->revision ? x->revision : -1};
	int rc;

	acts_spec(x, name, &text);
	req.text = buf_text(&text);
	req.size = text.len;
	rc = act_apply(&x->w, a, &req, &x->r, &x->e);
	buf_release(&text);
	return rc;
}

static int dispatch(
	struct acts_world *x, const char *verb, const char *one, const char *two, int dry)
{
	struct act a = {
		.caller = x->by, .reason = "a test", .revision = x->revision, .dry_run = dry};
	struct rollout_request req = {.to = one, .share_bp = two ? atoi(two) : -1};
	int64_t ms = 0;

	x->e = (struct err){0};
	if (strcmp(verb, "start") == 0)
		return act_rollout_start(&x->w, &a, x->ep, &req, &x->r, &x->e);
	if (strcmp(verb, "rollback") == 0)
		return act_rollback(&x->w, &a, x->ep, one, &x->r, &x->e);
	if (strcmp(verb, "override") == 0)
		return act_override(&x->w, &a, x->ep, one, two ? atoi(two) : -1, &x->r, &x->e);
	if (strcmp(verb, "drain") == 0 || strcmp(verb, "ready") == 0)
		return act_server(
			&x->w, &a, x->ep, one, two, strcmp(verb, "drain") == 0, &x->r, &x->e);
	if (strcmp(verb, "undo") == 0)
		return act_undo(&x->w, &a, one ? atoll(one) : x->seq, &x->r, &x->e);
	if (strcmp(verb, "ack") == 0)
		return act_alert_ack(&x->w, &a, atoll(one), &x->r, &x->e);
	if (strcmp(verb, "apply") == 0)
		return apply(x, &a, one);
	if (strcmp(verb, "freeze") == 0)
		return act_freeze(&x->w, &a, one ? x->ep : NULL, &x->r, &x->e);
	if (strcmp(verb, "unfreeze") == 0)
		return act_unfreeze(&x->w, &a, one ? x->ep : NULL, &x->r, &x->e);
	if (strcmp(verb, "overrule") == 0 && duration_parse(one, &ms) == 0)
		return act_override_freeze(&x->w, &a, x->ep, ms, &x->r, &x->e);
	if (strcmp(verb, "yes") == 0)
		return act_proposal_approve(&x->w, &a, x->proposal, &x->r, &x->e);
	if (strcmp(verb, "no") == 0)
		return act_proposal_reject(&x->w, &a, x->proposal, &x->r, &x->e);
	return act_rollout_verb(&x->w, &a, x->rollout, verb, one ? atoi(one) : -1, &x->r, &x->e);
}

static int dump_rollout(void *arg, const struct rollout_row *r)
{
	buf_addf(
		arg, "#%" PRId64 " %s %d %" PRId64 "\n", r->id, r->state, r->share_bp, r->revision);
	return 0;
}

static int dump_override(void *arg, const struct override_row *r)
{
	buf_addf(arg, "%s %d %" PRId64 "\n", r->segment, r->share_bp, r->revision);
	return 0;
}

static int dump_approval(void *arg, const struct approval_row *r)
{
	buf_addf(arg, "by %s of %" PRId64 "\n", r->user, r->rollout);
	return 0;
}

static int dump_hold(void *arg, const struct hold_row *r)
{
	buf_addf(arg, "%s of %s until %" PRId64 "\n", r->kind, r->scope, r->until_us);
	return 0;
}

static int dump_proposal(void *arg, const struct proposal_row *r)
{
	buf_addf(arg, "proposal %" PRId64 " %s\n", r->id, r->state);
	return 0;
}

/* Everything that an act may write, as text. */
static char *dump(struct acts_world *x)
{
	struct buf b = {0};
	char state[400];

	buf_addf(&b, "head %" PRId64 "\n", store_head(x->w.store));
	for (int i = 0; i < x->w.endpoint_count; i++) {
		const struct live_endpoint *ep = x->w.endpoints[i];
		state_format(&ep->row, NULL, state, sizeof state);
		buf_addf(&b, "%s %s %" PRId64 "\n", ep->row.id, state, ep->row.revision);
		store_list_overrides(x->w.store, ep->row.id, dump_override, &b, NULL);
	}
	store_list_rollouts(x->w.store, NULL, 0, 0, 1000, dump_rollout, &b, NULL);
	store_list_approvals(x->w.store, x->rollout, dump_approval, &b, NULL);
	store_list_holds(x->w.store, dump_hold, &b, NULL);
	store_list_proposals(x->w.store, 0, 0, dump_proposal, &b, NULL);
	buf_addf(&b, "%d votes\n", proposal_votes(&x->w, x->proposal));
	return buf_detach(&b);
}

static int act(struct acts_world *x, const char *verb, const char *one, const char *two)
{
	int64_t head = store_head(x->w.store);
	int rc, tried = 1;

	if (x->dry) {
		char *before = dump(x), *after;
		tried = dispatch(x, verb, one, two, 1);
		must(x->r.seq == 0);
		after = dump(x);
		must(strcmp(before, after) == 0); /* a dry run writes nothing */
		free(before);
		free(after);
	}
	rc = dispatch(x, verb, one, two, 0);
	must(!x->dry || rc == tried); /* and says what would come of it */
	if (rc)
		must(store_head(x->w.store) == head && x->e.code == rc && x->e.message[0]);
	else
		x->seq = x->r.seq ? x->r.seq : x->seq;
	if (!rc && x->r.rollout)
		x->rollout = x->r.rollout;
	if (!rc && x->r.proposal)
		x->proposal = x->r.proposal;
	return rc;
}

static int newest(void *arg, const struct rollout_row *r)
{
	*(int64_t *)arg = r->id;
	return 1;
}

static const char *first_server(const struct live_endpoint *ep, int slot)
{
	for (int i = 0; i < ep->server_count; i++)
		if (ep->servers[i].slot == slot)
			return ep->servers[i].name;
	return "";
}

static int control(struct acts_world *x, const char *verb, const char *one, const char *two)
{
	int n = one ? atoi(one) : 1, slot;
	int64_t ms = 0;

	if (strcmp(verb, "on") == 0) {
		x->ep = world_find_endpoint(&x->w, one, NULL);
		must(x->ep);
		store_list_rollouts(x->w.store, x->ep->row.id, 0, 0, 1, newest, &x->rollout, NULL);
	} else if (strcmp(verb, "by") == 0) {
		x->by = acts_person(one);
	} else if (strcmp(verb, "tick") == 0) {
		for (int i = 0; i < n; i++)
			reconcile_tick(&x->w);
	} else if (strcmp(verb, "pass") == 0) {
		must(duration_parse(one, &ms) == 0);
		x->w.clock.fake_wall_us += ms * 1000;
		x->w.clock.fake_mono_us += ms * 1000;
	} else if (strcmp(verb, "fail") == 0) {
		gateway_fake_fail(x->w.gateway, n, "the gateway does not answer");
	} else if (strcmp(verb, "kill") == 0) {
		gateway_fake_kill(x->w.gateway);
	} else if (strcmp(verb, "seen") == 0) {
		x->revision = one ? n : 0;
	} else if (strcmp(verb, "server") == 0) {
		slot = slot_find(x->ep, one);
		must(gateway_fake_server(x->w.gateway, x->ep->row.id, slot,
			     first_server(x->ep, slot), two, 0) == 0);
	} else {
		return 1;
	}
	return 0;
}

int acts_do(struct acts_world *x, const char *words)
{
	char line[200], *save = NULL, *verb, *one, *two;
	char id[ID_SIZE] = "";
	int rc;

	str_copy(line, sizeof line, words);
	verb = strtok_r(line, " ", &save);
	one = strtok_r(NULL, " ", &save);
	two = strtok_r(NULL, " ", &save);
	if (control(x, verb, one, two) == 0)
		return 0;
	if (x->ep)
		str_copy(id, sizeof id, x->ep->row.id);
	rc = act(x, verb, one, two);
	if (id[0])
		x->ep = world_find_endpoint(&x->w, id, NULL);
	return rc;
}

void acts_look(struct acts_world *x, char *out, size_t size)
{
	struct gateway_route g = {0};
	struct rollout_row r = {0};
	struct err e = {0};

	if (gateway_get_route(x->w.gateway, x->ep->row.id, &g, &e))
		str_copy(g.stable_version, sizeof g.stable_version, "?");
	store_find_rollout(x->w.store, x->rollout, &r, NULL);
	snprintf(out, size, "%s>%s %d %s", g.stable_version, g.candidate_version,
		g.gate ? g.share_bp : 0, r.state);
}

static int count(void *arg, const struct event *ev)
{
	(void)ev;
	(*(int *)arg)++;
	return 0;
}

int acts_changes(struct acts_world *x, int64_t after)
{
	struct event_query q = {.after = after, .limit = 1000, .ascending = 1, .changes_only = 1};
	int64_t next;
	int n = 0;

	must(store_query_events(x->w.store, &q, count, &n, &next, NULL) == 0);
	return n;
}

struct alerts {
	const char *kind;
	struct alert_row *last;
	int count;
};

static int on_alert(void *arg, const struct alert_row *r)
{
	struct alerts *a = arg;

	if (strcmp(a->kind, r->kind) != 0)
		return 0;
	if (a->last && a->count == 0) /* the newest comes first */
		*a->last = *r;
	a->count++;
	return 0;
}

int acts_alerts(struct acts_world *x, const char *kind, struct alert_row *last)
{
	struct alerts a = {kind, last, 0};

	must(store_list_alerts(x->w.store, 0, 1000, on_alert, &a, NULL) >= 0);
	return a.count;
}

static int count_active(void *arg, const struct rollout_row *r)
{
	const struct live_endpoint *ep = arg;
	int state = fsm_state_find(&rollout_fsm, r->state);

	/* The endpoint names its rollout; one that only waits for a proof is named by `proving`. */
	must(state >= 0 && !rollout_state_ended(state));
	must(r->id == ep->row.rollout || r->id == ep->proving);
	must((r->id == ep->row.rollout) ==
		(state != ROLLOUT_ABORTING && state != ROLLOUT_PROMOTING));
	must(r->ended_us == 0 && r->share_bp >= 0 && r->share_bp <= SHARE_ALL);
	if (r->id == ep->row.rollout && ep->row.gate)
		must(r->share_bp == ep->row.share_bp &&
			strcmp(r->to_version, ep->row.candidate) == 0);
	return 0;
}

static void check_rows(struct acts_world *x, struct live_endpoint *ep)
{
	struct endpoint_row row;
	struct rollout_row r;

	must(store_find_endpoint(x->w.store, ep->row.id, &row, NULL) == 1);
	must(row.revision == ep->row.revision && row.rollout == ep->row.rollout &&
		row.share_bp == ep->row.share_bp && row.gate == ep->row.gate &&
		strcmp(row.stable, ep->row.stable) == 0 &&
		strcmp(row.candidate, ep->row.candidate) == 0);
	must(row.share_bp >= 0 && row.share_bp <= SHARE_ALL);
	must(!row.rollout == !row.candidate[0]);
	must(row.rollout || !row.gate);
	must(!row.rollout || store_find_rollout(x->w.store, row.rollout, &r, NULL) == 1);
	store_list_rollouts(x->w.store, ep->row.id, 1, 0, 1000, count_active, ep, NULL);
}

void acts_check_rows(struct acts_world *x)
{
	for (int i = 0; i < x->w.endpoint_count; i++)
		check_rows(x, x->w.endpoints[i]);
}

static int check_seat(void *arg, const struct override_row *r)
{
	struct acts_world *x = arg;

	/* Those of an earlier rollout match nothing: they may be there or not. */
	if (r->rollout != world_find_endpoint(&x->w, r->endpoint, NULL)->row.rollout)
		return 0;
	must(gateway_fake_override(x->w.gateway, r->endpoint, r->rollout, r->segment) ==
		r->share_bp);
	return 0;
}

void acts_check(struct acts_world *x)
{
	acts_check_rows(x);
	for (int i = 0; i < x->w.endpoint_count; i++) {
		struct live_endpoint *ep = x->w.endpoints[i];
		struct gateway_route want = route_desired(ep), got;
		if (ep->row.removed)
			continue;
		must(gateway_get_route(x->w.gateway, ep->row.id, &got, &x->e) == 0);
		must(route_same(&want, &got));
		must(!ep->overrides_unsent);
		if (ep->row.rollout)
			store_list_overrides(x->w.store, ep->row.id, check_seat, x, NULL);
	}
}

int acts_verify(struct acts_world *x)
{
	struct audit_report report;
	char home[256];

	must(store_checkpoint(x->w.store, 1, &x->e) == 0);
	str_copy(home, sizeof home, x->w.home);
	if (audit_verify(home, &report, NULL, NULL, &x->e))
		fail(x, "verify");
	if (report.finding)
		fprintf(stderr, "verify: %s\n", report.sentence);
	must(report.events == store_head(x->w.store));
	return (int)report.finding;
}
