/* haproxy_propose.c: endpoints from the proxies of a haproxy.cfg. A frontend's default backend is
 * an endpoint; a backend that gets a part of the same traffic is its second version, and so are
 * servers of one backend that have a name or a weight of their own. A route by path, host or header
 * is an endpoint by itself, as an endpoint of pithead has an address of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/host.h"
#include "backend/base/xalloc.h"
#include "backend/intake/haproxy_file.h"

#define ENDPOINTS_MOST 48
#define CANDIDATE_WORDS                                                                            \
	"canary candidate next new beta challenger green v2 v3 experiment experimental treatment " \
	"preview rc"
#define STABLE_WORDS "stable main prod production champion baseline blue v1 current old control"
/* Names that say so of another version, also where the route is a path: /v2 is another API. */
#define TRIED_WORDS   "canary candidate challenger"
#define LIGHT	      4 /* so many times lighter than the heaviest is a candidate's weight */
#define TIMEOUT_MOST  60000
#define TIMEOUT_LEAST 100

static struct haproxy_proxy *backend_find(struct haproxy_file *f, const char *name)
{
	for (int i = 0; i < f->count; i++)
		if (f->proxies[i].kind >= HAPROXY_BACKEND && strcmp(f->proxies[i].name, name) == 0)
			return &f->proxies[i];
	return NULL;
}

/* The condition, and what the named acl in it says. */
static void condition_format(const struct haproxy_proxy *p, const char *condition, struct buf *out)
{
	char *copy = xstrdup(buf_text(&p->acls)), *rest = copy, *acl;

	buf_adds(out, condition);
	while ((acl = strsep(&rest, "\n")) != NULL && out->len < 200) {
		size_t n = strcspn(acl, " ");
		const char *at = n && acl[n] ? condition : NULL;
		char name[64];

		if (!at || n >= sizeof name)
			continue;
		memcpy(name, acl, n);
		name[n] = '\0';
		while ((at = strstr(at, name)) != NULL && at[n] != ' ' && at[n] != '\0')
			at += n;
		if (at)
			buf_addf(out, " (%s: %s)", name, acl + n + 1);
	}
	free(copy);
}

static int is_by_chance(const struct haproxy_proxy *p, const char *condition)
{
	struct buf text = {0};
	int yes;

	condition_format(p, condition, &text);
	yes = strstr(buf_text(&text), "rand(") != NULL || strstr(buf_text(&text), "rand,") != NULL;
	buf_release(&text);
	return yes;
}

/* Whether what is asked for decides: a path or a host, and so another model or another API. */
static int is_by_name(const struct haproxy_proxy *p, const char *condition)
{
	static const char *const names[] = {"path", "url", "base", "hdr(host", "fhdr(host",
		"hdr_dom(host", "hdr_beg(host", "hdr_end(host", "hdr_reg(host", "hdr_sub(host"};
	struct buf text = {0};
	int yes = 0;

	condition_format(p, condition, &text);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		yes |= strcasestr(buf_text(&text), names[i]) != NULL;
	buf_release(&text);
	return yes;
}

/* Where a frontend's traffic goes by a use_backend: to another version of the same model? */
static int is_candidate(
	const struct haproxy_proxy *front, const struct haproxy_use *u, const char *stable)
{
	const char *words = is_by_name(front, u->condition) ? TRIED_WORDS : CANDIDATE_WORDS;

	return is_by_chance(front, u->condition) ||
	       intake_has_word(u->condition, "canary candidate") ||
	       (intake_has_word(u->backend, words) && !intake_has_word(stable, CANDIDATE_WORDS));
}

static void server_note(struct buf *notes, const struct haproxy_server *s, const char *why)
{
	if (s->problem[0])
		intake_note(notes, "server %s is left out: %s", s->name, why);
	else
		intake_note(notes, "server %s (%s:%d) is left out: %s", s->name, s->at.host,
			s->at.port, why);
}

/* Why it gets no traffic today, or cannot; NULL = it can. */
static const char *left_out(const struct haproxy_server *s)
{
	return s->problem[0]	 ? s->problem
	       : s->disabled	 ? "it is disabled"
	       : s->backup	 ? "it is a backup, and pithead uses all servers of a version alike"
	       : s->weight == 0	 ? "its weight is 0"
	       : s->at.port == 0 ? "it has no port"
				 : NULL;
}

static void tls_take(
	struct intake_endpoint *ep, struct intake_version *v, const struct haproxy_server *s)
{
	v->unverified |= !s->verified;
	if (s->certificate[0] && strcmp(s->certificate, s->at.host) != 0 &&
		host_is_valid(s->certificate) && !host_is_address(s->certificate))
		str_copy(v->server_name, sizeof v->server_name, s->certificate);
	if (s->verified && s->ca_file[0] && !strstr(buf_text(&ep->notes), "CA file"))
		intake_note(&ep->notes,
			"%s is verified by the CA file %s: its text belongs here, under "
			"`ca: |`, unless the machine trusts it.",
			s->name, s->ca_file);
}

static void server_place(
	struct intake_endpoint *ep, const char *version, const struct haproxy_server *s)
{
	struct intake_version *v = intake_version(ep, version);
	int added;

	if (!v)
		return;
	if (v->server_count && v->tls != s->tls) {
		server_note(&ep->notes, s, "the others of its version are not of the same scheme");
		return;
	}
	v->tls = s->tls;
	added = intake_server_add(v, s->at.host, s->at.port);
	if (added < 0)
		server_note(&ep->notes, s, "a version has eight servers at most");
	else if (added > 0 && s->tls)
		tls_take(ep, v, s);
	if (added > 0 && s->connections && (!v->connections || s->connections < v->connections))
		v->connections = s->connections;
	if (s->from_dns)
		intake_note(&ep->notes, "%s is a template: its servers are what %s resolves to.",
			s->name, s->at.host);
}

/* Whether the server is the canary of its own backend: by its name, or by its weight. */
static int is_apart(const struct haproxy_proxy *b, const struct haproxy_server *s, int heaviest)
{
	int named = 0;

	for (int i = 0; i < b->server_count; i++)
		named += !left_out(&b->servers[i]) &&
			 intake_has_word(b->servers[i].name, CANDIDATE_WORDS);
	if (named > 0 && named < b->server_count)
		return intake_has_word(s->name, CANDIDATE_WORDS);
	return s->weight > 0 && s->weight * LIGHT <= heaviest;
}

/* The servers of a backend as a version; of one that may have its own canary as two. */
static void servers_place(struct intake_endpoint *ep, struct haproxy_proxy *b, int port,
	const char *version, int may_split)
{
	int heaviest = 0;

	b->used = 1;
	for (int i = 0; i < b->server_count; i++) {
		if (!b->servers[i].problem[0] && b->servers[i].at.port == 0)
			b->servers[i].at.port = port; /* HAProxy takes the client's */
		if (!left_out(&b->servers[i]) && b->servers[i].weight > heaviest)
			heaviest = b->servers[i].weight;
	}
	for (int apart = 0; apart < 1 + may_split; apart++)
		for (int i = 0; i < b->server_count; i++) {
			const struct haproxy_server *s = &b->servers[i];
			int own = may_split && is_apart(b, s, heaviest);

			if (own != apart)
				continue;
			if (left_out(s))
				server_note(&ep->notes, s, left_out(s));
			else
				server_place(ep, own ? "v2" : version, s);
			if (own && !left_out(s) && ep->version_count == 2 && s->weight != heaviest)
				snprintf(ep->versions[1].why, sizeof ep->versions[1].why,
					"%s has weight %d where others have %d", s->name, s->weight,
					heaviest);
			else if (own && !left_out(s) && ep->version_count == 2)
				snprintf(ep->versions[1].why, sizeof ep->versions[1].why,
					"by its name, %s", s->name);
		}
	buf_adds(&ep->notes, buf_text(&b->notes));
}

static int path_fits(const char *path)
{
	return path[0] == '/' && strlen(path) < 120 &&
	       path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "/._-~?&=:+")] == '\0';
}

static void health_choose(struct intake_endpoint *ep, const struct haproxy_proxy *b)
{
	int elsewhere = 0;

	for (int i = 0; i < b->server_count; i++)
		elsewhere = b->servers[i].check_port &&
					    b->servers[i].check_port != b->servers[i].at.port
				    ? b->servers[i].check_port
				    : elsewhere;
	if (!b->checks && elsewhere)
		intake_choose(&ep->health, "tcp",
			"HAProxy connects to port %d, pithead where requests go", elsewhere);
	else if (!b->checks)
		intake_choose(&ep->health, "tcp", "HAProxy only connects as well");
	else if (elsewhere)
		intake_choose(&ep->health, "tcp",
			"HAProxy asks %.60s at port %d, pithead where requests go", b->check_path,
			elsewhere);
	else if (strcmp(b->check_method, "GET") != 0 && strcmp(b->check_method, "HEAD") != 0)
		intake_choose(&ep->health, "tcp", "HAProxy asks %s %.60s; a path must answer a GET",
			b->check_method, b->check_path);
	else if (!path_fits(b->check_path))
		intake_choose(&ep->health, "tcp", "HAProxy asks %.80s, which is no path here",
			b->check_path);
	else
		intake_choose(&ep->health, b->check_path, "as HAProxy asks");
}

/* What servers are asked for; clients now ask at another address than the one they know. */
static void host_choose(struct intake_endpoint *ep, const struct haproxy_proxy *front,
	const struct haproxy_proxy *b)
{
	const char *set = b->host[0] ? b->host : front ? front->host : "";
	const char *host = set[0] ? set : b->checks ? b->check_host : "";

	if (!host[0] || strcmp(host, "localhost") == 0)
		return;
	if (host_is_valid(host) && !host_is_address(host))
		intake_choose(&ep->host, host,
			set[0] ? "the Host header, as HAProxy sets it; health checks too"
			       : "the Host header of HAProxy's health checks; requests too");
	else
		intake_note(&ep->notes, "HAProxy asks its servers for host %s, pithead does not.",
			host);
}

static void timeout_choose(struct intake_endpoint *ep, int64_t ms)
{
	char value[24];
	int64_t fits = ms > TIMEOUT_MOST ? TIMEOUT_MOST : ms < TIMEOUT_LEAST ? TIMEOUT_LEAST : ms;

	if (ms <= 0)
		return;
	snprintf(value, sizeof value, fits % 1000 ? "%lldms" : "%llds",
		(long long)(fits % 1000 ? fits : fits / 1000));
	intake_choose(&ep->timeout, value, "timeout server is %lld ms%s", (long long)ms,
		fits < ms ? "; a minute is the most, but for streams" : "");
}

static void name_choose(struct intake *in, struct intake_endpoint *ep, const char *name)
{
	char base[INTAKE_NAME];
	int again = 1;

	intake_name(name, base);
	if (!base[0])
		str_copy(base, sizeof base, "model");
	str_copy(ep->name, sizeof ep->name, base);
	for (int i = 0; i < in->count; i++)
		if (&in->endpoints[i] != ep && strcmp(in->endpoints[i].name, ep->name) == 0) {
			snprintf(ep->name, sizeof ep->name, "%.58s-%d", base, ++again);
			i = -1;
		}
}

static void rest_choose(struct intake_endpoint *ep, const struct haproxy_proxy *front,
	const struct haproxy_proxy *b)
{
	const char *key = b->key[0] ? b->key : front ? front->key : "";
	char value[INTAKE_PATH + 24];
	const struct intake_version *v = &ep->versions[0];

	if (front && front->bind[0])
		intake_choose(&ep->listen, "", "free; today clients ask %s %s at %.100s",
			front->kind == HAPROXY_LISTEN ? "listen" : "frontend", front->name,
			front->bind);
	health_choose(ep, b);
	host_choose(ep, front, b);
	timeout_choose(ep, b->timeout_ms);
	snprintf(value, sizeof value, "header %s else random", key[0] ? key : "X-User-Id");
	intake_choose(&ep->key, value,
		key[0] ? "HAProxy goes by it as well" : "what keeps a client on one version");
	ep->key.off =
		!key[0] || key[strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789_-")] != '\0';
	intake_choose(&ep->score, "json PATH",
		"not seen: pithead init --upstream %s%.60s:%d --sample FILE --out - tells it",
		v->tls ? "https://" : "", v->servers[0].host, v->servers[0].port);
	ep->score.off = 1;
}

/* The endpoint at the end of the list again, where it has no server. */
static void drop_empty(struct intake *in, const struct haproxy_proxy *b)
{
	struct intake_endpoint *ep = &in->endpoints[in->count - 1];

	intake_note(&in->notes, "%s has no server that can be taken over:", b->name);
	buf_adds(&in->notes, buf_text(&ep->notes));
	buf_release(&ep->notes);
	in->count--;
}

static struct intake_endpoint *endpoint_make(
	struct intake *in, const struct haproxy_proxy *front, struct haproxy_proxy *b)
{
	struct intake_endpoint *ep;

	if (in->count == ENDPOINTS_MOST) {
		intake_note(&in->notes, "%s is left out: there are too many", b->name);
		return NULL;
	}
	ep = intake_add(in);
	servers_place(ep, b, front ? front->bind_port : 0, "v1", 1);
	if (!ep->version_count) {
		drop_empty(in, b);
		return NULL;
	}
	/* Where all servers have a version's name, the first is v1 whatever it is called. */
	str_copy(ep->versions[0].name, sizeof ep->versions[0].name, "v1");
	name_choose(in, ep, b->name);
	rest_choose(ep, front, b);
	return ep;
}

static int usable(struct intake *in, const struct haproxy_proxy *front, struct haproxy_proxy *b,
	const char *name)
{
	if (!b) {
		intake_note(&in->notes,
			strstr(name, "%[") ? "%s chooses among backends by %s: each "
					     "that is named is an endpoint"
					   : "%s names backend %s, which is not there",
			front->name, name);
		return 0;
	}
	if (b->http)
		return !b->used;
	if (!b->used)
		intake_note(&in->notes,
			"%s is in mode tcp: pithead's gateway speaks HTTP. Its first server: %s:%d",
			b->name, b->server_count ? b->servers[0].at.host : "none",
			b->server_count ? b->servers[0].at.port : 0);
	b->used = 1;
	return 0;
}

static void candidate_place(struct intake_endpoint *ep, const struct haproxy_proxy *front,
	struct haproxy_proxy *b, const char *condition)
{
	struct buf why = {0};
	char name[8];
	int before = ep->version_count;

	snprintf(name, sizeof name, "v%d", before + 1);
	servers_place(ep, b, front->bind_port, name, 0);
	if (ep->version_count == before)
		return;
	condition_format(front, condition, &why);
	snprintf(ep->versions[before].why, sizeof ep->versions[before].why,
		"backend %s, today %.200s", b->name, buf_text(&why));
	buf_release(&why);
}

/* Routes by path, host or header. */
static void routes_place(struct haproxy_file *f, struct intake *in, struct haproxy_proxy *front)
{
	for (int i = 0; i < front->use_count; i++) {
		const struct haproxy_use *u = &front->uses[i];
		struct haproxy_proxy *b = backend_find(f, u->backend);
		struct intake_endpoint *ep;
		struct buf why = {0};

		if (!usable(in, front, b, u->backend))
			continue;
		ep = endpoint_make(in, front, b);
		if (!ep)
			continue;
		condition_format(front, u->condition, &why);
		if (why.len)
			intake_note(&ep->notes,
				"%s sends here %s; an endpoint of pithead has an address of its "
				"own.",
				front->name, buf_text(&why));
		buf_release(&why);
	}
}

/* The default backend, or the first of two that share the traffic; NULL = there is none. */
static struct haproxy_proxy *stable_find(
	struct haproxy_file *f, struct haproxy_proxy *front, const char **condition)
{
	struct haproxy_proxy *b = front->kind == HAPROXY_LISTEN && front->server_count
					  ? front
					  : backend_find(f, front->fallback);

	*condition = "the rest";
	for (int i = 0; b && i < front->use_count; i++) {
		struct haproxy_proxy *other = backend_find(f, front->uses[i].backend);

		/* The default is the canary where most go elsewhere by chance. */
		if (other && other->http && intake_has_word(b->name, CANDIDATE_WORDS) &&
			intake_has_word(other->name, STABLE_WORDS))
			return other;
	}
	if (!b && front->use_count && is_by_chance(front, front->uses[0].condition))
		b = backend_find(f, front->uses[front->use_count - 1].backend);
	return b;
}

static void frontend_place(struct haproxy_file *f, struct intake *in, struct haproxy_proxy *front)
{
	const char *rest;
	struct haproxy_proxy *stable = stable_find(f, front, &rest);
	struct haproxy_proxy *fallback = backend_find(f, front->fallback);
	struct intake_endpoint *ep = NULL;

	if (!front->http && (front->server_count || front->fallback[0] || front->use_count)) {
		if (front->kind == HAPROXY_FRONTEND)
			intake_note(&in->notes,
				"frontend %s is in mode tcp: pithead's gateway "
				"speaks HTTP",
				front->name);
		if (stable)
			usable(in, front, stable, front->fallback);
		return;
	}
	if (stable && usable(in, front, stable, front->fallback))
		ep = endpoint_make(in, front, stable);
	else if (!stable && front->fallback[0])
		usable(in, front, NULL, front->fallback);
	for (int i = 0; ep && i < front->use_count; i++) {
		struct haproxy_proxy *b = backend_find(f, front->uses[i].backend);

		if (b && b->http && !b->used && is_candidate(front, &front->uses[i], stable->name))
			candidate_place(ep, front, b, front->uses[i].condition);
	}
	if (ep && fallback && fallback != stable && !fallback->used)
		candidate_place(ep, front, fallback, rest);
	if (ep)
		buf_adds(&ep->notes, front == stable ? "" : buf_text(&front->notes));
	routes_place(f, in, front);
}

/* Whether some frontend chooses its backend by what only HAProxy knows. */
static int is_dynamic(const struct haproxy_file *f)
{
	for (int i = 0; i < f->count; i++) {
		if (strstr(f->proxies[i].fallback, "%["))
			return 1;
		for (int k = 0; k < f->proxies[i].use_count; k++)
			if (strstr(f->proxies[i].uses[k].backend, "%["))
				return 1;
	}
	return 0;
}

void haproxy_propose(struct haproxy_file *f, struct intake *in)
{
	int dynamic = is_dynamic(f);

	for (int i = 0; i < f->count; i++)
		if (f->proxies[i].kind == HAPROXY_FRONTEND || f->proxies[i].kind == HAPROXY_LISTEN)
			frontend_place(f, in, &f->proxies[i]);
	for (int i = 0; i < f->count; i++) {
		struct haproxy_proxy *b = &f->proxies[i];
		struct intake_endpoint *ep;

		if (b->kind < HAPROXY_BACKEND || b->used || !b->server_count)
			continue;
		ep = usable(in, b, b, b->name) ? endpoint_make(in, NULL, b) : NULL;
		if (ep)
			intake_note(&ep->notes,
				dynamic ? "A frontend may choose backend %s by a map or variable."
					: "No frontend names backend %s.",
				b->name);
	}
	buf_adds(&in->notes, buf_text(&f->notes));
}
