/* replay.c: `rollout replay`: fetches what a rollout was judged by, and its frozen cards, into a
 * file of JSON lines, and hands that to the local command that folds it again. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/xalloc.h"
#include "backend/wire/paths.h"
#include "tui/client/codec.h"
#include "tui/shell/shell_priv.h"

/* One answer as one line of the file. *next: where the journal goes on, 0 = its end. */
static int fetch(struct shell *sh, const char *path, FILE *out, int64_t *next)
{
	struct request q = REQUEST_INIT;
	struct reply r = {0};
	int code;

	q.path = path;
	*next = 0;
	if (shell_ask(sh, &q, &r, &code) == 0) {
		*next = r.data ? node_int(snapshot_root(r.data), "next", 0) : 0;
		fprintf(out, "%s\n", buf_text(&r.body));
	}
	reply_release(&r);
	return code;
}

static int fetch_all(struct shell *sh, const char *rollout, FILE *out)
{
	int64_t after = 0, none;
	char path[160];
	int code;

	do {
		snprintf(path, sizeof path, PATH_ROLLOUTS "/%.40s/journal?after=%" PRId64, rollout,
			after);
		code = fetch(sh, path, out, &after);
	} while (code == 0 && after);
	if (code)
		return code;
	snprintf(path, sizeof path, PATH_ROLLOUTS "/%.40s/cards", rollout);
	return fetch(sh, path, out, &none);
}

static int fold(struct shell *sh, char *file)
{
	const char *policy = parsed_get(sh->args, "policy");
	char *option = policy ? xasprintf("--policy=%s", policy) : NULL;
	char name[] = "rollout replay", json[] = "--json";
	char *argv[5] = {name, file};
	int argc = 2, code = 1;

	if (option)
		argv[argc++] = option;
	if (sh->json)
		argv[argc++] = json;
	for (const struct local_command *l = sh->hooks->locals; l && l->name; l++)
		if (strcmp(l->name, "rollout replay") == 0)
			code = l->run(argc, argv);
	free(option);
	return code;
}

int shell_replay(struct shell *sh)
{
	const char *folder = getenv("TMPDIR");
	char *file = xasprintf("%s/pithead-replay-XXXXXX", folder && *folder ? folder : "/tmp");
	struct err e = {0};
	FILE *out = NULL;
	int fd = mkstemp(file), code;

	if (fd >= 0)
		out = fdopen(fd, "w");
	if (!out) {
		err_set(&e, ERR_FAILED, "cannot write %s: %s", file, strerror(errno));
		code = shell_fail(&e);
	} else if (shell_connect(sh, 1, &e)) {
		code = shell_fail(&e);
	} else {
		code = fetch_all(sh, parsed_get(sh->args, "N"), out);
	}
	if (out && fclose(out) != 0 && code == 0) {
		err_set(&e, ERR_FAILED, "cannot write %s: %s", file, strerror(errno));
		code = shell_fail(&e);
	}
	if (code == 0)
		code = fold(sh, file);
	if (fd >= 0)
		unlink(file);
	free(file);
	return code;
}
