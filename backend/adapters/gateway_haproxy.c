/* gateway_haproxy.c: the real gateway: gateway.h's operations on HAProxy. Rows and servers move at
 * run time over the admin socket; haproxy_configure.c does what needs the file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/adapters/gateway_haproxy_priv.h"
#include "backend/base/xalloc.h"

static struct haproxy_gateway *of(struct gateway *g)
{
	return (struct haproxy_gateway *)(void *)g;
}

static void op_free(struct gateway *g)
{
	struct haproxy_gateway *h = of(g);

	haproxy_process_release(&h->process);
	names_free(h->names);
	names_free(h->looks);
	free(h->folder);
	free(h->log_socket);
	free(h->known);
	free(h);
}

static int op_adopt(struct gateway *g, struct err *e)
{
	return haproxy_process_adopt(&of(g)->process, e);
}

static int op_configure(struct gateway *g, const struct gateway_endpoint *eps,
	const struct gateway_route *routes, int count, int overwrite, struct err *e)
{
	return haproxy_configure(of(g), eps, routes, count, overwrite, e);
}

static int op_alive(struct gateway *g)
{
	return haproxy_process_look(&of(g)->process);
}

static int op_set_route(
	struct gateway *g, const char *endpoint, const struct gateway_route *r, struct err *e)
{
	char row[HAPROXY_ROW_SIZE];
	int rc = haproxy_route_format(endpoint, r, row, e);

	return rc < 0 ? rc : haproxy_map_put(of(g), HAPROXY_ROUTES, endpoint, row, 0, e);
}

static int check_endpoint(const char *endpoint, struct err *e)
{
	if (haproxy_endpoint_valid(endpoint))
		return 0;
	return err_set(e, ERR_INVALID, "\"%.130s\" is not an endpoint PROJECT/NAME", endpoint);
}

static int op_get_route(
	struct gateway *g, const char *endpoint, struct gateway_route *out, struct err *e)
{
	char row[HAPROXY_ROW_SIZE];
	int rc = check_endpoint(endpoint, e);

	if (rc == 0)
		rc = haproxy_map_get(of(g), HAPROXY_ROUTES, endpoint, row, sizeof row, e);
	return rc < 0 ? rc : haproxy_route_parse(endpoint, row, out, e);
}

static int op_set_lease(struct gateway *g, const char *endpoint, int64_t expires_us, struct err *e)
{
	char text[32];
	int rc = check_endpoint(endpoint, e);

	/* Rounded down: the candidate never gets a millisecond more than asked. */
	snprintf(text, sizeof text, "%lld", (long long)(expires_us > 0 ? expires_us / 1000 : 0));
	return rc < 0 ? rc : haproxy_map_put(of(g), HAPROXY_LEASES, endpoint, text, 0, e);
}

static int op_get_lease(struct gateway *g, const char *endpoint, int64_t *expires_us, struct err *e)
{
	char text[HAPROXY_ROW_SIZE], *end;
	int rc = check_endpoint(endpoint, e);
	long long ms;

	if (rc == 0)
		rc = haproxy_map_get(of(g), HAPROXY_LEASES, endpoint, text, sizeof text, e);
	if (rc < 0)
		return rc;
	ms = strtoll(text, &end, 10);
	if (end == text || *end || ms < 0 || ms > INT64_MAX / 1000)
		return err_set(
			e, ERR_GATEWAY, "the gateway's lease of %s is \"%.60s\"", endpoint, text);
	*expires_us = ms * 1000;
	return 0;
}

static int op_set_override(struct gateway *g, const char *endpoint, int64_t rollout,
	const char *segment, int share_bp, struct err *e)
{
	char key[HAPROXY_ROW_SIZE], share[16];
	int rc = check_endpoint(endpoint, e);

	if (rc < 0)
		return rc;
	if (!haproxy_segment_valid(segment)) {
		err_set(e, ERR_INVALID,
			"\"%.80s\" is not a segment: 1 to 60 of letters, digits and _ . : -",
			segment);
		err_field(e, "segment");
		return ERR_INVALID;
	}
	if (share_bp < -1 || share_bp > 10000 || rollout < 0)
		return err_set(e, ERR_INVALID, "a share of %d is not within 0..10000", share_bp);
	haproxy_override_key(endpoint, rollout, segment, key);
	snprintf(share, sizeof share, "%d", share_bp);
	if (share_bp < 0)
		return haproxy_map_del(of(g), HAPROXY_OVERRIDES, key, e);
	return haproxy_map_put(of(g), HAPROXY_OVERRIDES, key, share, 1, e);
}

static int op_sweep_overrides(struct gateway *g, const char *endpoint, int64_t keep, struct err *e)
{
	struct buf rows = {0};
	char *rest, *line;
	int rc = check_endpoint(endpoint, e);

	if (rc == 0)
		rc = haproxy_map_list(of(g), HAPROXY_OVERRIDES, &rows, e);
	rest = rows.data;
	while (rc == 0 && rest && (line = strsep(&rest, "\n")) != NULL) {
		char *value = strchr(line, ' ');
		int64_t rollout = haproxy_override_rollout(endpoint, line);
		if (!value || rollout < 0 || rollout == keep)
			continue;
		*value = '\0';
		rc = haproxy_map_del(of(g), HAPROXY_OVERRIDES, line, e);
	}
	buf_release(&rows);
	return rc;
}

static int op_server_add(struct gateway *g, const char *endpoint, int slot,
	const struct gateway_server *s, struct err *e)
{
	return haproxy_server_add(of(g), endpoint, slot, s, e);
}

static int op_server_drain(
	struct gateway *g, const char *endpoint, int slot, const char *name, struct err *e)
{
	return haproxy_server_drain(of(g), endpoint, slot, name, e);
}

static int op_server_ready(
	struct gateway *g, const char *endpoint, int slot, const char *name, struct err *e)
{
	return haproxy_server_ready(of(g), endpoint, slot, name, e);
}

static void op_server_explain(
	struct gateway *g, const struct gateway_server *s, struct gateway_server_state *state)
{
	haproxy_server_explain(of(g), s, state);
}

static int op_server_follow(struct gateway *g, const char *endpoint, int slot,
	const struct gateway_server *s, const char *now, struct err *e)
{
	return haproxy_server_follow(of(g), endpoint, slot, s, now, e);
}

static int op_server_remove(
	struct gateway *g, const char *endpoint, int slot, const char *name, struct err *e)
{
	return haproxy_server_remove(of(g), endpoint, slot, name, e);
}

static int op_servers(struct gateway *g, const char *endpoint, struct gateway_server_state *out,
	int most, struct err *e)
{
	return haproxy_server_states(of(g), endpoint, out, most, e);
}

static int op_get_info(struct gateway *g, struct gateway_info *out, struct err *e)
{
	struct haproxy_gateway *h = of(g);
	struct buf answer = {0};
	char dropped[32] = "0";
	const char *stats;
	int rc;

	if (!haproxy_process_look(&h->process))
		return err_set(e, ERR_UNREACHABLE, "the gateway (HAProxy) is not running");
	/* Requests by the frontends' count: CumReq counts those of the admin socket too. */
	rc = haproxy_ask(h, 0, "show info\nshow stat -1 1 -1\n", 2, &answer, e);
	if (rc == 0) {
		*out = (struct gateway_info){.pid = h->process.live[0].pid,
			.start_ticks = h->process.live[0].start_ticks,
			.generation = h->process.live[0].number};
		haproxy_info_get(buf_text(&answer), "Version", out->version, sizeof out->version);
		haproxy_info_get(buf_text(&answer), "DroppedLogs", dropped, sizeof dropped);
		out->dropped_logs = atoll(dropped);
		stats = haproxy_cli_next(&answer, haproxy_cli_next(&answer, NULL));
		out->requests = stats ? haproxy_stats_sum(stats, "req_tot") : 0;
	}
	buf_release(&answer);
	return rc;
}

static int op_stop(struct gateway *g, struct err *e)
{
	struct haproxy_gateway *h = of(g);
	int rc = haproxy_process_adopt(&h->process, e);

	return rc < 0 ? rc : haproxy_process_stop(&h->process, e);
}

static const struct gateway_ops haproxy_ops = {
	.free = op_free,
	.adopt = op_adopt,
	.configure = op_configure,
	.alive = op_alive,
	.set_route = op_set_route,
	.get_route = op_get_route,
	.set_lease = op_set_lease,
	.get_lease = op_get_lease,
	.set_override = op_set_override,
	.sweep_overrides = op_sweep_overrides,
	.server_add = op_server_add,
	.server_drain = op_server_drain,
	.server_ready = op_server_ready,
	.server_follow = op_server_follow,
	.server_explain = op_server_explain,
	.server_remove = op_server_remove,
	.servers = op_servers,
	.get_info = op_get_info,
	.stop = op_stop,
};

struct gateway *gateway_new(const char *folder, const char *log_socket,
	const struct process_user *user, const struct settings *settings, const struct clock *clock)
{
	struct haproxy_gateway *h = xcalloc(1, sizeof *h);

	h->base.ops = &haproxy_ops;
	h->folder = xstrdup(folder);
	h->log_socket = xstrdup(log_socket);
	if (user)
		h->user = *user;
	h->settings = settings;
	h->clock = clock;
	h->names = names_new(&settings->resolve_ms, NULL, NULL);
	h->looks = names_new(&settings->resolve_ms, haproxy_tls_look, NULL);
	/* A folder that cannot be made shows itself when the first file is written. */
	mkdir(folder, 0700);
	haproxy_process_init(&h->process, folder);
	return &h->base;
}
