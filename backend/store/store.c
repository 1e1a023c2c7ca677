/* store.c: opens and closes the databases, transactions under the writer's term, the disk reserve
 * and backups. Rows are in the *_store.c files beside it. */
#include "backend/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "backend/base/xalloc.h"
#include "backend/store/migrations.h"
#include "backend/store/store_priv.h"

#define RESERVE_BYTES (1 << 20)
#define RESERVE_ROOM  (16 << 20) /* free bytes from which the reserve is made again */

static const struct db_table *const tables[TABLE_COUNT] = {
	[TABLE_AUDIT] = &audit_table,
	[TABLE_ENDPOINTS] = &endpoints_table,
	[TABLE_ENDPOINT_CONFIGS] = &endpoint_configs_table,
	[TABLE_OVERRIDES] = &overrides_table,
	[TABLE_DRAINS] = &drains_table,
	[TABLE_SLOTS] = &slots_table,
	[TABLE_REPLICAS] = &replicas_table,
	[TABLE_VERSIONS] = &versions_table,
	[TABLE_ROLLOUTS] = &rollouts_table,
	[TABLE_APPROVALS] = &approvals_table,
	[TABLE_ALERTS] = &alerts_table,
	[TABLE_SPECS] = &specs_table,
	[TABLE_ANSWERS] = &answers_table,
	[TABLE_FACTS] = &facts_table,
	[TABLE_CARDS] = &cards_table,
	[TABLE_HOLDS] = &holds_table,
	[TABLE_PROPOSALS] = &proposals_table,
	[TABLE_VOTES] = &votes_table,
	[TABLE_RECORDS] = &records_table,
	[TABLE_OUTCOMES] = &outcomes_table,
	[TABLE_TRIALS] = &trials_table,
};

static int make_folder(const char *path, mode_t mode, struct err *e)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	return err_set(e, errno == ENOSPC ? ERR_DISK_FULL : ERR_STORE,
		"cannot make the folder %s: %s", path, strerror(errno));
}

static int make_folders(const char *home, struct err *e)
{
	static const char *const names[] = {"store", "keys", "log"};
	int rc = make_folder(home, 0711, e);

	for (size_t i = 0; !rc && i < sizeof names / sizeof names[0]; i++) {
		char *path = xasprintf("%s/%s", home, names[i]);
		rc = make_folder(path, 0700, e);
		free(path);
	}
	return rc;
}

/* The reserve holds real blocks: a sparse file would free nothing. No room for it is no fault. */
static void make_reserve(const struct store *s)
{
	char *path = xasprintf("%s/store/reserve", s->home);
	struct statvfs room;
	struct stat st;
	int fd = -1;

	if (stat(path, &st) == 0 && st.st_size == RESERVE_BYTES)
		goto out;
	if (statvfs(s->home, &room) || (uint64_t)room.f_bavail * room.f_frsize < RESERVE_ROOM)
		goto out;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && posix_fallocate(fd, 0, RESERVE_BYTES) != 0)
		unlink(path);
	if (fd >= 0)
		close(fd);
out:
	free(path);
}

static struct db *open_one(struct store *s, const char *name, enum db_mode mode,
	const struct migration *rows, struct err *e)
{
	char *path = xasprintf("%s/store/%s", s->home, name);
	struct db *d = store_ops_sqlite.open(path, s->read_only ? DB_READ_ONLY : mode, e);
	int rc = 0;

	free(path);
	if (d && s->on_probation)
		rc = d->ops->hold_back(d, 1, e);
	if (d && !rc)
		rc = s->read_only ? migrations_check(d, rows, e)
				  : migrations_run(d, rows, !s->on_probation, e);
	if (d && rc) {
		d->ops->close(d);
		return NULL;
	}
	return d;
}

static int prepare_all(struct store *s, struct err *e)
{
	for (int t = 0; t < TABLE_COUNT; t++) {
		struct db *d = t < TABLE_RECORDS ? s->state : s->telemetry;
		s->queries[t] = db_prepare(d, tables[t], e);
		if (!s->queries[t])
			return ERR_STORE;
	}
	return 0;
}

static int open_for_writing(struct store *s, struct err *e)
{
	char *path = xasprintf("%s/keys/audit.pem", s->home);

	s->key = sign_key_open(path, e);
	free(path);
	if (!s->key)
		return ERR_FAILED;
	s->epoch = s->state->ops->lease_acquire(s->state, e);
	if (s->epoch < 0)
		return (int)s->epoch;
	make_reserve(s);
	return store_open_checkpoints(s, e);
}

struct store *store_open(const char *home, const struct settings *settings,
	const struct clock *clock, int mode, struct err *e)
{
	int read_only = mode == STORE_READ_ONLY;
	struct store *s = xcalloc(1, sizeof *s);

	s->home = xstrdup(home);
	s->settings = *settings;
	s->clock = clock;
	s->read_only = read_only;
	s->on_probation = mode == STORE_PROBATION;
	s->checkpoints = -1;
	s->uncovered_since_us = -1;
	if ((!read_only && make_folders(home, e)) ||
		!(s->state = open_one(s, "state.db", DB_DURABLE, state_migrations, e)) ||
		!(s->telemetry = open_one(s, "telemetry.db", DB_FAST, telemetry_migrations, e)) ||
		prepare_all(s, e) || store_load_head(s, e) ||
		(!read_only && open_for_writing(s, e))) {
		store_close(s);
		return NULL;
	}
	return s;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_rollback(s);
	if (s->in_batch)
		telemetry_end_batch(s, NULL);
	if (s->checkpoints >= 0) {
		store_checkpoint(s, 1, NULL);
		close(s->checkpoints);
	}
	for (int t = 0; t < TABLE_COUNT; t++)
		db_finish(s->queries[t], tables[t]->count);
	store_ops_sqlite.close(s->telemetry);
	store_ops_sqlite.close(s->state);
	sign_key_free(s->key);
	buf_release(&s->scratch);
	buf_release(&s->canonical);
	free(s->home);
	free(s);
}

static int check_term(struct store *s, struct err *e)
{
	int64_t epoch = s->state->ops->lease_read(s->state, e);

	if (epoch < 0)
		return (int)epoch;
	if (epoch == s->epoch)
		return 0;
	err_set(e, ERR_CONFLICT,
		"another engine has taken over %s (term %" PRId64 ", ours was %" PRId64 ")",
		s->state->path, epoch, s->epoch);
	return err_hint(e, "this engine must stop: `pithead engine status` names the other one");
}

int store_begin(struct store *s, struct err *e)
{
	int rc;

	must(!s->in_transaction);
	if (s->read_only)
		return err_set(e, ERR_STORE, "%s was opened for reading only", s->state->path);
	rc = s->state->ops->begin(s->state, e);
	if (rc)
		return rc;
	s->in_transaction = 1;
	s->pending = s->head;
	/* The transaction holds the write lock, so the term cannot move before its end. */
	rc = check_term(s, e);
	if (rc)
		store_rollback(s);
	return rc;
}

int store_commit(struct store *s, struct err *e)
{
	int rc;

	must(s->in_transaction);
	rc = s->state->ops->commit(s->state, e);
	if (rc) {
		store_rollback(s);
		return rc;
	}
	s->in_transaction = 0;
	if (s->pending.seq > s->head.seq && s->uncovered_since_us < 0)
		s->uncovered_since_us = clock_mono_us(s->clock);
	s->head = s->pending;
	return 0;
}

void store_rollback(struct store *s)
{
	if (!s->in_transaction)
		return;
	s->state->ops->rollback(s->state);
	s->in_transaction = 0;
	s->pending = s->head;
}

int store_run(struct store *s, struct db_query *q, struct err *e)
{
	int own = !s->in_transaction, rc = own ? store_begin(s, e) : 0;

	if (rc)
		return rc;
	rc = db_run(q, e);
	if (own && !rc)
		return store_commit(s, e);
	if (own)
		store_rollback(s);
	return rc;
}

int64_t store_head(const struct store *s)
{
	return s->head.seq;
}

int store_release_reserve(struct store *s)
{
	char *path = xasprintf("%s/store/reserve", s->home);
	int rc = unlink(path) == 0 ? 0 : ERR_DISK_FULL;

	free(path);
	return rc;
}

void store_restore_reserve(struct store *s)
{
	make_reserve(s);
}

int store_confirm(struct store *s, struct err *e)
{
	int rc = s->state->ops->hold_back(s->state, 0, e);

	s->on_probation = 0;
	return rc ? rc : s->telemetry->ops->hold_back(s->telemetry, 0, e);
}

/* The logs of the databases, and the index of each. */
static const char *const log_names[] = {
	"state.db-wal", "state.db-shm", "telemetry.db-wal", "telemetry.db-shm"};

int store_is_settled(const char *home)
{
	int settled = 1;

	for (size_t i = 0; i < sizeof log_names / sizeof log_names[0]; i += 2) {
		char *path = xasprintf("%s/store/%s", home, log_names[i]);
		struct stat st;

		settled &= stat(path, &st) < 0 || st.st_size == 0;
		free(path);
	}
	return settled;
}

int store_take_back(const char *home, struct err *e)
{
	char *folder = xasprintf("%s/store", home);
	int rc = 0, fd;

	for (size_t i = 0; i < sizeof log_names / sizeof log_names[0]; i++) {
		char *path = xasprintf("%s/%s", folder, log_names[i]);

		if (unlink(path) < 0 && errno != ENOENT)
			rc = err_set(e, ERR_STORE, "cannot remove %s: %s", path, strerror(errno));
		free(path);
	}
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(folder);
	return rc;
}

void store_schema(int64_t *state, int64_t *telemetry)
{
	*state = migrations_last(state_migrations);
	*telemetry = migrations_last(telemetry_migrations);
}

int store_backup(struct store *s, const char *folder, struct err *e)
{
	struct db *const all[] = {s->state, s->telemetry};
	static const char *const names[] = {"state.db", "telemetry.db"};
	int rc = make_folder(folder, 0700, e);

	must(!s->in_transaction);
	if (!rc && s->in_batch)
		rc = telemetry_end_batch(s, e);
	for (int i = 0; !rc && i < 2; i++) {
		char *path = xasprintf("%s/%s", folder, names[i]);
		rc = all[i]->ops->copy(all[i], path, e);
		free(path);
	}
	return rc;
}
