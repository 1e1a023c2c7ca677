/* tree.c: lists, hashes, locks and removes the files of a bundle. Links are never followed: fts
 * walks physically and a link is refused. */
#include "backend/registry/tree.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/digest.h"
#include "backend/base/xalloc.h"

struct entry {
	char *line, *path; /* owned */
};

const char *tree_path_fault(const char *path)
{
	const char *part = path;

	if (!*path || *path == '/')
		return "is not a path relative to the bundle";
	if (strlen(path) > BUNDLE_PATH_MOST)
		return "is longer than 400 bytes";
	for (const unsigned char *p = (const unsigned char *)path; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return "holds a control character";
	while (part) {
		size_t n = strcspn(part, "/");

		if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && memcmp(part, "..", 2) == 0))
			return "holds an empty part, \".\" or \"..\"";
		part = part[n] ? part + n + 1 : NULL;
	}
	return NULL;
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static int add_file(
	const FTSENT *f, const char *path, struct entry *out, struct bundle *b, struct err *e)
{
	const char *fault = tree_path_fault(path);
	char hex[DIGEST_HEX];

	if (fault)
		return err_set(e, ERR_INVALID, "the path \"%.200s\" in the bundle %s", path, fault);
	if (b->files == BUNDLE_FILES_MOST)
		return err_set(e, ERR_TOO_LARGE, "a bundle may hold %d files", BUNDLE_FILES_MOST);
	if (digest_file(f->fts_accpath, hex, e) != 0)
		return e ? e->code : ERR_FAILED;
	b->files++;
	b->size_bytes += f->fts_statp->st_size;
	out->path = xstrdup(path);
	out->line = xasprintf("%s %lld %s %s\n",
		(f->fts_statp->st_mode & S_IXUSR) ? "100755" : "100644",
		(long long)f->fts_statp->st_size, hex, path);
	return 0;
}

/* Collects the lines of all files, in the order of the walk. */
static int walk(FTS *fts, size_t skip, struct entry **list, struct bundle *b, struct err *e)
{
	size_t capacity = 0;
	FTSENT *f;

	while ((f = fts_read(fts))) {
		const char *path = f->fts_pathlen > skip ? f->fts_path + skip : "";
		int code = 0;

		if (f->fts_info == FTS_D || f->fts_info == FTS_DP)
			continue;
		if ((size_t)b->files == capacity) {
			capacity = capacity ? capacity * 2 : 64;
			*list = xrealloc(*list, capacity, sizeof **list);
		}
		if (f->fts_info == FTS_F)
			code = add_file(f, path, &(*list)[b->files], b, e);
		else if (f->fts_info == FTS_ERR || f->fts_info == FTS_NS || f->fts_info == FTS_DNR)
			code = err_set(e, ERR_FAILED, "cannot read %.200s: %s", f->fts_path,
				strerror(f->fts_errno));
		else
			code = err_set(e, ERR_INVALID,
				"\"%.200s\" in the bundle is not a plain file: links and devices "
				"are not allowed",
				path);
		if (code != 0)
			return code;
	}
	return 0;
}

int tree_manifest(const char *folder, struct buf *out, struct bundle *b, struct err *e)
{
	char *const roots[] = {(char *)(uintptr_t)folder, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	struct entry *list = NULL;
	int code;

	*b = (struct bundle){.files = 0};
	if (!fts)
		return err_set(e, ERR_FAILED, "cannot read %s: %s", folder, strerror(errno));
	code = walk(fts, strlen(folder) + 1, &list, b, e);
	fts_close(fts);
	if (code == 0 && b->files == 0)
		code = err_set(
			e, ERR_INVALID, "the bundle is empty: it must hold at least one file");
	if (code == 0)
		qsort(list, (size_t)b->files, sizeof *list, compare_entries);
	for (int64_t i = 0; i < b->files; i++) {
		if (code == 0)
			buf_adds(out, list[i].line);
		free(list[i].line);
		free(list[i].path);
	}
	free(list);
	return code;
}

int tree_lock(const char *folder, struct err *e)
{
	char *const roots[] = {(char *)(uintptr_t)folder, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *f;
	int code = 0;

	if (!fts)
		return err_set(e, ERR_FAILED, "cannot read %s: %s", folder, strerror(errno));
	while (code == 0 && (f = fts_read(fts))) {
		mode_t mode = f->fts_info == FTS_D		  ? 0755
			      : (f->fts_statp->st_mode & S_IXUSR) ? 0555
								  : 0444;

		/* Folders stay writable for their owner, so that a bundle can be removed. */
		if ((f->fts_info == FTS_F || f->fts_info == FTS_D) &&
			chmod(f->fts_accpath, mode) != 0)
			code = err_set(e, ERR_FAILED, "cannot lock %.200s: %s", f->fts_path,
				strerror(errno));
	}
	fts_close(fts);
	return code;
}

void tree_remove(const char *path)
{
	char *const roots[] = {(char *)(uintptr_t)path, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *f;

	while (fts && (f = fts_read(fts))) {
		if (f->fts_info == FTS_DP)
			rmdir(f->fts_accpath);
		else if (f->fts_info != FTS_D)
			unlink(f->fts_accpath);
	}
	if (fts)
		fts_close(fts);
}
