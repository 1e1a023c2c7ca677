/* backup.c: see backup.h. */
#include "backend/backup/backup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/base/xalloc.h"
#include "backend/registry/archive_restore.h"
#include "backend/registry/registry.h"
#include "backend/store/store.h"

static int copy_databases(const char *home, const char *stage, struct err *e)
{
	struct clock clock = clock_system();
	char to[BACKUP_PATH + 16];
	struct settings set;
	struct store *s;
	int rc;

	settings_init(&set);
	s = store_open(home, &set, &clock, STORE_READ_ONLY, e);
	if (!s)
		return e->code;
	snprintf(to, sizeof to, "%s/store", stage);
	rc = store_backup(s, to, e);
	store_close(s);
	return rc;
}

static int fill(const char *home, const char *stage, struct err *e)
{
	static const char *const made[] = {"store", "log"};
	char from[BACKUP_PATH], to[BACKUP_PATH + 32];

	for (int i = 0; i < 2; i++) {
		snprintf(to, sizeof to, "%s/%s", stage, made[i]);
		if (mkdir(to, 0700) < 0)
			return err_set(e, ERR_FAILED, "cannot make %s: %s", to, strerror(errno));
	}
	snprintf(from, sizeof from, "%s/keys", home);
	snprintf(to, sizeof to, "%s/keys", stage);
	if (symlink(from, to) < 0)
		return err_set(e, ERR_FAILED, "cannot make %s: %s", to, strerror(errno));
	snprintf(from, sizeof from, "%s/log/checkpoints", home);
	snprintf(to, sizeof to, "%s/log/checkpoints", stage);
	if (file_copy(from, to, 0600, e))
		return e->code;
	return copy_databases(home, stage, e);
}

int backup_stage(const char *home, char stage[BACKUP_PATH], struct err *e)
{
	snprintf(stage, BACKUP_PATH, "%s/run/upload/backup-XXXXXX", home);
	if (!mkdtemp(stage)) {
		err_set(e, ERR_FAILED, "cannot make %s: %s", stage, strerror(errno));
		*stage = '\0';
		return ERR_FAILED;
	}
	return fill(home, stage, e);
}

int backup_pack(const char *home, const char *stage, int fd, struct err *e)
{
	char paths[5][BACKUP_PATH + 32];
	const struct pack_item items[] = {{paths[0], "store"}, {paths[1], "store/bundles"},
		{paths[2], "keys"}, {paths[3], "settings.conf"}, {paths[4], "log/checkpoints"}};

	snprintf(paths[0], sizeof paths[0], "%s/store", stage);
	snprintf(paths[1], sizeof paths[1], "%s/store/bundles", home);
	snprintf(paths[2], sizeof paths[2], "%s/keys", home);
	snprintf(paths[3], sizeof paths[3], "%s/settings.conf", home);
	snprintf(paths[4], sizeof paths[4], "%s/log/checkpoints", stage);
	return registry_pack(fd, items, 5, e);
}

void backup_unstage(const char *stage)
{
	if (*stage)
		archive_remove(stage);
}
