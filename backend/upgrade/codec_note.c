/* codec_note.c: see note.h. Small JSON files, each written by a rename. */
#include "backend/upgrade/note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/buf.h"
#include "backend/base/json.h"
#include "backend/base/xalloc.h"

#define NOTE_MOST 65536

static const char *const phase_names[] = {[UPGRADE_NONE] = "",
	[UPGRADE_PROBATION] = "probation",
	[UPGRADE_BACK] = "back",
	[UPGRADE_REFUSED] = "refused"};

const char *upgrade_phase_name(enum upgrade_phase p)
{
	return phase_names[p];
}

static cJSON *read_file(const char *home, const char *name)
{
	char *path = xasprintf("%s/run/%s", home, name);
	struct buf text = {0};
	cJSON *o = NULL;

	if (buf_read_file(&text, path, NOTE_MOST) == 0)
		o = json_parse(buf_text(&text), text.len, path, NULL);
	buf_release(&text);
	free(path);
	return o;
}

static void sync_run(const char *home)
{
	char *path = xasprintf("%s/run", home);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(path);
}

/* Takes o. */
static int write_file(const char *home, const char *name, cJSON *o, struct err *e)
{
	char *path = xasprintf("%s/run/%s", home, name), *text = json_format(o);
	int rc = 0;

	if (file_write_atomic(path, text, strlen(text), 0600) < 0)
		rc = err_set(e, errno == ENOSPC ? ERR_DISK_FULL : ERR_FAILED, "cannot write %s: %s",
			path, strerror(errno));
	cJSON_Delete(o);
	free(text);
	free(path);
	return rc;
}

static void take(const cJSON *o, const char *key, char *out, size_t size)
{
	str_copy(out, size, json_str(o, key, ""));
}

void upgrade_read(const char *home, struct upgrade_note *n)
{
	cJSON *o = read_file(home, "upgrade");
	const char *phase = json_str(o, "phase", "");

	*n = (struct upgrade_note){.phase = UPGRADE_NONE};
	for (int i = UPGRADE_PROBATION; i <= UPGRADE_REFUSED; i++)
		if (strcmp(phase, phase_names[i]) == 0)
			n->phase = (enum upgrade_phase)i;
	take(o, "from_version", n->from_version, sizeof n->from_version);
	take(o, "to_version", n->to_version, sizeof n->to_version);
	take(o, "from_build", n->from_build, sizeof n->from_build);
	take(o, "to_build", n->to_build, sizeof n->to_build);
	take(o, "from_program", n->from_program, sizeof n->from_program);
	take(o, "to_program", n->to_program, sizeof n->to_program);
	take(o, "backup", n->backup, sizeof n->backup);
	take(o, "actor", n->actor, sizeof n->actor);
	take(o, "refused", n->refused, sizeof n->refused);
	take(o, "why", n->why, sizeof n->why);
	n->at_us = json_int(o, "at_us", 0);
	n->bound_ms = json_int(o, "bound_ms", 0);
	cJSON_Delete(o);
}

int upgrade_write(const char *home, const struct upgrade_note *n, struct err *e)
{
	cJSON *o;

	if (n->phase == UPGRADE_NONE) {
		char *path = xasprintf("%s/run/upgrade", home);
		int rc = unlink(path) < 0 && errno != ENOENT ? errno : 0;

		sync_run(home);
		if (rc)
			err_set(e, ERR_FAILED, "cannot remove %s: %s", path, strerror(rc));
		free(path);
		return rc ? ERR_FAILED : 0;
	}
	o = cJSON_CreateObject();
	json_put_str(o, "phase", phase_names[n->phase]);
	json_put_str(o, "from_version", n->from_version);
	json_put_str(o, "to_version", n->to_version);
	json_put_str(o, "from_build", n->from_build);
	json_put_str(o, "to_build", n->to_build);
	json_put_str(o, "from_program", n->from_program);
	json_put_str(o, "to_program", n->to_program);
	json_put_str(o, "backup", n->backup);
	json_put_str(o, "actor", n->actor);
	json_put_str(o, "refused", n->refused);
	json_put_str(o, "why", n->why);
	json_put_int(o, "at_us", n->at_us);
	json_put_int(o, "bound_ms", n->bound_ms);
	return write_file(home, "upgrade", o, e);
}

char *upgrade_program_format(int64_t schema_state, int64_t schema_telemetry)
{
	cJSON *o = cJSON_CreateObject(), *schema;
	char build[VERSION_BUILD], *text;

	version_build("/proc/self/exe", build);
	json_put_str(o, "program", "pithead");
	json_put_str(o, "version", version_program());
	json_put_str(o, "api", version_api());
	json_put_str(o, "build", build);
	schema = json_put_object(o, "schema");
	json_put_int(schema, "state", schema_state);
	json_put_int(schema, "telemetry", schema_telemetry);
	text = json_format(o);
	cJSON_Delete(o);
	return text;
}

static void read_program(const cJSON *o, struct upgrade_program *out)
{
	const cJSON *schema = json_get(o, "schema");

	take(o, "version", out->version, sizeof out->version);
	take(o, "api", out->api, sizeof out->api);
	out->schema_state = json_int(schema, "state", 0);
	out->schema_telemetry = json_int(schema, "telemetry", 0);
}

int upgrade_program_parse(const char *text, struct upgrade_program *out, struct err *e)
{
	cJSON *o = json_parse(text, strlen(text), "the answer to --version --json", NULL);
	int rc = 0;

	*out = (struct upgrade_program){0};
	read_program(o, out);
	if (strcmp(json_str(o, "program", ""), "pithead") != 0 || !out->version[0] ||
		out->schema_state <= 0 || out->schema_telemetry <= 0)
		rc = err_set(e, ERR_INVALID, "it does not answer --version --json as pithead does");
	cJSON_Delete(o);
	return rc;
}

int upgrade_ready_write(const char *home, const struct upgrade_ready *r, struct err *e)
{
	cJSON *o = cJSON_CreateObject(), *schema;

	json_put_str(o, "version", r->program.version);
	json_put_str(o, "api", r->program.api);
	schema = json_put_object(o, "schema");
	json_put_int(schema, "state", r->program.schema_state);
	json_put_int(schema, "telemetry", r->program.schema_telemetry);
	json_put_str(o, "backup", r->backup);
	json_put_str(o, "old_program", r->old_program);
	json_put_int(o, "backup_bytes", r->backup_bytes);
	json_put_str(o, "error", r->code ? err_wire(r->code) : "");
	json_put_str(o, "message", r->message);
	json_put_str(o, "hint", r->hint);
	return write_file(home, "upgrade.ready", o, e);
}

int upgrade_ready_take(const char *home, struct upgrade_ready *r)
{
	cJSON *o = read_file(home, "upgrade.ready");
	char *path;
	int there = o != NULL;

	*r = (struct upgrade_ready){0};
	if (!there)
		return 0;
	read_program(o, &r->program);
	take(o, "backup", r->backup, sizeof r->backup);
	take(o, "old_program", r->old_program, sizeof r->old_program);
	take(o, "message", r->message, sizeof r->message);
	take(o, "hint", r->hint, sizeof r->hint);
	r->backup_bytes = json_int(o, "backup_bytes", 0);
	r->code = json_str(o, "error", "")[0] ? err_from_wire(json_str(o, "error", "")) : 0;
	cJSON_Delete(o);
	path = xasprintf("%s/run/upgrade.ready", home);
	unlink(path);
	free(path);
	return 1;
}
