/* checkpoint_store.c: the file of signed checkpoints, HOME/log/checkpoints: outside the database,
 * so that a cut or an old copy of the database is seen. Only appended to. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/audit/checkpoint.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"
#include "backend/store/store_priv.h"

#define TAIL_BYTES 4096 /* holds the last note, and more */

/* Reads the end of the file: the last whole note's sequence, and where the whole notes end. */
static int read_tail(struct store *s, off_t size, off_t *whole_end)
{
	char tail[TAIL_BYTES];
	off_t from = size > TAIL_BYTES ? size - TAIL_BYTES : 0;
	ssize_t n = pread(s->checkpoints, tail, sizeof tail, from);
	struct checkpoint c;
	size_t at = 0;
	int rc;

	if (n < 0)
		return -1;
	if (from > 0) { /* start at a note's first line */
		char *start = memmem(tail, (size_t)n, "\n\n" CHECKPOINT_ORIGIN "\n",
			sizeof "\n\n" CHECKPOINT_ORIGIN);
		if (!start)
			return 0;
		at = (size_t)(start - tail) + 2;
	}
	while ((rc = checkpoint_next(tail, (size_t)n, &at, &c)) != 0)
		if (rc > 0 && c.seq > s->signed_seq)
			s->signed_seq = c.seq;
	*whole_end = from + (off_t)at;
	return 0;
}

int store_open_checkpoints(struct store *s, struct err *e)
{
	char *path = xasprintf("%s/log/checkpoints", s->home);
	struct stat st;
	off_t end;
	int rc = 0;

	s->checkpoints = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (s->checkpoints < 0 || fstat(s->checkpoints, &st) ||
		(end = st.st_size, read_tail(s, st.st_size, &end)) ||
		/* A crash in the middle of a write left half a note: it was never promised. */
		(end < st.st_size && ftruncate(s->checkpoints, end)))
		rc = err_set(e, errno == ENOSPC ? ERR_DISK_FULL : ERR_STORE,
			"cannot open the checkpoints %s: %s", path, strerror(errno));
	free(path);
	if (!rc && s->signed_seq > s->head.seq)
		log_warn("audit.shorter",
			"the audit log ends at %lld, its signed checkpoints at %lld: "
			"it was cut or an old copy was put in place",
			(long long)s->head.seq, (long long)s->signed_seq);
	if (!rc && s->signed_seq < s->head.seq)
		s->uncovered_since_us = clock_mono_us(s->clock);
	return rc;
}

static int is_due(const struct store *s, int force)
{
	if (s->uncovered_since_us < 0)
		return 0;
	return force || s->head.seq - s->signed_seq >= s->settings.checkpoint_events ||
	       clock_mono_us(s->clock) - s->uncovered_since_us >= s->settings.checkpoint_ms * 1000;
}

/* Appends the note whole or not at all. */
static int write_note(struct store *s, const struct buf *note)
{
	off_t before = lseek(s->checkpoints, 0, SEEK_END);
	ssize_t n = write(s->checkpoints, note->data, note->len);
	int why = errno;

	if (n == (ssize_t)note->len && fdatasync(s->checkpoints) == 0)
		return 0;
	if (n >= 0)
		why = n == (ssize_t)note->len ? errno : ENOSPC;
	if (before >= 0 && ftruncate(s->checkpoints, before))
		log_error("audit.checkpoint", "half a checkpoint could not be taken back");
	errno = why;
	return -1;
}

int store_checkpoint(struct store *s, int force, struct err *e)
{
	struct buf note = {0};
	int rc = 0;

	if (s->read_only || s->on_probation || s->checkpoints < 0)
		return 0;
	if (!is_due(s, force))
		return 0;
	store_restore_reserve(s);
	checkpoint_format(s->head.seq, s->head.hash, s->key, &note);
	if (write_note(s, &note)) {
		rc = err_set(e, errno == ENOSPC || errno == EFBIG ? ERR_DISK_FULL : ERR_STORE,
			"cannot write %s/log/checkpoints: %s", s->home, strerror(errno));
	} else {
		s->signed_seq = s->head.seq;
		s->uncovered_since_us = -1;
	}
	buf_release(&note);
	return rc;
}
