/* bundle_tar.c: a folder as a deterministic tar, by libarchive. Order, owner and times are fixed;
 * of the mode only "may be run" is kept. */
#include "tui/client/bundle_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/xalloc.h"

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int archive_failed(struct archive *a, const char *name, struct err *e)
{
	const char *why = archive_error_string(a);

	return err_set(e, ERR_FAILED, "cannot pack %s: %s", name, why ? why : "unknown");
}

static int copy_contents(struct archive *a, const char *path, int64_t size, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc = 0;
	char part[65536];
	ssize_t n = 0;

	if (fd < 0)
		return err_set(e, ERR_FAILED, "cannot read %s: %s", path, strerror(errno));
	while (rc == 0 && size > 0 &&
		((n = read(fd, part, sizeof part)) > 0 || (n < 0 && errno == EINTR))) {
		if (n < 0)
			continue;
		if (n > size)
			break;
		if (archive_write_data(a, part, (size_t)n) != n)
			rc = archive_failed(a, path, e);
		size -= n;
	}
	close(fd);
	if (rc == 0 && size != 0)
		rc = err_set(e, ERR_FAILED, "%s changed while it was read", path);
	return rc;
}

static int add_file(
	struct archive *a, const char *path, const char *name, const struct stat *st, struct err *e)
{
	struct archive_entry *entry = archive_entry_new();
	int rc = 0;

	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, st->st_mode & 0111 ? 0755 : 0644);
	archive_entry_set_size(entry, st->st_size);
	archive_entry_set_mtime(entry, 0, 0);
	if (archive_write_header(a, entry) != ARCHIVE_OK)
		rc = archive_failed(a, path, e);
	else
		rc = copy_contents(a, path, st->st_size, e);
	archive_entry_free(entry);
	return rc;
}

static int add_tree(struct archive *a, const char *folder, int *files, struct err *e)
{
	char *roots[] = {(char *)(uintptr_t)folder, NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	FTSENT *f;
	int rc = 0;

	if (!tree)
		return err_set(e, ERR_FAILED, "cannot read %s: %s", folder, strerror(errno));
	while (rc == 0 && (f = fts_read(tree))) {
		const char *name = f->fts_path + strlen(folder);

		name += strspn(name, "/");
		if (f->fts_info == FTS_D || f->fts_info == FTS_DP)
			continue;
		if (f->fts_info == FTS_F) {
			rc = add_file(a, f->fts_path, name, f->fts_statp, e);
			(*files)++;
		} else if (f->fts_info == FTS_DNR || f->fts_info == FTS_ERR ||
			   f->fts_info == FTS_NS)
			rc = err_set(e, ERR_FAILED, "cannot read %s: %s", f->fts_path,
				strerror(f->fts_errno));
		else {
			err_set(e, ERR_INVALID, "%s is a link or device", f->fts_path);
			rc = err_hint(
				e, "a version holds plain files only: copy what it points to");
		}
	}
	fts_close(tree);
	if (rc == 0 && *files == 0)
		rc = err_set(e, ERR_INVALID, "%s holds no files", folder);
	return rc;
}

static int temporary_file(struct err *e)
{
	const char *dir = getenv("TMPDIR");
	char *path = xasprintf("%s/pithead.XXXXXX", dir && *dir ? dir : "/tmp");
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0)
		err_set(e, ERR_FAILED, "no temporary file %s: %s", path, strerror(errno));
	else
		unlink(path);
	free(path);
	return fd;
}

int bundle_tar_write(const char *folder, int *fd, int64_t *size, int *files, struct err *e)
{
	struct archive *a;
	struct stat st;
	int out, rc;

	*files = 0;
	if (stat(folder, &st) < 0)
		return err_set(e, ERR_INVALID, "%s: %s", folder, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_INVALID, "%s is not a folder", folder);
	out = temporary_file(e);
	if (out < 0)
		return ERR_FAILED;
	a = archive_write_new();
	must(a);
	/* "restricted pax": ustar, with pax headers only where a name or size needs them. */
	archive_write_set_format_pax_restricted(a);
	archive_write_set_bytes_in_last_block(a, 1);
	rc = archive_write_open_fd(a, out) == ARCHIVE_OK ? 0 : archive_failed(a, folder, e);
	if (rc == 0)
		rc = add_tree(a, folder, files, e);
	if (archive_write_close(a) != ARCHIVE_OK && rc == 0)
		rc = archive_failed(a, folder, e);
	archive_write_free(a);
	if (rc == 0 && (fstat(out, &st) < 0 || lseek(out, 0, SEEK_SET) < 0))
		rc = err_set(e, ERR_FAILED, "temporary file: %s", strerror(errno));
	if (rc) {
		close(out);
		return rc;
	}
	*size = st.st_size;
	*fd = out;
	return 0;
}
