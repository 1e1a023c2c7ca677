/* version.c: `version add` packs a folder and sends it; `version verify` compares a folder with
 * the manifest of a version that the engine keeps; `backup` writes what the engine sends. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/digest.h"
#include "backend/base/xalloc.h"
#include "backend/wire/paths.h"
#include "tui/client/bundle_tar.h"
#include "tui/client/codec.h"
#include "tui/shell/shell_priv.h"

#define BUNDLE_MOST (256 << 20)

static void print_added(const struct node *root)
{
	const struct node *v = node_get(root, "version");

	printf("%s/%s is %s, %" PRId64 " files, %" PRId64 " bytes\n", node_str(v, "project", "?"),
		node_str(v, "name", "?"), node_str(v, "digest", "?"), node_int(v, "files", 0),
		node_int(v, "size_bytes", 0));
}

/* What comes in is kept first: the engine is told how much it is before it is sent. It is the
 * engine that looks into it. */
static int read_stdin(int *fd, int64_t *size, struct err *e)
{
	char block[65536];
	ssize_t n;

	*size = 0;
	*fd = memfd_create("bundle", MFD_CLOEXEC);
	while (*fd >= 0 && (n = read(STDIN_FILENO, block, sizeof block)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || write(*fd, block, (size_t)n) != n)
			break;
		*size += n;
		if (*size > BUNDLE_MOST)
			return err_set(e, ERR_TOO_LARGE, "what comes in is larger than %d MB",
				BUNDLE_MOST >> 20);
	}
	if (*fd < 0 || n != 0 || lseek(*fd, 0, SEEK_SET) < 0)
		return err_set(e, ERR_FAILED, "cannot read standard input: %s", strerror(errno));
	if (*size == 0)
		return err_set(e, ERR_INVALID, "standard input is empty, expected a tar file");
	return 0;
}

static int pack(const char *from, int *fd, int64_t *size, int *files, struct err *e)
{
	*files = 0;
	return strcmp(from, "-") == 0 ? read_stdin(fd, size, e)
				      : bundle_tar_write(from, fd, size, files, e);
}

int shell_version_add(struct shell *sh)
{
	struct request q = REQUEST_INIT;
	struct buf path = {0};
	struct reply r = {0};
	struct err e = {0};
	int fd = -1, files, code;
	int64_t size;
	char id[40];

	if (pack(parsed_get(sh->args, "DIR"), &fd, &size, &files, &e) || shell_connect(sh, 1, &e)) {
		if (fd >= 0)
			close(fd);
		return shell_fail(&e);
	}
	buf_adds(&path, PATH_VERSIONS "?project=");
	codec_escape(&path, parsed_get(sh->args, "project"));
	buf_adds(&path, "&name=");
	codec_escape(&path, parsed_get(sh->args, "name"));
	shell_make_id(id);
	q.method = "POST";
	q.path = buf_text(&path);
	q.upload_fd = fd;
	q.upload_size = size;
	q.idempotency = id;
	q.timeout_ms = 600000;
	if (shell_ask(sh, &q, &r, &code) == 0) {
		if (sh->json || !r.data)
			shell_print_raw(&r);
		else
			print_added(snapshot_root(r.data));
	}
	reply_release(&r);
	buf_release(&path);
	close(fd);
	return code;
}

/* One manifest line is "MODE SIZE DIGEST PATH", as the registry writes it. 0, or -1 for a line
 * that is none. */
static int check_line(const char *folder, const char *text, int *bad)
{
	char hex[DIGEST_HEX], found[DIGEST_HEX], *path;
	struct stat st = {0};
	unsigned mode;
	int at = 0;

	if (sscanf(text, "%o %*d %64[0-9a-f] %n", &mode, hex, &at) < 2 || !at || !text[at])
		return -1;
	path = xasprintf("%s/%s", folder, text + at);
	if (lstat(path, &st) < 0 || digest_file(path, found, NULL)) {
		printf("missing  %s\n", text + at);
		(*bad)++;
	} else if (strcmp(found, hex) != 0) {
		printf("differs  %s\n", text + at);
		(*bad)++;
	} else if (!(st.st_mode & 0111) != !(mode & 0111)) {
		printf("differs  %s: only one of them may be run\n", text + at);
		(*bad)++;
	}
	free(path);
	return 0;
}

static int verify_folder(const char *folder, const struct node *v)
{
	char *manifest = xstrdup(node_str(v, "manifest", ""));
	int files = 0, bad = 0, there = 0, fd = -1;
	int64_t size;
	struct err e;

	for (char *save = NULL, *p = strtok_r(manifest, "\n", &save); p;
		p = strtok_r(NULL, "\n", &save))
		if (check_line(folder, p, &bad) == 0)
			files++;
	free(manifest);
	/* Packing counts the files and refuses what a version cannot hold. */
	if (bundle_tar_write(folder, &fd, &size, &there, &e))
		return shell_fail(&e);
	close(fd);
	if (there > files)
		printf("%d files are in the folder and not in the version\n", there - files);
	if (bad || there != files || files == 0) {
		printf("%s is NOT %s/%s\n", folder, node_str(v, "project", "?"),
			node_str(v, "name", "?"));
		return 1;
	}
	printf("%s is %s/%s: %d files, %s\n", folder, node_str(v, "project", "?"),
		node_str(v, "name", "?"), files, node_str(v, "digest", "?"));
	return 0;
}

int shell_version_verify(struct shell *sh)
{
	struct parsed show = *sh->args;
	struct request q = REQUEST_INIT;
	struct reply r = {0};
	struct err e = {0};
	char *path = NULL, *body = NULL;
	const char *words[] = {"version", "show"};
	int used, code;

	show.command = command_find(2, words, &used);
	if (command_request(&show, sh->now_us, &path, &body, &e) || shell_connect(sh, 1, &e)) {
		free(path);
		return shell_fail(&e);
	}
	q.path = path;
	if (shell_ask(sh, &q, &r, &code) == 0)
		code = verify_folder(
			parsed_get(sh->args, "DIR"), r.data ? snapshot_root(r.data) : NULL);
	reply_release(&r);
	free(path);
	return code;
}

int shell_backup(struct shell *sh)
{
	const char *file = parsed_get(sh->args, "FILE");
	char *part = xasprintf("%s.part", file);
	struct request q = REQUEST_INIT;
	struct reply r = {0};
	struct err e = {0};
	struct stat st = {0};
	int code, fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		err_set(&e, ERR_FAILED, "cannot write %s: %s", part, strerror(errno));
	if (fd < 0 || shell_connect(sh, 1, &e)) {
		code = shell_fail(&e);
		goto out;
	}
	q.method = "POST";
	q.path = PATH_BACKUP;
	q.download_fd = fd;
	q.timeout_ms = 600000;
	if (shell_ask(sh, &q, &r, &code) == 0) {
		/* The file has its name only when all of it is on the disk. */
		if (fsync(fd) < 0 || fstat(fd, &st) < 0 || rename(part, file) < 0) {
			err_set(&e, ERR_FAILED, "cannot finish %s: %s", file, strerror(errno));
			code = shell_fail(&e);
		} else
			printf("%s: %" PRId64
			       " bytes; restore into an empty home: pithead restore %s\n",
				file, (int64_t)st.st_size, file);
	}
out:
	if (fd >= 0)
		close(fd);
	if (code)
		unlink(part);
	reply_release(&r);
	free(part);
	return code;
}
