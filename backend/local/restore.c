/* restore.c: unpacks a backup into the home. Everything is done beside the home's own files first:
 * unpack, verify, put on hold, sign the event that names what is lost; only then are names moved.
 * So there is no moment at which an engine could start on restored state and not be on hold.
 * The gateway and what it routes are not touched. */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backend/audit/verify.h"
#include "backend/base/clock.h"
#include "backend/base/home.h"
#include "backend/base/xalloc.h"
#include "backend/keeper.h"
#include "backend/local/codec_local.h"
#include "backend/local/local.h"
#include "backend/local/restore_home.h"
#include "backend/local/restored.h"
#include "backend/local/words.h"
#include "backend/registry/archive_restore.h"
#include "backend/store/store.h"

static const char usage[] =
	"pithead restore [--replace] [--json] FILE\n"
	"Restores a backup (pithead backup) into the home ($PITHEAD_HOME). No engine may run "
	"there;\n"
	"a home that holds a store already needs --replace, which puts the old one aside.\n"
	"The next engine is on hold and moves nothing until: pithead engine hold stored|observed";

/* The home is there, ours, and may be written. */
static int prepare_home(struct restored *r, int replace, struct err *e)
{
	char store[300];
	struct stat st;

	if (restore_make_home(r->home, e))
		return e->code;
	if (stat(r->home, &st) == 0 && st.st_uid != geteuid()) {
		const struct passwd *pw = getpwuid(st.st_uid);

		err_set(e, ERR_DENIED, "%s belongs to %s", r->home, pw ? pw->pw_name : "another");
		return err_hint(e, "restore as its owner: sudo -u %s pithead restore %s",
			pw ? pw->pw_name : "OWNER", r->file);
	}
	snprintf(store, sizeof store, "%s/store/state.db", r->home);
	if (!replace && access(store, F_OK) == 0) {
		err_set(e, ERR_CONFLICT, "%s holds a store already", r->home);
		return err_hint(e, "to put it aside: pithead restore --replace %s", r->file);
	}
	return 0;
}

/* Unpacks into HOME/restore-XXXXXX and proves that it is whole. *finding: what verify said. */
static int unpack(struct restored *r, enum audit_finding *finding, struct err *e)
{
	struct audit_report report;
	char path[340];
	int rc;

	snprintf(r->folder, sizeof r->folder, "%s/restore-XXXXXX", r->home);
	if (!mkdtemp(r->folder)) {
		r->folder[0] = '\0';
		return err_set(
			e, ERR_FAILED, "cannot make a folder in %s: %s", r->home, strerror(errno));
	}
	rc = archive_restore(r->file, r->folder, &r->bytes, e);
	if (rc)
		return rc;
	snprintf(path, sizeof path, "%s/store/state.db", r->folder);
	if (access(path, F_OK) < 0)
		return err_set(
			e, ERR_INVALID, "%s is not a backup: it holds no store/state.db", r->file);
	snprintf(path, sizeof path, "%s/keys/audit.pem", r->folder);
	if (access(path, F_OK) < 0)
		return err_set(
			e, ERR_INVALID, "%s is not a backup: it holds no keys/audit.pem", r->file);
	rc = audit_verify(r->folder, &report, NULL, NULL, e);
	if (rc)
		return rc;
	if (report.finding != AUDIT_WHOLE) {
		*finding = report.finding;
		err_set(e, ERR_FAILED, "the backup's audit log is not whole: %s", report.sentence);
		return err_hint(e, "nothing was changed; restore an older backup");
	}
	r->last_seq = report.events;
	return archive_check_bundles(r->folder, &r->bundles, e);
}

static void name_lost_range(struct restored *r)
{
	char *s = r->sentence;
	size_t size = sizeof r->sentence;

	if (r->other_key)
		snprintf(s, size,
			"restored up to event %" PRId64 "; what this home held before was another "
			"log (another key), up to event %" PRId64 ": all of it is set aside",
			r->last_seq, r->old_seq);
	else if (r->old_seq > r->last_seq)
		snprintf(s, size,
			"restored up to event %" PRId64 "; events %" PRId64 " to %" PRId64
			" are lost (%" PRId64 " of them): they are only in what was set aside",
			r->last_seq, r->last_seq + 1, r->old_seq, r->old_seq - r->last_seq);
	else if (r->has_old)
		snprintf(s, size,
			"restored up to event %" PRId64
			"; this home is not known to have had later "
			"events",
			r->last_seq);
	else
		snprintf(s, size,
			"restored up to event %" PRId64 " into an empty home: what came after the "
			"backup, if anything did, is not known here",
			r->last_seq);
}

static int64_t login_uid(void)
{
	unsigned uid = (unsigned)-1;
	FILE *f = fopen("/proc/self/loginuid", "re");

	if (f && fscanf(f, "%u", &uid) != 1)
		uid = (unsigned)-1;
	if (f)
		fclose(f);
	return uid == (unsigned)-1 ? -1 : (int64_t)uid;
}

/* One transaction: the hold and the event that says why. */
static int append_restore(struct store *s, struct restored *r, struct err *e)
{
	const struct passwd *pw = getpwuid(getuid());
	const char *slash = strrchr(r->file, '/');
	char *text =
		xasprintf("%s, up to event %" PRId64, slash ? slash + 1 : r->file, r->last_seq);
	char *after = codec_format_text(text), name[32];
	struct event ev = {.actor_uid = getuid(),
		.login_uid = login_uid(),
		.actor = pw ? pw->pw_name : name,
		.role = "admin",
		.via = "command",
		.verb = "engine.restore",
		.subject = "engine",
		.after = after,
		.reason = r->sentence,
		.change = 1};
	int rc;

	snprintf(name, sizeof name, "uid %u", (unsigned)getuid());
	rc = store_begin(s, e);
	if (!rc)
		rc = store_append_event(s, &ev, &r->seq, e);
	if (!rc)
		rc = store_set_fact(s, "hold", "restore", e);
	if (!rc)
		rc = store_commit(s, e);
	else
		store_rollback(s);
	free(after);
	free(text);
	return rc;
}

/* The event is signed before anything gets its name: a checkpoint at once, not when it is due. */
static int put_on_hold(struct restored *r, struct err *e)
{
	struct clock clock = clock_system();
	struct settings set;
	struct store *s;
	int rc;

	settings_init(&set);
	s = store_open(r->folder, &set, &clock, 0, e);
	if (!s)
		return e->code;
	r->last_seq = store_head(s);
	name_lost_range(r);
	rc = append_restore(s, r, e);
	if (!rc)
		rc = store_checkpoint(s, 1, e);
	store_close(s);
	return rc;
}

/* The end of the names of what goes aside: by the time, and free even for two in one second. */
static void name_aside(struct restored *r)
{
	time_t now = time(NULL);
	struct tm utc;
	size_t used;

	gmtime_r(&now, &utc);
	used = strftime(r->suffix, sizeof r->suffix, ".before-restore-%Y%m%dT%H%M%SZ", &utc);
	for (int n = 2; n < 100; n++) {
		char *path = xasprintf("%s/keys%s", r->home, r->suffix);
		int taken = access(path, F_OK) == 0;

		free(path);
		if (!taken)
			return;
		snprintf(r->suffix + used, sizeof r->suffix - used, "-%d", n);
	}
}

static int restore(struct restored *r, int replace, enum audit_finding *finding, struct err *e)
{
	int rc = prepare_home(r, replace, e), lock;

	if (rc)
		return rc;
	lock = lock_take(r->home, "engine.lock", 1000); /* one told to stop may be on its way out */
	if (lock < 0) {
		err_set(e, ERR_CONFLICT, "an engine runs in %s", r->home);
		return err_hint(e, "stop it (traffic goes on): pithead engine stop");
	}
	name_aside(r);
	rc = unpack(r, finding, e);
	restore_find_old(r);
	if (!rc)
		rc = put_on_hold(r, e);
	if (!rc)
		rc = restore_swap(r, e);
	if (r->folder[0])
		archive_remove(r->folder);
	close(lock);
	return rc;
}

int local_restore(int argc, char **argv)
{
	struct words w = {.usage = usage, .own_flag = "--replace", .takes_file = 1};
	int code = words_read(&w, argc, argv);
	enum audit_finding finding = AUDIT_WHOLE;
	struct restored r = {0};
	struct err e = {0};
	mode_t mask;

	if (code >= 0)
		return code;
	if (!w.file) {
		fprintf(stderr, "usage: %.*s\n", (int)strcspn(usage, "\n"), usage);
		return 2;
	}
	r.file = w.file;
	mask = umask(077);
	if (state_home_find(r.home, sizeof r.home, &e) || restore(&r, w.flag, &finding, &e)) {
		umask(mask);
		code = words_fail(w.json, &e);
		return finding ? (int)finding : code == 2 ? 1 : code;
	}
	umask(mask);
	if (w.json) {
		codec_print_restored(&r);
		return 0;
	}
	printf("restored  %s from %s (%" PRId64 " MB, %d bundles, all whole)\n", r.home, r.file,
		r.bytes >> 20, r.bundles);
	printf("lost      %s\n", r.sentence);
	if (r.has_old)
		printf("aside     %s/store%s and the like; remove them when you are sure\n", r.home,
			r.suffix);
	printf("hold      event %" PRId64 ". Nothing moves until you choose:\n"
	       "  pithead status\n"
	       "  pithead engine hold observed   keep what runs now\n"
	       "  pithead engine hold stored     route as the backup says\n",
		r.seq);
	return 0;
}
