/* doctor_gateway.c: which HAProxy is ours, which is a stray, and whether the ports of the spec in
 * the working folder can be had. Asks the gateway its pid, and changes nothing in it. */
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/adapters/gateway.h"
#include "backend/adapters/process.h"
#include "backend/base/buf.h"
#include "backend/base/clock.h"
#include "backend/base/xalloc.h"
#include "backend/local/checks.h"
#include "backend/spec/spec.h"

#define PIDS_MOST 64
#define SPEC_FILE "pithead.yaml"

struct gateways {
	char folder[280];
	int64_t ours;		  /* 0 = none answers */
	int64_t found[PIDS_MOST]; /* every HAProxy with our configuration */
	int count;
};

/* Only when there is a folder: a look must not make one. */
static int64_t adopted_pid(const struct gateways *g)
{
	struct clock clock = clock_system();
	struct gateway_info info = {0};
	struct settings set;
	struct gateway *gateway;
	char log[300];

	snprintf(log, sizeof log, "%s/log.sock", g->folder);
	settings_init(&set);
	if (access(g->folder, R_OK | X_OK) < 0)
		return 0;
	gateway = gateway_new(g->folder, log, NULL, &set, &clock);
	if (gateway_adopt(gateway, NULL) != 1 || gateway_get_info(gateway, &info, NULL) < 0)
		info.pid = 0;
	gateway_free(gateway);
	return info.pid;
}

/* Its configuration is named relative to its working folder, or in full. */
static int has_our_config(int64_t pid, const struct gateways *g)
{
	char cwd[512], path[64];
	struct buf line = {0};
	int ours = process_cwd(pid, cwd, sizeof cwd) == 0 && strcmp(cwd, g->folder) == 0;

	snprintf(path, sizeof path, "/proc/%" PRId64 "/cmdline", pid);
	if (!ours && buf_read_file(&line, path, 65536) == 0)
		ours = memmem(line.data, line.len, g->folder, strlen(g->folder)) != NULL;
	buf_release(&line);
	return ours;
}

static void find_all(struct gateways *g)
{
	DIR *d = opendir("/proc");
	struct dirent *p;
	char name[64];

	while (d && g->count < PIDS_MOST && (p = readdir(d))) {
		int64_t pid = strtoll(p->d_name, NULL, 10);

		if (isdigit((unsigned char)p->d_name[0]) &&
			process_exe(pid, name, sizeof name) == 0 && !strcmp(name, "haproxy") &&
			has_our_config(pid, g))
			g->found[g->count++] = pid;
	}
	if (d)
		closedir(d);
}

static void check_strays(struct checks *c, const struct gateways *g)
{
	char remedy[120];

	for (int i = 0; i < g->count; i++) {
		if (g->found[i] == g->ours)
			continue;
		snprintf(remedy, sizeof remedy, "if it is still there in a minute: kill %" PRId64,
			g->found[i]);
		checks_add(c, CHECK_WARN, "gateway", remedy,
			"haproxy %" PRId64
			" runs with this home's configuration and is not the one "
			"in use: it finishes old requests, or is a stray",
			g->found[i]);
	}
	if (g->ours)
		checks_add(c, CHECK_OK, "gateway", NULL, "haproxy %" PRId64 " serves this home",
			g->ours);
	else if (!g->count)
		checks_add(c, CHECK_OK, "gateway", NULL, "none runs for this home");
}

static int is_ours(const struct gateways *g, int64_t pid)
{
	for (int i = 0; i < g->count; i++)
		if (g->found[i] == pid)
			return 1;
	return 0;
}

static void check_port(struct checks *c, const struct gateways *g, const struct spec_endpoint *ep)
{
	char who[120], remedy[200];
	const char *pid;

	if (process_of_port(ep->listen_port, who, sizeof who) < 0) {
		checks_add(
			c, CHECK_OK, "port", NULL, "%d is free for %s", ep->listen_port, ep->name);
		return;
	}
	pid = strstr(who, "(pid ");
	if (pid && is_ours(g, strtoll(pid + 5, NULL, 10))) {
		checks_add(c, CHECK_OK, "port", NULL, "%d is held by our gateway, for %s",
			ep->listen_port, ep->name);
		return;
	}
	snprintf(
		remedy, sizeof remedy, "stop it, or change `listen` of %s in " SPEC_FILE, ep->name);
	checks_add(c, CHECK_FAIL, "port", remedy, "%d of %s is held by %s", ep->listen_port,
		ep->name, who);
}

static void check_ports(struct checks *c, const struct gateways *g)
{
	struct spec_faults faults = {0};
	struct buf text = {0};
	struct spec *s;
	struct err e = {0};

	if (buf_read_file(&text, SPEC_FILE, 1 << 20) < 0)
		return;
	s = spec_parse(buf_text(&text), text.len, SPEC_FILE, &faults, &e);
	if (!s)
		checks_add(c, CHECK_WARN, "spec", "pithead spec check", "%s", e.message);
	for (int i = 0; s && i < s->endpoint_count; i++)
		check_port(c, g, &s->endpoints[i]);
	spec_free(s);
	spec_faults_release(&faults);
	buf_release(&text);
}

void checks_gateway(struct checks *c)
{
	struct gateways g = {0};

	snprintf(g.folder, sizeof g.folder, "%s/run/gw", c->home);
	g.ours = adopted_pid(&g);
	find_all(&g);
	check_strays(c, &g);
	check_ports(c, &g);
}
