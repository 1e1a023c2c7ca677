/* archive_restore.c: unpacks the tar file of a backup, over libarchive. Entries are checked and
 * written by hand: a backup comes from a person's disk, and may have been put together by another.
 */
#include "backend/registry/archive_restore.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/xalloc.h"
#include "backend/registry/registry.h"
#include "backend/registry/tree.h"

#define ENTRY_PATH_MOST 600 /* a bundle's longest path, and where bundles are */

struct restore {
	struct archive *tar;
	const char *folder;
	int64_t bytes;
};

static const char *const parts[] = {"store", "keys", "log", "settings.conf"};

static int refuse(struct err *e, const char *path, const char *why)
{
	return err_set(e, ERR_INVALID, "the entry \"%.200s\" of the backup %s", path, why);
}

/* What is wrong with a path inside a backup, or NULL. */
static const char *path_fault(const char *path)
{
	size_t first = strcspn(path, "/"), known = 0;

	if (!*path || *path == '/')
		return "is not a relative path";
	if (strlen(path) > ENTRY_PATH_MOST)
		return "is too long";
	for (const unsigned char *p = (const unsigned char *)path; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return "holds a control character";
	for (const char *part = path; part;) {
		size_t n = strcspn(part, "/");

		if (n == 0 || (n <= 2 && strspn(part, ".") >= n))
			return "holds an empty part, \".\" or \"..\"";
		part = part[n] ? part + n + 1 : NULL;
	}
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		known |= strlen(parts[i]) == first && strncmp(path, parts[i], first) == 0;
	return known ? NULL : "is not part of a backup of pithead";
}

/* The tree is ours alone and holds no links, so that the names can be trusted. */
static int make_folders(const char *full, size_t skip, struct err *e)
{
	char *copy = xstrdup(full);
	int rc = 0;

	for (char *p = copy + skip; rc == 0 && (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		if (mkdir(copy, 0700) != 0 && errno != EEXIST)
			rc = err_set(e, errno == ENOSPC ? ERR_DISK_FULL : ERR_FAILED,
				"cannot make %s: %s", copy, strerror(errno));
	}
	free(copy);
	return rc;
}

static int copy_data(struct restore *r, int fd, const char *path, struct err *e)
{
	static char block[65536]; /* one thread */
	la_ssize_t n;

	while ((n = archive_read_data(r->tar, block, sizeof block)) > 0) {
		for (la_ssize_t done = 0, put; done < n; done += put) {
			put = write(fd, block + done, (size_t)(n - done));
			if (put < 0)
				return err_set(e, errno == ENOSPC ? ERR_DISK_FULL : ERR_FAILED,
					"cannot write %.200s: %s", path, strerror(errno));
		}
		r->bytes += n;
	}
	if (n < 0)
		return refuse(e, path, "breaks off: the file is not whole");
	if (fsync(fd) < 0)
		return err_set(e, ERR_FAILED, "cannot write %.200s: %s", path, strerror(errno));
	return 0;
}

static int restore_file(
	struct restore *r, const char *path, const char *full, unsigned mode, struct err *e)
{
	int fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), rc;

	if (fd < 0)
		return errno == EEXIST || errno == EISDIR ? refuse(e, path, "is there twice")
		       : errno == ENOTDIR		  ? refuse(e, path, "lies below a file")
					  : err_set(e, ERR_FAILED, "cannot write %.200s: %s", path,
						    strerror(errno));
	rc = copy_data(r, fd, path, e);
	/* Nobody else writes here, and nothing runs with another's rights. */
	if (rc == 0 && fchmod(fd, mode & 0755) < 0)
		rc = err_set(
			e, ERR_FAILED, "cannot set the mode of %.200s: %s", path, strerror(errno));
	close(fd);
	return rc;
}

static int restore_folder(const char *path, const char *full, unsigned mode, struct err *e)
{
	if ((mkdir(full, 0700) == 0 || errno == EEXIST) && chmod(full, (mode & 0755) | 0700) == 0)
		return 0;
	return err_set(e, ERR_FAILED, "cannot make %.200s: %s", path, strerror(errno));
}

static int restore_entry(struct restore *r, struct archive_entry *entry, struct err *e)
{
	const char *raw = archive_entry_pathname(entry), *fault;
	char path[ENTRY_PATH_MOST + 2], *full;
	size_t n;
	int rc;

	if (!raw)
		return refuse(e, "?", "has no readable name");
	while (raw[0] == '.' && raw[1] == '/')
		raw += 2;
	if (!raw[0])
		return 0;
	if (archive_entry_hardlink(entry) || archive_entry_symlink(entry))
		return refuse(e, raw, "is a link");
	str_copy(path, sizeof path, raw);
	n = strlen(path);
	if (n > 1 && path[n - 1] == '/')
		path[n - 1] = '\0';
	fault = path_fault(path);
	if (fault)
		return refuse(e, raw, fault);
	full = xasprintf("%s/%s", r->folder, path);
	rc = make_folders(full, strlen(r->folder) + 1, e);
	if (rc == 0 && archive_entry_filetype(entry) == AE_IFDIR)
		rc = restore_folder(path, full, archive_entry_perm(entry), e);
	else if (rc == 0 && archive_entry_filetype(entry) == AE_IFREG)
		rc = restore_file(r, path, full, archive_entry_perm(entry), e);
	else if (rc == 0)
		rc = refuse(e, path, "is neither a file nor a folder");
	free(full);
	return rc;
}

int archive_restore(const char *tar_path, const char *folder, int64_t *bytes, struct err *e)
{
	struct restore r = {.tar = archive_read_new(), .folder = folder};
	struct archive_entry *entry;
	int rc = 0, status = ARCHIVE_OK;

	archive_read_support_format_tar(r.tar);
	if (access(tar_path, R_OK) < 0)
		rc = err_set(e, ERR_FAILED, "cannot read %s: %s", tar_path, strerror(errno));
	else if (archive_read_open_filename(r.tar, tar_path, 65536) != ARCHIVE_OK)
		rc = err_set(e, ERR_INVALID, "%s is not a backup: %s", tar_path,
			archive_error_string(r.tar));
	while (rc == 0 && ((status = archive_read_next_header(r.tar, &entry)) == ARCHIVE_OK ||
				  status == ARCHIVE_WARN))
		rc = restore_entry(&r, entry, e);
	if (rc == 0 && status != ARCHIVE_EOF) {
		const char *why = archive_error_string(r.tar);

		rc = err_set(e, ERR_INVALID, "%s is not a whole backup: %s", tar_path,
			why ? why : "it breaks off");
	}
	archive_read_free(r.tar);
	if (bytes)
		*bytes = r.bytes;
	return rc;
}

void archive_remove(const char *folder)
{
	tree_remove(folder);
}

int archive_check_bundles(const char *home, int *count, struct err *e)
{
	char *path = xasprintf("%s/store/bundles", home), digest[80];
	DIR *d = opendir(path);
	struct dirent *entry;
	int rc = 0;

	*count = 0;
	while (rc == 0 && d && (entry = readdir(d))) {
		if (strncmp(entry->d_name, "sha256-", 7) != 0 || strlen(entry->d_name) != 7 + 64)
			continue;
		snprintf(digest, sizeof digest, "sha256:%.64s", entry->d_name + 7);
		rc = registry_verify(home, digest, e);
		*count += rc == 0;
	}
	if (d)
		closedir(d);
	free(path);
	return rc;
}
