/* restore_home.c: what a home held before a restore, and the moving of names. */
#include "backend/local/restore_home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/audit/checkpoint.h"
#include "backend/base/buf.h"
#include "backend/base/clock.h"
#include "backend/base/xalloc.h"
#include "backend/store/store.h"

#define CHECKPOINTS_MOST (1 << 30)

/* What a backup holds, in the order of moving: the store last, so that no engine finds it before
 * its key and checkpoints are there. */
static const char *const parts[] = {"settings.conf", "keys", "log/checkpoints", "store"};
#define PARTS ((int)(sizeof parts / sizeof parts[0]))

int restore_make_home(const char *home, struct err *e)
{
	char *path = xstrdup(home);
	mode_t old = umask(0);
	int rc = 0;

	for (char *p = path + 1; rc == 0 && (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		rc = mkdir(path, 0755) < 0 && errno != EEXIST ? -1 : 0;
	}
	if (rc == 0 && mkdir(path, 0711) < 0 && errno != EEXIST)
		rc = -1;
	if (rc)
		err_set(e, ERR_FAILED, "cannot make the home %s: %s", home, strerror(errno));
	umask(old);
	free(path);
	return rc ? ERR_FAILED : 0;
}

/* The highest sequence that HOME/log/checkpoints names, 0 = none. */
static int64_t last_signed(const char *home)
{
	char *path = xasprintf("%s/log/checkpoints", home);
	struct buf file = {0};
	struct checkpoint c;
	int64_t seq = 0;
	size_t at = 0;

	if (buf_read_file(&file, path, CHECKPOINTS_MOST) == 0)
		while (checkpoint_next(buf_text(&file), file.len, &at, &c) > 0)
			seq = c.seq > seq ? c.seq : seq;
	buf_release(&file);
	free(path);
	return seq;
}

/* The last event of the home's own store; 0 when it cannot be read (which may be why we are here).
 */
static int64_t last_stored(const char *home)
{
	struct clock clock = clock_system();
	struct settings set;
	struct store *s;
	int64_t seq = 0;

	settings_init(&set);
	s = store_open(home, &set, &clock, 1, NULL);
	if (s)
		seq = store_head(s);
	store_close(s);
	return seq;
}

static int same_file(const char *a, const char *b)
{
	struct buf x = {0}, y = {0};
	int same = buf_read_file(&x, a, 65536) == 0 && buf_read_file(&y, b, 65536) == 0 &&
		   x.len == y.len && memcmp(buf_text(&x), buf_text(&y), x.len) == 0;

	buf_release(&x);
	buf_release(&y);
	return same;
}

void restore_find_old(struct restored *r)
{
	char *key = xasprintf("%s/keys/audit.pem.pub", r->home);
	char *key_new = xasprintf("%s/keys/audit.pem.pub", r->folder);
	char *db = xasprintf("%s/store/state.db", r->home);
	int64_t stored = 0;

	r->old_seq = last_signed(r->home);
	r->has_old = r->old_seq > 0 || access(db, F_OK) == 0;
	if (access(db, F_OK) == 0)
		stored = last_stored(r->home);
	if (stored > r->old_seq)
		r->old_seq = stored;
	r->other_key = r->has_old && access(key, F_OK) == 0 && !same_file(key, key_new);
	free(key);
	free(key_new);
	free(db);
}

static int move(const char *from, const char *to, struct err *e)
{
	if (rename(from, to) == 0)
		return 0;
	return err_set(e, ERR_FAILED, "cannot move %s to %s: %s", from, to, strerror(errno));
}

/* One part: what is there goes aside, what was unpacked takes its place. */
static int swap_part(const struct restored *r, const char *part, struct err *e)
{
	char *now = xasprintf("%s/%s", r->home, part);
	char *aside = xasprintf("%s/%s%s", r->home, part, r->suffix);
	char *from = xasprintf("%s/%s", r->folder, part);
	int rc = 0, moved = 0;

	if (access(now, F_OK) == 0 && (rc = move(now, aside, e)) == 0)
		moved = 1;
	if (rc == 0 && access(from, F_OK) == 0)
		rc = move(from, now, e);
	if (rc && moved)
		move(aside, now, NULL);
	free(now);
	free(aside);
	free(from);
	return rc;
}

static void take_back(const struct restored *r, const char *part)
{
	char *now = xasprintf("%s/%s", r->home, part);
	char *aside = xasprintf("%s/%s%s", r->home, part, r->suffix);
	char *from = xasprintf("%s/%s", r->folder, part);

	if (access(from, F_OK) < 0)
		move(now, from, NULL);
	if (access(aside, F_OK) == 0)
		move(aside, now, NULL);
	free(now);
	free(aside);
	free(from);
}

static void sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

int restore_swap(struct restored *r, struct err *e)
{
	char *log = xasprintf("%s/log", r->home);
	int rc = 0, done = 0;

	if (mkdir(log, 0700) < 0 && errno != EEXIST)
		rc = err_set(e, ERR_FAILED, "cannot make %s: %s", log, strerror(errno));
	for (; rc == 0 && done < PARTS; done += rc == 0)
		rc = swap_part(r, parts[done], e);
	while (rc && done > 0)
		take_back(r, parts[--done]);
	sync_folder(log);
	sync_folder(r->home);
	free(log);
	return rc;
}
