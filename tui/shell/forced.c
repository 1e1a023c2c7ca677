/* forced.c: `pithead forced`, what authorized_keys names as command= for a robot's key: takes the
 * line that ssh was given from $SSH_ORIGINAL_COMMAND, cuts it into words itself (there is no shell
 * that could be talked into anything), and runs it if it is one of a closed list. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/wire/paths.h"
#include "tui/shell/shell_priv.h"

#define LINE_MOST 65536

/* Whether the comma-separated list has exactly this name. */
static int list_has(const char *list, const char *name)
{
	size_t n = strlen(name);

	while (*list) {
		size_t len;

		list += strspn(list, ", ");
		len = strcspn(list, ",");
		while (len && list[len - 1] == ' ')
			len--;
		if (len == n && strncmp(list, name, n) == 0)
			return 1;
		list += strcspn(list, ",");
	}
	return 0;
}

static int check_line(const char *line, const char *may, struct err *e)
{
	if (!line || !line[strspn(line, " \t")]) {
		err_set(e, ERR_INVALID, "this key opens no shell and no console");
		return err_hint(e, "ssh HOST pithead COMMAND; allowed: %.200s", may);
	}
	if (strlen(line) > LINE_MOST)
		return err_set(e, ERR_INVALID, "the command is longer than %d bytes", LINE_MOST);
	for (const char *p = line; *p; p++)
		if ((unsigned char)*p < 32 || *p == 127)
			return err_set(e, ERR_INVALID,
				"the command has a control character, such as a new line");
	return 0;
}

/* Files of this machine stay closed: what is read or written goes through ssh. */
static int check_value(const char *name, const char *type, const char *value, struct err *e)
{
	static const char *const closed[] = {"FILE", "DIR", "TRACE", "PROGRAM", "PATH"};

	for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++)
		if (strcmp(type, closed[i]) == 0 && strcmp(value, "-") != 0) {
			err_set(e, ERR_DENIED,
				"%.40s would be a file of this machine, which is closed here",
				name);
			return err_hint(e, "- is what you send (standard input)");
		}
	if (strcmp(name, "write") == 0)
		return err_set(e, ERR_DENIED, "--write would change a file of this machine");
	return 0;
}

static int check_parsed(const struct parsed *p, const char *may, struct err *e)
{
	if (!p->command || !list_has(may, p->command->name)) {
		err_set(e, ERR_DENIED, "%s is not on the list of this key",
			p->command ? p->command->name : "the console");
		return err_hint(e, "allowed: %.200s", may);
	}
	for (int i = 0; i < p->count; i++)
		if (check_value(p->values[i].name, p->values[i].type, p->values[i].value, e))
			return e->code;
	return 0;
}

int forced_parse(const char *line, const char *may, struct forced *out, struct err *e)
{
	struct parsed p = {0};
	int rc;

	*out = (struct forced){.count = 1};
	out->words[0] = "pithead";
	if (check_line(line, may, e))
		return e->code;
	rc = command_split(line, out->words + 1, FORCED_WORDS - 2, &out->memory, e);
	if (rc < 0)
		return rc;
	out->count += rc;
	/* With the program's name or without. */
	if (out->count > 1 && strcmp(out->words[1], "pithead") == 0)
		memmove(out->words + 1, out->words + 2,
			(size_t)(--out->count - 1) * sizeof out->words[0]);
	out->words[out->count] = NULL;
	rc = command_parse(out->count - 1, out->words + 1, &p, e);
	if (!rc)
		rc = check_parsed(&p, may, e);
	parsed_release(&p);
	return rc;
}

/* The list that the project declares for the account, from the engine. */
static int ask_list(struct shell *sh, struct buf *may, struct err *e)
{
	struct request q = REQUEST_INIT;
	struct reply r = {0};
	const struct node *list;
	int rc = shell_connect(sh, 0, e), n = 0;

	if (rc)
		return rc;
	q.path = PATH_WHOAMI;
	rc = conn_call(sh->conn, &q, &r);
	if (rc)
		*e = r.err;
	list = node_list(node_get(r.data ? snapshot_root(r.data) : NULL, "only"), "", &n);
	for (int i = 0; i < n; i++)
		buf_addf(may, "%s%s", i ? ", " : "", list[i].kind == NODE_TEXT ? list[i].text : "");
	reply_release(&r);
	if (rc || n)
		return rc;
	err_set(e, ERR_DENIED, "no project lists commands for this account");
	return err_hint(e, "an admin does: accounts: NAME: {kind: robot, may: [...]}; or forced "
			   "--may=COMMANDS");
}

int shell_forced(struct shell *sh)
{
	const char *given = parsed_get(sh->args, "may");
	struct buf may = {0};
	struct forced f = {.count = 0};
	struct err e = {0};
	int code;

	if (given)
		buf_adds(&may, given);
	if ((!given && ask_list(sh, &may, &e)) ||
		forced_parse(getenv("SSH_ORIGINAL_COMMAND"), buf_text(&may), &f, &e))
		code = shell_fail(&e);
	else
		code = shell_main(f.count, (char **)(uintptr_t)f.words, sh->hooks);
	free(f.memory);
	buf_release(&may);
	return code;
}
