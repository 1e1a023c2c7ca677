/* upgrade.c: see upgrade.h. */
#include "backend/acts/upgrade.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/acts/change.h"
#include "backend/adapters/process.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"

/* With a candidate on the way the new program must be healthy before its lease ends, with time left
 * to go back in; else it may take its time. */
#define BOUND_ALONE_MS 60000

static int check_caller(const struct caller *c, struct err *e)
{
	if (c->uid == 0 || c->uid == (int64_t)geteuid())
		return 0;
	err_set(e, ERR_DENIED,
		"%s cannot give this engine another program: only root and its own user can, as "
		"the "
		"program has their rights",
		c->user);
	return err_hint(e, "install the package, which does it, or use sudo");
}

static int check_world(struct world *w, struct err *e)
{
	if (w->hold) {
		err_set(e, ERR_CONFLICT, "the engine is on hold after a restore");
		return err_hint(e, "choose first: pithead engine hold stored, or observed");
	}
	if (w->upgrade.pid && process_alive(w->upgrade.pid, w->upgrade.start_ticks))
		return err_set(e, ERR_CONFLICT, "an upgrade is being prepared already");
	return 0;
}

/* The program gets its name by what it holds. */
static int keep_program(struct world *w, const char *file, struct err *e)
{
	struct upgrade_note *n = &w->upgrade.next;
	char folder[300];

	version_build(file, n->to_build);
	snprintf(folder, sizeof folder, "%s/programs", w->home);
	snprintf(n->to_program, sizeof n->to_program, "%s/pithead-%s", folder, n->to_build);
	if (strcmp(n->to_build, w->build) == 0)
		return 0;
	if (!n->to_build[0] || (mkdir(folder, 0700) < 0 && errno != EEXIST) ||
		chmod(file, 0700) < 0 || rename(file, n->to_program) < 0)
		return err_set(e, ERR_FAILED, "cannot keep the program as %s: %s", n->to_program,
			strerror(errno));
	return 0;
}

static int spawn_preparation(struct world *w, int dry_run, struct err *e)
{
	char home[300], log[300];
	const char *argv[] = {"/proc/self/exe", "engine", "--prepare", w->upgrade.next.to_program,
		dry_run ? "--dry-run" : NULL, NULL};
	const char *envp[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", home, NULL};
	struct process_spawn s = {.argv = argv, .envp = envp, .log = log};
	struct upgrade_ready stale;

	snprintf(home, sizeof home, "PITHEAD_HOME=%s", w->home);
	snprintf(log, sizeof log, "%s/log/engine.out", w->home);
	upgrade_ready_take(w->home, &stale);
	return process_spawn(&s, &w->upgrade.pid, &w->upgrade.start_ticks, e);
}

int upgrade_begin(struct world *w, const struct act *a, const char *file, struct act_result *out,
	struct err *e)
{
	struct upgrade_note *n = &w->upgrade.next;

	*out = (struct act_result){0};
	if (check_caller(a->caller, e) || check_world(w, e))
		return e->code;
	*n = (struct upgrade_note){.at_us = 0};
	str_copy(n->from_version, sizeof n->from_version, version_program());
	str_copy(n->from_build, sizeof n->from_build, w->build);
	str_copy(n->actor, sizeof n->actor, a->caller->user);
	if (w->upgrade.note.phase == UPGRADE_REFUSED)
		snprintf(n->refused, sizeof n->refused, "%s %.200s", w->upgrade.note.to_build,
			w->upgrade.note.refused);
	if (keep_program(w, file, e))
		return e->code;
	if (strcmp(n->to_build, w->build) == 0) {
		snprintf(out->plan.title, sizeof out->plan.title,
			"this program, pithead %s (build %s), runs already", n->from_version,
			w->build);
		plan_need(&out->plan, "nobody else");
		str_copy(out->plan.undo, sizeof out->plan.undo, "there is nothing to undo");
		return 0;
	}
	/* The tail of the log that is signed cannot be cut from the copy unseen. */
	if (!a->dry_run && store_checkpoint(w->store, 1, e) < 0)
		return e->code;
	return spawn_preparation(w, a->dry_run, e) ? e->code : 1;
}

static int64_t bound_of(const struct world *w)
{
	int64_t bound = w->settings.lease_ms * 6 / 10;

	for (int i = 0; i < w->endpoint_count; i++)
		if (w->endpoints[i]->row.gate)
			return bound;
	return bound > BOUND_ALONE_MS ? bound : BOUND_ALONE_MS;
}

static void fill_plan(struct world *w, const struct upgrade_ready *r, struct plan *p)
{
	const struct upgrade_note *n = &w->upgrade.next;
	int64_t state, telemetry;

	store_schema(&state, &telemetry);
	snprintf(p->title, sizeof p->title, "upgrade the engine from %s to %s", n->from_version,
		n->to_version);
	str_copy(p->subject, sizeof p->subject, "engine");
	if (r->program.schema_state == state && r->program.schema_telemetry == telemetry)
		plan_will(p, "keep the schema as it is (state %lld, telemetry %lld)",
			(long long)state, (long long)telemetry);
	else
		plan_will(p, "migrate the schema: state %lld -> %lld, telemetry %lld -> %lld",
			(long long)state, (long long)r->program.schema_state, (long long)telemetry,
			(long long)r->program.schema_telemetry);
	if (n->backup[0])
		plan_will(p, "keep the backup %s", n->backup);
	else
		plan_will(p, "make a verified backup in %s/backups first", w->home);
	plan_will(p, "go back by itself unless the new program is healthy within %lld ms",
		(long long)n->bound_ms);
	plan_will_not(p, "touch gateway, servers or shares: requests and rollouts go on");
	plan_need(p, "nobody else");
	str_copy(p->undo, sizeof p->undo,
		"with the older program: pithead restore --replace BACKUP, which loses what came "
		"after it");
}

/* What may stand in an event as it is. */
static int version_is_plain(const char *v)
{
	return v[strspn(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+~-")] ==
	       '\0';
}

static int commit(struct world *w, const struct act *a, struct act_result *out, struct err *e)
{
	const struct upgrade_note *n = &w->upgrade.next;
	const char *slash = strrchr(n->backup, '/');
	struct change c;

	change_init(&c, a, "engine.upgrade", NULL, NULL);
	c.ev.subject = "engine";
	snprintf(c.after, sizeof c.after, "{\"text\":\"%s to %s, backup %s\"}", n->from_version,
		n->to_version, slash ? slash + 1 : "");
	c.ev.after = c.after;
	return change_commit(w, &c, NULL, &out->seq, e);
}

int upgrade_poll(struct world *w, const struct act *a, struct act_result *out, struct err *e)
{
	struct upgrade_note *n = &w->upgrade.next;
	int ended = !process_alive(w->upgrade.pid, w->upgrade.start_ticks);
	struct upgrade_ready r;

	if (!upgrade_ready_take(w->home, &r)) {
		if (!ended)
			return 1;
		w->upgrade.pid = 0;
		err_set(e, ERR_FAILED, "the preparation of the upgrade ended without a word");
		return err_hint(e, "see %s/log/engine.out", w->home);
	}
	w->upgrade.pid = 0;
	if (r.code) {
		err_set(e, r.code, "%s", r.message);
		return r.hint[0] ? err_hint(e, "%s", r.hint) : e->code;
	}
	if (!version_is_plain(r.program.version))
		return err_set(e, ERR_INVALID, "the new program's version is not a version");
	str_copy(n->to_version, sizeof n->to_version, r.program.version);
	str_copy(n->from_program, sizeof n->from_program, r.old_program);
	str_copy(n->backup, sizeof n->backup, r.backup);
	n->bound_ms = bound_of(w);
	fill_plan(w, &r, &out->plan);
	if (a->dry_run)
		return 0;
	if (commit(w, a, out, e))
		return e->code;
	n->at_us = clock_wall_us(&w->clock);
	w->upgrade.handing_over = 1;
	return 0;
}

void upgrade_conclude(struct world *w, struct upgrade_note *n)
{
	int failed = n->phase == UPGRADE_BACK;
	struct act a = {.caller = caller_engine()};
	char text[640];
	struct err e = {0};

	if (failed)
		snprintf(text, sizeof text,
			"the upgrade from %s to %s by %s failed and was taken back: %s",
			n->from_version, n->to_version, n->actor, n->why);
	else
		snprintf(text, sizeof text, "%s to %s, asked for by %s, is healthy",
			n->from_version, n->to_version, n->actor);
	a.reason = text;
	if (act_note(w, &a, failed ? "engine.upgrade.back" : "engine.upgrade.done", "engine", NULL,
		    &e))
		log_error("engine.upgrade", "%s", e.message);
	if (!failed) {
		log_info("engine.upgrade", "%s", text);
		return;
	}
	log_error("engine.upgrade", "%s", text);
	if (alert_raise(w, NULL, "upgrade", "investigate", text, 0, &e)) {
		log_error("engine.upgrade", "%s", e.message);
		return; /* told again at the next start */
	}
	n->phase = UPGRADE_REFUSED;
	if (upgrade_write(w->home, n, &e))
		log_error("engine.upgrade", "%s", e.message);
}
