/* registry.c: the folder of bundles: taking, verifying, sweeping. Entries named sha256-HEX are
 * bundles, sha256-HEX.manifest the lines that gave the digest, tmp-* uploads under way. */
#include "backend/registry/registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/digest.h"
#include "backend/base/log.h"
#include "backend/registry/tree.h"

#define PREFIX "sha256:"

static void bundles_path(const char *home, char *out, size_t size)
{
	snprintf(out, size, "%s/store/bundles", home);
}

void registry_path(const char *home, const char *digest, char *out, size_t size)
{
	const char *hex =
		strncmp(digest, PREFIX, strlen(PREFIX)) == 0 ? digest + strlen(PREFIX) : digest;

	snprintf(out, size, "%s/store/bundles/sha256-%s", home, hex);
}

/* Digests come from the store, but a path is made of them: only hex digits, 64 of them. */
static int check_digest(const char *digest, struct err *e)
{
	size_t n = strlen(PREFIX);

	if (strncmp(digest, PREFIX, n) == 0 && strlen(digest + n) == 64 &&
		strspn(digest + n, "0123456789abcdef") == 64)
		return 0;
	return err_set(e, ERR_INVALID, "\"%.80s\" is no digest of a bundle", digest);
}

void registry_discard(const char *home, const char *folder)
{
	char bundles[300];
	size_t n;

	bundles_path(home, bundles, sizeof bundles);
	n = strlen(bundles);
	if (strncmp(folder, bundles, n) == 0 && strncmp(folder + n, "/tmp-", 5) == 0 &&
		!strchr(folder + n + 1, '/'))
		tree_remove(folder);
}

void registry_sweep(const char *home)
{
	char bundles[300], path[600];
	const struct dirent *entry;
	DIR *d;

	bundles_path(home, bundles, sizeof bundles);
	d = opendir(bundles);
	if (!d)
		return;
	while ((entry = readdir(d))) {
		if (strncmp(entry->d_name, "tmp-", 4) != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", bundles, entry->d_name);
		tree_remove(path);
	}
	closedir(d);
}

int registry_measure(const char *folder, struct bundle *out, struct buf *manifest, struct err *e)
{
	struct buf lines = {0};
	int code = tree_manifest(folder, &lines, out, e);

	if (code == 0) {
		/* Not digest_hex: this may be the last thing that a thread does, and that one keeps
		 * a context for each thread. */
		struct digest *d = digest_new();
		char hex[DIGEST_HEX];

		digest_add(d, buf_text(&lines), lines.len);
		digest_finish(d, hex);
		snprintf(out->digest, sizeof out->digest, PREFIX "%s", hex);
		if (manifest)
			buf_add(manifest, buf_text(&lines), lines.len);
	}
	buf_release(&lines);
	return code;
}

int registry_verify(const char *home, const char *digest, struct err *e)
{
	char path[400];
	struct bundle found;
	struct stat st;

	if (check_digest(digest, e) != 0)
		return e ? e->code : ERR_INVALID;
	registry_path(home, digest, path, sizeof path);
	if (stat(path, &st) != 0)
		return err_set(e, ERR_NOT_FOUND, "the bundle %s is not on this machine", digest);
	if (registry_measure(path, &found, NULL, e) != 0)
		return ERR_CONFLICT;
	if (strcmp(found.digest, digest) != 0) {
		err_set(e, ERR_CONFLICT, "the bundle %s was altered: its files give %s", digest,
			found.digest);
		err_hint(e, "add the version again from where it was built");
		return ERR_CONFLICT;
	}
	return 0;
}

int registry_manifest(const char *home, const char *digest, struct buf *out, struct err *e)
{
	char path[400], file[420];
	struct bundle found;
	struct buf text = {0};
	int code = 0;

	if (check_digest(digest, e) != 0)
		return ERR_INVALID;
	registry_path(home, digest, path, sizeof path);
	snprintf(file, sizeof file, "%s.manifest", path);
	if (buf_read_file(&text, file, BUNDLE_FILES_MOST * (BUNDLE_PATH_MOST + 100)) == 0) {
		char hex[DIGEST_HEX];

		digest_hex(buf_text(&text), text.len, hex);
		if (strcmp(hex, digest + strlen(PREFIX)) == 0)
			buf_add(out, buf_text(&text), text.len);
		else
			buf_reset(&text);
	}
	if (!text.len)
		code = registry_measure(path, &found, out, e);
	buf_release(&text);
	return code;
}

/* Everything of the file system, once: cheaper than each file by itself. */
static int reach_disk(const char *folder, struct err *e)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int failed = fd < 0 || syncfs(fd) != 0;

	if (failed)
		err_set(e, ERR_FAILED, "cannot write the bundle to disk: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return failed ? ERR_FAILED : 0;
}

int registry_seal(const char *home, const char *folder, struct sealed *out, struct err *e)
{
	int code;

	*out = (struct sealed){.known = 0};
	code = registry_measure(folder, &out->bundle, &out->manifest, e);
	if (code == 0)
		code = tree_lock(folder, e);
	if (code == 0)
		code = reach_disk(folder, e);
	if (code == 0)
		out->known = registry_verify(home, out->bundle.digest, NULL) == 0;
	else
		registry_release(out);
	return code;
}

void registry_release(struct sealed *s)
{
	buf_release(&s->manifest);
	*s = (struct sealed){.known = 0};
}

/* Puts the finished folder at its name. */
static int place(const char *home, const char *folder, const struct sealed *s, struct err *e)
{
	char target[400], bad[420];

	registry_path(home, s->bundle.digest, target, sizeof target);
	if (rename(folder, target) == 0)
		return 0;
	if (errno != EEXIST && errno != ENOTEMPTY)
		return err_set(
			e, ERR_FAILED, "cannot name the bundle %s: %s", target, strerror(errno));
	/* Asked anew: the same bundle may have come twice at once. */
	if (s->known || registry_verify(home, s->bundle.digest, NULL) == 0) {
		tree_remove(folder);
		return 0;
	}
	log_warn("registry", "%s was damaged and is replaced", target);
	snprintf(bad, sizeof bad, "%s/store/bundles/tmp-bad-%ld", home, (long)getpid());
	if (rename(target, bad) != 0 || rename(folder, target) != 0)
		return err_set(e, ERR_FAILED, "cannot replace the damaged bundle %s: %s", target,
			strerror(errno));
	tree_remove(bad);
	return 0;
}

int registry_take(const char *home, const char *folder, const struct sealed *s, struct err *e)
{
	int code = place(home, folder, s, e);
	char file[420];

	if (code != 0)
		return code;
	registry_path(home, s->bundle.digest, file, sizeof file - 10);
	strcat(file, ".manifest");
	/* Only a copy for fast reading: without it the bundle is read anew. */
	if (file_write_atomic(file, buf_text(&s->manifest), s->manifest.len, 0444) != 0)
		log_warn("registry", "%s is not kept: %s", file, strerror(errno));
	return 0;
}
