/* upgrade.c: `engine upgrade` sends a program to the engine, and waits until the new one is healthy
 * or the old one is back; `--version`. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/base/version.h"
#include "backend/base/xalloc.h"
#include "backend/wire/paths.h"
#include "tui/client/codec.h"
#include "tui/shell/shell_priv.h"

#define SEND_MS 600000
#define LOOK_NS 50000000
#define MORE_MS 15000 /* after the bound: for the older program to be back */

/* What was handed over, as the engine said when it did. */
struct handed {
	char from_version[32], to_version[32], to_build[VERSION_BUILD], backup[300];
	int64_t bound_ms;
};

static void read_handed(const struct node *root, struct handed *h)
{
	const struct node *u = node_get(root, "upgrade");

	str_copy(h->from_version, sizeof h->from_version, node_str(u, "from_version", "?"));
	str_copy(h->to_version, sizeof h->to_version, node_str(u, "to_version", "?"));
	str_copy(h->to_build, sizeof h->to_build, node_str(u, "to_build", "?"));
	str_copy(h->backup, sizeof h->backup, node_str(u, "backup", ""));
	h->bound_ms = node_int(u, "bound_ms", 0);
}

/* Our own program is taken unasked only if it is not older than the engine's. */
static int check_newer(struct shell *sh, struct err *e)
{
	struct request q = REQUEST_INIT;
	struct reply r = {0};
	char theirs[32];
	int rc;

	q.path = PATH_ENGINE;
	rc = conn_call(sh->conn, &q, &r);
	if (rc)
		*e = r.err;
	str_copy(theirs, sizeof theirs,
		node_str(r.data ? snapshot_root(r.data) : NULL, "version", ""));
	reply_release(&r);
	if (rc || strverscmp(version_program(), theirs) >= 0)
		return rc;
	err_set(e, ERR_CONFLICT, "the engine (%s) is newer than this program (%s)", theirs,
		version_program());
	return err_hint(e, "to give it an older one all the same: --to=FILE");
}

static int open_program(const char *path, int64_t *size, struct err *e)
{
	struct stat st = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		err_set(e, ERR_INVALID, "cannot read %s: %s", path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
		err_set(e, ERR_INVALID, "%s is not a program", path);
		close(fd);
		return -1;
	}
	*size = st.st_size;
	return fd;
}

/* One look at the engine: 1 the new program is healthy, -1 the old one is back (with *e), 0 not yet
 * known. */
static int look(struct shell *sh, const struct handed *h, struct err *e)
{
	struct request q = REQUEST_INIT;
	struct reply r = {0};
	const struct node *root, *u;
	const char *phase;
	int result = 0, ours, meant;

	q.path = PATH_ENGINE;
	q.timeout_ms = 5000;
	if (conn_call(sh->conn, &q, &r) == 0 && r.data) {
		root = snapshot_root(r.data);
		u = node_get(root, "upgrade");
		phase = node_str(u, "phase", "");
		ours = strcmp(node_str(root, "build", ""), h->to_build) == 0;
		meant = strcmp(node_str(u, "to_build", ""), h->to_build) == 0;
		if (ours && !*phase)
			result = 1;
		else if (!ours && meant && strcmp(phase, "refused") == 0) {
			result = -1;
			err_set(e, ERR_FAILED, "the upgrade to %s failed, and %s runs again: %s",
				h->to_version, node_str(root, "version", "?"),
				node_str(u, "why", "it did not say why"));
			err_hint(e, "nothing is lost; see the alert, and HOME/log/upgrade.out");
		}
	}
	reply_release(&r);
	return result;
}

static int await(struct shell *sh, const struct handed *h, struct err *e)
{
	struct clock clock = clock_system();
	int64_t until = clock_mono_us(&clock) + (h->bound_ms + MORE_MS) * 1000;
	int result;

	while ((result = look(sh, h, e)) == 0) {
		if (clock_mono_us(&clock) > until) {
			err_set(e, ERR_TIMEOUT, "the engine does not answer after the upgrade");
			err_hint(e, "see HOME/log/engine.out and HOME/log/upgrade.out");
			return e->code;
		}
		nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
	}
	return result > 0 ? 0 : e->code;
}

static int conclude(struct shell *sh, const struct reply *r)
{
	const struct node *root = r->data ? snapshot_root(r->data) : NULL;
	int dry = parsed_get(sh->args, "dry-run") != NULL;
	struct handed h;
	struct err e = {0};

	read_handed(root, &h);
	if (!dry && r->status == 202) {
		if (!sh->json)
			fprintf(stderr, "backup    %s\nhanding over, for at most %" PRId64 " ms\n",
				h.backup, h.bound_ms);
		if (await(sh, &h, &e))
			return shell_fail(&e);
	}
	if (sh->json)
		shell_print_raw(r);
	else if (dry)
		shell_print_plan(node_get(root, "plan"));
	else if (r->status == 202)
		printf("the engine is %s now, and was %s; the way back is the backup\n",
			h.to_version, h.from_version);
	else
		printf("nothing to do: the engine runs this program already (%s)\n",
			h.from_version);
	return 0;
}

int shell_upgrade(struct shell *sh)
{
	const char *to = parsed_get(sh->args, "to"), *reason = parsed_get(sh->args, "reason");
	struct request q = REQUEST_INIT;
	struct buf path = {0};
	struct reply r = {0};
	struct err e = {0};
	int64_t size = 0;
	int fd = -1, code;

	if (shell_connect(sh, 0, &e) || (!to && check_newer(sh, &e)) ||
		(fd = open_program(to ? to : "/proc/self/exe", &size, &e)) < 0)
		return shell_fail(&e);
	buf_adds(&path, PATH_UPGRADE "?dry_run=");
	buf_adds(&path, parsed_get(sh->args, "dry-run") ? "1" : "0");
	if (reason) {
		buf_adds(&path, "&reason=");
		codec_escape(&path, reason);
	}
	q.method = "POST";
	q.path = buf_text(&path);
	q.upload_fd = fd;
	q.upload_size = size;
	q.timeout_ms = SEND_MS;
	if (!sh->json)
		fprintf(stderr, "trying the program%s\n",
			parsed_get(sh->args, "dry-run") ? "" : ", and making a backup");
	if (shell_ask(sh, &q, &r, &code) == 0)
		code = conclude(sh, &r);
	reply_release(&r);
	buf_release(&path);
	close(fd);
	return code;
}

int shell_version(const struct shell_hooks *hooks, int json)
{
	char build[VERSION_BUILD], *text;

	if (json) {
		text = hooks->version_json();
		puts(text);
		free(text);
		return 0;
	}
	version_build("/proc/self/exe", build);
	printf("pithead %s (API %s, build %s)\n", version_program(), version_api(), build);
	return 0;
}
