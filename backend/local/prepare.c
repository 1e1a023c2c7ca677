/* prepare.c: see prepare.h. */
#include "backend/local/prepare.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "backend/adapters/process.h"
#include "backend/audit/verify.h"
#include "backend/backup/backup.h"
#include "backend/base/clock.h"
#include "backend/base/xalloc.h"
#include "backend/store/store.h"
#include "backend/upgrade/note.h"

#define TRY_MS	     5000
#define BACKUPS_KEPT 3
#define SPARE_BYTES  (INT64_C(64) << 20)

/* -- the new program -- */

/* The last line of what it printed, for a sentence. */
static const char *last_line(struct buf *out)
{
	char *line;

	if (!out->len)
		return "it said nothing";
	while (out->len && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
		out->data[--out->len] = '\0';
	line = strrchr(out->data, '\n');
	return line ? line + 1 : out->data;
}

static int try_program(const char *program, struct upgrade_program *p, struct err *e)
{
	const char *argv[] = {program, "--version", "--json", NULL};
	struct buf out = {0};
	int rc = process_run(argv, "/", TRY_MS, &out, e);

	if (rc == ERR_TIMEOUT) {
		rc = err_hint(e, "nothing was changed");
	} else if (rc != 0) {
		err_set(e, ERR_INVALID, "the new program does not run here: %.200s",
			last_line(&out));
		rc = err_hint(e, "nothing was changed; a library may be missing: ldd FILE");
	} else if (rc == 0) {
		rc = upgrade_program_parse(buf_text(&out), p, e);
		if (rc)
			rc = err_hint(e, "nothing was changed; is it a pithead?");
	}
	buf_release(&out);
	return rc;
}

static int check_program(const struct upgrade_program *p, struct err *e)
{
	int64_t state, telemetry;
	int newer;

	store_schema(&state, &telemetry);
	if (p->schema_state < state || p->schema_telemetry < telemetry) {
		err_set(e, ERR_CONFLICT,
			"the new program knows an older schema (state %" PRId64
			", telemetry %" PRId64 ") than this home has (%" PRId64 ", %" PRId64 ")",
			p->schema_state, p->schema_telemetry, state, telemetry);
		return err_hint(e, "the way back is a backup of its time: stop the engine, then "
				   "with that program: pithead restore --replace FILE");
	}
	if (version_reach_of(p->api, &newer) == VERSION_FAR) {
		err_set(e, ERR_CONFLICT,
			"the new program speaks API %s, too far from %s: open consoles could only "
			"read",
			p->api, version_api());
		return err_hint(e, "upgrade to a version between first");
	}
	return 0;
}

/* -- room -- */

/* nftw has no argument for its callback. */
static int64_t counted;

static int count_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)path;
	(void)at;
	if (type == FTW_F)
		counted += st->st_size;
	return 0;
}

/* Two copies of the databases and one of the bundles, beside what a migration may need. */
static int check_room(const char *home, struct err *e)
{
	char *store = xasprintf("%s/store", home);
	struct statvfs room;
	int64_t needed, there;

	counted = 0;
	nftw(store, count_file, 16, FTW_PHYS);
	needed = 3 * counted + SPARE_BYTES;
	free(store);
	if (statvfs(home, &room) < 0)
		return err_set(e, ERR_FAILED, "cannot see how much room %s has: %s", home,
			strerror(errno));
	there = (int64_t)room.f_bavail * (int64_t)room.f_frsize;
	if (there >= needed)
		return 0;
	err_set(e, ERR_DISK_FULL,
		"an upgrade with its backup needs %" PRId64 " MB in %s, and %" PRId64
		" MB are free",
		needed >> 20, home, there >> 20);
	return err_hint(e, "free some space; old backups are in %s/backups", home);
}

/* -- what is kept -- */

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	const char *x = strrchr((*a)->d_name, '_'), *y = strrchr((*b)->d_name, '_');

	return strcmp(x ? x : "", y ? y : "");
}

static int is_backup(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return strncmp(d->d_name, "pithead-", 8) == 0 && n > 4 &&
	       strcmp(d->d_name + n - 4, ".tar") == 0;
}

/* The newest few stay; those of people have other names. */
static void drop_old_backups(const char *home)
{
	char *folder = xasprintf("%s/backups", home);
	struct dirent **list = NULL;
	int n = scandir(folder, &list, is_backup, compare_names);

	for (int i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", folder, list[i]->d_name);

		if (i < n - BACKUPS_KEPT)
			unlink(path);
		free(path);
		free(list[i]);
	}
	free(list);
	free(folder);
}

/* This program, to come back to: its file may be gone, replaced by the package. */
static int keep_program(const char *home, struct upgrade_ready *r, struct err *e)
{
	char build[VERSION_BUILD];

	version_build("/proc/self/exe", build);
	snprintf(r->old_program, sizeof r->old_program, "%s/programs/pithead-%s", home, build);
	if (access(r->old_program, X_OK) == 0)
		return 0;
	return file_copy("/proc/self/exe", r->old_program, 0700, e);
}

/* Older programs than the two that are concerned. */
static void drop_old_programs(const char *home, const struct upgrade_ready *r, const char *program)
{
	char *folder = xasprintf("%s/programs", home);
	DIR *d = opendir(folder);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		char *path = xasprintf("%s/%s", folder, entry->d_name);

		if (entry->d_name[0] != '.' && strcmp(path, r->old_program) != 0 &&
			strcmp(path, program) != 0)
			unlink(path);
		free(path);
	}
	if (d)
		closedir(d);
	free(folder);
}

/* -- the backup -- */

static int verify_stage(const char *stage, struct err *e)
{
	struct audit_report report;

	if (audit_verify(stage, &report, NULL, NULL, e))
		return e->code;
	if (report.finding == AUDIT_WHOLE)
		return 0;
	err_set(e, ERR_FAILED, "the backup's audit log is not whole: %s", report.sentence);
	return err_hint(e, "nothing was changed; look at it first: pithead audit verify");
}

static int pack_stage(const char *home, const char *stage, struct upgrade_ready *r, struct err *e)
{
	struct stat st = {0};
	char part[320];
	int fd, rc;

	snprintf(part, sizeof part, "%s.part", r->backup);
	fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, ERR_FAILED, "cannot write %s: %s", part, strerror(errno));
	rc = backup_pack(home, stage, fd, e);
	if (!rc && (fsync(fd) < 0 || fstat(fd, &st) < 0 || rename(part, r->backup) < 0))
		rc = err_set(e, ERR_FAILED, "cannot finish %s: %s", part, strerror(errno));
	close(fd);
	if (rc)
		unlink(part);
	r->backup_bytes = st.st_size;
	return rc;
}

static int make_backup(const char *home, struct upgrade_ready *r, struct err *e)
{
	char stage[BACKUP_PATH], at[32];
	time_t now = time(NULL);
	struct tm utc;
	int rc;

	gmtime_r(&now, &utc);
	strftime(at, sizeof at, "%Y%m%dT%H%M%SZ", &utc);
	snprintf(r->backup, sizeof r->backup, "%s/backups/pithead-%s_%s.tar", home,
		version_program(), at);
	rc = backup_stage(home, stage, e);
	if (!rc)
		rc = verify_stage(stage, e);
	if (!rc)
		rc = pack_stage(home, stage, r, e);
	backup_unstage(stage);
	return rc;
}

int local_prepare(const char *home, const char *program, int dry_run)
{
	struct upgrade_ready r = {.code = 0};
	struct err e = {0};
	int rc = try_program(program, &r.program, &e);

	if (!rc)
		rc = check_program(&r.program, &e);
	if (!rc)
		rc = check_room(home, &e);
	if (!rc && !dry_run)
		rc = keep_program(home, &r, &e);
	if (!rc && !dry_run)
		rc = make_backup(home, &r, &e);
	if (!rc && !dry_run) {
		drop_old_backups(home);
		drop_old_programs(home, &r, program);
	}
	r.code = rc;
	str_copy(r.message, sizeof r.message, e.message);
	str_copy(r.hint, sizeof r.hint, e.hint);
	if (upgrade_ready_write(home, &r, &e)) {
		fprintf(stderr, "pithead: %s\n", e.message);
		return 1;
	}
	return rc ? err_exit_code(rc) : 0;
}
