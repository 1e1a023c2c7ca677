/* spec_check.c: what no single row of the schema can say: two endpoints on one address, an
 * endpoint that nothing serves, the built-in tiers and the owner that an endpoint inherits. */
#include "backend/spec/spec_priv.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/host.h"
#include "backend/base/xalloc.h"

static int word_index(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

static int by_role(const void *a, const void *b)
{
	const struct spec_role *x = a, *y = b;

	return word_index(spec_role_words, x->role) - word_index(spec_role_words, y->role);
}

struct spec_tier spec_tier_default(int n)
{
	struct spec_tier t = {.approvals = n, /* low 0, medium 1, high 2 */
		.approve = "start",
		.on_undecided = "pause"};

	str_copy(t.name, sizeof t.name, spec_tier_words[n]);
	str_copy(t.late_outcomes, sizeof t.late_outcomes, n == 2 ? "refuse" : "allow");
	return t;
}

/* All three tiers, in order, whatever the file says of them. */
static void tiers_complete(struct spec *s)
{
	struct spec_tier all[3] = {{.approvals = 0}};

	for (int i = 0; spec_tier_words[i]; i++) {
		all[i] = spec_tier_default(i);
		for (int j = 0; j < s->tier_count; j++)
			if (strcmp(s->tiers[j].name, spec_tier_words[i]) == 0)
				all[i] = s->tiers[j];
	}
	memcpy(s->tiers, all, sizeof all);
	s->tier_count = 3;
}

/* Whether a listener on host a keeps one on host b from the same port. */
static int hosts_clash(const char *a, const char *b)
{
	int a_six = a[0] == '[', b_six = b[0] == '[';

	if (strcmp(a, b) == 0 || strcmp(a, "[::]") == 0 || strcmp(b, "[::]") == 0)
		return 1;
	return a_six == b_six && (strcmp(a, "0.0.0.0") == 0 || strcmp(b, "0.0.0.0") == 0);
}

static void listen_check(
	struct spec_reading *r, const struct node *endpoints, const struct spec *s, int i)
{
	const struct spec_endpoint *ep = &s->endpoints[i];
	const struct node *at = node_find(node_find(endpoints, ep->name), "listen");

	for (int j = 0; j < i && ep->listen_port && at; j++) {
		const struct spec_endpoint *other = &s->endpoints[j];

		if (other->listen_port != ep->listen_port ||
			!hosts_clash(other->listen_host, ep->listen_host))
			continue;
		spec_fault_add(r, at->at,
			"`listen` is `%s:%d`, which endpoint `%s` takes already (line %d)",
			ep->listen_host, ep->listen_port, other->name, other->line);
		return;
	}
}

/* What cannot be meant so. A certificate is for a name; without one, none would ever fit. */
static void arm_check(struct spec_reading *r, const struct spec_arm *arm, struct mark at)
{
	if (!arm->tls && (arm->server_name[0] || arm->verify[0])) {
		spec_fault_add(r, at,
			"version `%s` has `%s` without TLS: write `upstream: tls HOST:PORT`",
			arm->name, arm->server_name[0] ? "server-name" : "verify");
		return;
	}
	if (!arm->tls || arm->server_name[0] || strcmp(arm->verify, "none") == 0)
		return;
	for (int i = 0; i < arm->server_count; i++) {
		if (!host_is_address(arm->servers[i].host))
			continue;
		spec_fault_add(r, at,
			"`%s` of version `%s` is an address, and certificates are for names: add "
			"`server-name: NAME`",
			arm->servers[i].host, arm->name);
		return;
	}
}

void spec_check_arms(struct spec_reading *r, const struct spec_endpoint *ep, const struct node *own)
{
	const struct node *versions = node_find(own, "versions");

	for (int i = 0; i < ep->arm_count; i++) {
		struct mark at = {0, 0};

		for (int k = 0; versions && k < versions->count; k++)
			if (strcmp(versions->entries[k].key->text, ep->arms[i].name) == 0)
				at = versions->entries[k].key->at;
		arm_check(r, &ep->arms[i], at);
	}
}

void spec_check_endpoint(struct spec_reading *r, const struct spec_endpoint *ep, struct mark at)
{
	if (!spec_is_observed(ep) && !ep->serve[0] && ep->arm_count == 0)
		spec_fault_add(r, at,
			"nothing serves endpoint `%s`: it needs `serve`, or `versions` with an "
			"`upstream`",
			ep->name);
}

/* The place of an endpoint's name. */
static struct mark name_mark(const struct node *endpoints, const char *name)
{
	for (int i = 0; endpoints && i < endpoints->count; i++)
		if (strcmp(endpoints->entries[i].key->text, name) == 0)
			return endpoints->entries[i].key->at;
	return (struct mark){0, 0};
}

void spec_check(struct spec_reading *r, const struct node *top, struct spec *s)
{
	const struct node *endpoints = node_find(top, "endpoints");

	qsort(s->roles, (size_t)s->role_count, sizeof s->roles[0], by_role);
	tiers_complete(s);
	for (int i = 0; i < s->endpoint_count; i++) {
		struct spec_endpoint *ep = &s->endpoints[i];
		const struct node *own = node_find(endpoints, ep->name);

		if (!ep->owner[0])
			str_copy(ep->owner, sizeof ep->owner, s->owner);
		if (spec_is_observed(ep) || (own && own->kind == NODE_MAP))
			spec_check_observed(r, ep, own, name_mark(endpoints, ep->name));
		listen_check(r, endpoints, s, i);
		if (own && own->kind == NODE_MAP)
			spec_check_signals(r, ep, own);
		if (own && own->kind == NODE_MAP)
			spec_check_arms(r, ep, own);
		if (spec_is_observed(ep))
			continue;
		/* One that holds neither key; a wrong one has been told of. */
		if (own && own->kind == NODE_MAP && !node_find(own, "serve") &&
			!(node_find(own, "versions") && node_find(own, "versions")->count))
			spec_check_endpoint(r, ep, name_mark(endpoints, ep->name));
	}
}
