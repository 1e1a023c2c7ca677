/* unpack.c: tar files in and out, over libarchive. In: every entry is checked and written by hand,
 * because what comes from a client must not reach beyond its folder. Out: backups. */
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

#include "backend/registry/registry.h"
#include "backend/registry/tree.h"

struct unpack {
	struct archive *tar;
	const char *folder;
	int64_t files, bytes;
};

static int refuse(struct err *e, const char *path, const char *why)
{
	err_set(e, ERR_INVALID, "the entry \"%.200s\" of the tar file %s", path, why);
	return err_field(e, "body");
}

/* "./a/b/" as "a/b". */
static void clean_path(const char *raw, char *out, size_t size)
{
	size_t n;

	while (raw[0] == '.' && raw[1] == '/') {
		raw += 2;
		raw += strspn(raw, "/");
	}
	snprintf(out, size, "%s", raw);
	n = strlen(out);
	while (n > 1 && out[n - 1] == '/')
		out[--n] = '\0';
	if (strcmp(out, ".") == 0)
		out[0] = '\0';
}

/* Makes the folders above path. The tree is ours and holds no links, so names can be trusted. */
static int make_parents(const char *full, size_t skip, struct err *e)
{
	char part[2048];

	snprintf(part, sizeof part, "%s", full);
	for (char *p = part + skip; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return err_set(e, ERR_FAILED, "cannot make %s: %s", part, strerror(errno));
		*p = '/';
	}
	return 0;
}

static int too_large(struct err *e)
{
	err_set(e, ERR_TOO_LARGE, "a bundle may hold %lld MB", BUNDLE_BYTES_MOST >> 20);
	return err_field(e, "body");
}

/* size is what the entry says of itself: sparse files whose end is a hole give less. */
static int copy_data(struct unpack *u, int fd, const char *path, int64_t size, struct err *e)
{
	char block[65536];
	int64_t start = u->bytes;
	la_ssize_t n;

	if (size < 0 || size > BUNDLE_BYTES_MOST - start)
		return too_large(e);
	while ((n = archive_read_data(u->tar, block, sizeof block)) > 0) {
		u->bytes += n;
		if (u->bytes > BUNDLE_BYTES_MOST)
			return too_large(e);
		for (la_ssize_t done = 0, put; done < n; done += put) {
			put = write(fd, block + done, (size_t)(n - done));
			if (put < 0)
				return err_set(e, errno == ENOSPC ? ERR_DISK_FULL : ERR_FAILED,
					"cannot write %.200s: %s", path, strerror(errno));
		}
	}
	if (n < 0) {
		const char *why = archive_error_string(u->tar);

		err_set(e, ERR_INVALID, "the tar file breaks off in \"%.200s\": %s", path,
			why ? why : "unknown");
		return err_field(e, "body");
	}
	if (u->bytes - start != size)
		return refuse(e, path, "is sparse; write it without holes (tar without -S)");
	return 0;
}

static int unpack_file(struct unpack *u, struct archive_entry *entry, const char *path,
	const char *full, struct err *e)
{
	unsigned mode = archive_entry_perm(entry);
	int fd, code;

	if (++u->files > BUNDLE_FILES_MOST) {
		err_set(e, ERR_TOO_LARGE, "a bundle may hold %d files", BUNDLE_FILES_MOST);
		return err_field(e, "body");
	}
	fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		mode & 0100 ? 0700 : 0600);
	if (fd < 0)
		return errno == EEXIST || errno == EISDIR ? refuse(e, path, "is there twice")
		       : errno == ENOTDIR		  ? refuse(e, path, "lies below a file")
					  : err_set(e, ERR_FAILED, "cannot write %.200s: %s", path,
						    strerror(errno));
	code = copy_data(u, fd, path, archive_entry_size(entry), e);
	close(fd);
	return code;
}

static int unpack_entry(struct unpack *u, struct archive_entry *entry, struct err *e)
{
	const char *raw = archive_entry_pathname(entry), *fault;
	char path[1024], full[2048];

	if (!raw)
		return refuse(e, "?", "has no readable name");
	if (strlen(raw) >= sizeof path)
		return refuse(e, raw, "has a path longer than 400 bytes");
	clean_path(raw, path, sizeof path);
	if (archive_entry_hardlink(entry) || archive_entry_symlink(entry))
		return refuse(e, path, "is a link; put the file itself there");
	if (!path[0] && archive_entry_filetype(entry) == AE_IFDIR)
		return 0;
	fault = tree_path_fault(path);
	if (fault)
		return refuse(e, raw, fault);
	snprintf(full, sizeof full, "%s/%s", u->folder, path);
	if (make_parents(full, strlen(u->folder) + 1, e) != 0)
		return ERR_FAILED;
	if (archive_entry_filetype(entry) == AE_IFDIR)
		return mkdir(full, 0755) == 0 || errno == EEXIST
			       ? 0
			       : err_set(e, ERR_FAILED, "cannot make %.200s: %s", path,
					 strerror(errno));
	if (archive_entry_filetype(entry) != AE_IFREG)
		return refuse(e, path, "is neither a file nor a folder");
	return unpack_file(u, entry, path, full, e);
}

static int unpack_all(struct unpack *u, struct err *e)
{
	struct archive_entry *entry;
	int entries = 0, status;

	while ((status = archive_read_next_header(u->tar, &entry)) == ARCHIVE_OK ||
		status == ARCHIVE_WARN) {
		if (++entries > 2 * BUNDLE_FILES_MOST)
			return err_set(e, ERR_TOO_LARGE, "the tar file has too many entries");
		if (unpack_entry(u, entry, e) != 0)
			return e->code;
	}
	if (status != ARCHIVE_EOF || u->files == 0) {
		const char *why =
			status == ARCHIVE_EOF ? "it holds no file" : archive_error_string(u->tar);

		err_set(e, ERR_INVALID, "the body is not a tar file of a bundle: %s",
			why ? why : "unknown");
		return err_field(e, "body");
	}
	return 0;
}

static int make_folder(const char *home, char *folder, size_t size, struct err *e)
{
	static const char *const parts[] = {"store", "store/bundles"};

	for (int i = 0; i < 2; i++) {
		snprintf(folder, size, "%s/%s", home, parts[i]);
		if (mkdir(folder, i ? 0755 : 0700) != 0 && errno != EEXIST)
			return err_set(
				e, ERR_FAILED, "cannot make %s: %s", folder, strerror(errno));
	}
	if ((size_t)snprintf(folder, size, "%s/store/bundles/tmp-XXXXXX", home) >= size ||
		!mkdtemp(folder))
		return err_set(e, ERR_FAILED, "cannot make a folder in %s/store/bundles: %s", home,
			strerror(errno));
	return 0;
}

int registry_unpack(
	const char *home, const char *tar_path, char *folder, size_t size, struct err *e)
{
	struct unpack u = {.tar = archive_read_new(), .folder = folder};
	int code = make_folder(home, folder, size, e);

	if (code != 0) {
		archive_read_free(u.tar);
		return code;
	}
	/* Plain tar only: no filters, so that a small body cannot grow without limit. */
	archive_read_support_format_tar(u.tar);
	if (archive_read_open_filename(u.tar, tar_path, 65536) != ARCHIVE_OK) {
		err_set(e, ERR_INVALID, "the body is not a tar file: %s",
			archive_error_string(u.tar));
		code = err_field(e, "body");
	} else {
		code = unpack_all(&u, e);
	}
	archive_read_free(u.tar);
	if (code != 0) {
		tree_remove(folder);
		folder[0] = '\0';
	}
	return code;
}

static int pack_file(struct archive *tar, const FTSENT *f, struct err *e)
{
	char block[65536];
	int fd = open(f->fts_accpath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = 0;

	/* A file that has gone meanwhile leaves zeroes; the reader's digests tell. */
	while (fd >= 0 && (n = read(fd, block, sizeof block)) > 0)
		if (archive_write_data(tar, block, (size_t)n) < 0) {
			close(fd);
			return err_set(e, ERR_FAILED, "cannot write the tar file: %s",
				archive_error_string(tar));
		}
	if (fd >= 0)
		close(fd);
	return n < 0 ? err_set(e, ERR_FAILED, "cannot read %.200s", f->fts_path) : 0;
}

static int pack_entry(struct archive *tar, const FTSENT *f, const char *name, struct err *e)
{
	struct archive_entry *entry = archive_entry_new();
	int code = 0;

	archive_entry_set_pathname(entry, name);
	archive_entry_copy_stat(entry, f->fts_statp);
	if (archive_write_header(tar, entry) != ARCHIVE_OK)
		code = err_set(
			e, ERR_FAILED, "cannot write the tar file: %s", archive_error_string(tar));
	else if (f->fts_info == FTS_F)
		code = pack_file(tar, f, e);
	archive_entry_free(entry);
	return code;
}

static int pack_item(struct archive *tar, const struct pack_item *item, struct err *e)
{
	char *const roots[] = {(char *)(uintptr_t)item->path, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	size_t skip = strlen(item->path);
	int code = 0;
	FTSENT *f;

	while (code == 0 && fts && (f = fts_read(fts))) {
		char name[2048];

		if (f->fts_info != FTS_F && f->fts_info != FTS_D)
			continue;
		if (f->fts_info == FTS_D && strncmp(f->fts_name, "tmp-", 4) == 0) {
			fts_set(fts, f, FTS_SKIP);
			continue;
		}
		snprintf(name, sizeof name, "%s%s", item->name, f->fts_path + skip);
		code = pack_entry(tar, f, name, e);
	}
	if (fts)
		fts_close(fts);
	return code;
}

int registry_pack(int fd, const struct pack_item *items, int count, struct err *e)
{
	struct archive *tar = archive_write_new();
	int code = 0;

	archive_write_set_format_pax_restricted(tar);
	if (archive_write_open_fd(tar, fd) != ARCHIVE_OK)
		code = err_set(
			e, ERR_FAILED, "cannot write a tar file: %s", archive_error_string(tar));
	for (int i = 0; code == 0 && i < count; i++)
		code = pack_item(tar, &items[i], e);
	if (code == 0 && archive_write_close(tar) != ARCHIVE_OK)
		code = err_set(
			e, ERR_FAILED, "cannot end the tar file: %s", archive_error_string(tar));
	archive_write_free(tar);
	return code;
}
