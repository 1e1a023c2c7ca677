/* haproxy_map.c: rows of the maps at run time. Each write is one exchange of `set map` and
 * `get map` per live generation: an old worker still answers idle connections for a while after a
 * reload, by its own copy of the maps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/adapters/gateway_haproxy_priv.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"

int haproxy_ask(struct haproxy_gateway *h, int i, const char *commands, int count, struct buf *out,
	struct err *e)
{
	struct haproxy_cli *c = haproxy_process_cli(&h->process, i, e);
	int rc = c ? haproxy_cli_ask(c, commands, count, out, e) : ERR_UNREACHABLE;

	if (!c || rc != ERR_UNREACHABLE || i > 0)
		return rc;
	/* The connection was closed behind our back; what we send is safe to send again. */
	buf_reset(out);
	c = haproxy_process_cli(&h->process, 0, e);
	return c ? haproxy_cli_ask(c, commands, count, out, e) : ERR_UNREACHABLE;
}

static int nobody(struct err *e)
{
	err_set(e, ERR_UNREACHABLE, "the gateway (HAProxy) is not running");
	return err_hint(e, "the engine starts it again by itself; see `pithead doctor`");
}

/* The value in an answer to `get map`: 1 found, 0 there is no such row, ERR_GATEWAY otherwise. */
static int parse_found(const char *answer, char *out, size_t size)
{
	const char *from, *to;
	char *text;

	if (strstr(answer, "found=no"))
		return 0;
	from = strstr(answer, ", value=\"");
	to = from ? strstr(from + 9, "\", type=") : NULL;
	if (!to)
		return ERR_GATEWAY;
	text = xstrndup(from + 9, (size_t)(to - from) - 9);
	str_copy(out, size, text);
	free(text);
	return 1;
}

static int unexpected(const char *answer, struct err *e)
{
	return err_set(e, ERR_GATEWAY, "the gateway answered \"%.200s\"",
		answer[strspn(answer, "\n ")] ? answer + strspn(answer, "\n ") : "nothing");
}

/* `verb map` and its read-back in one write, at one generation. 1 in force, 0 no such row. */
static int put_once(struct haproxy_gateway *h, int i, const char *verb, const char *map,
	const char *key, const char *value, struct err *e)
{
	char *commands =
		xasprintf("%s map %s %s %s\nget map %s %s\n", verb, map, key, value, map, key);
	char seen[HAPROXY_ROW_SIZE] = "";
	struct buf out = {0};
	int rc = haproxy_ask(h, i, commands, 2, &out, e);

	if (rc == 0) {
		const char *said = haproxy_cli_next(&out, NULL);
		const char *got = said ? haproxy_cli_next(&out, said) : NULL;
		rc = got ? parse_found(got, seen, sizeof seen) : ERR_GATEWAY;
		if (rc == 1 && strcmp(seen, value) != 0)
			rc = err_set(e, ERR_GATEWAY,
				"the gateway did not take \"%.120s\": it says \"%.120s\"", value,
				seen);
		else if (rc < 0)
			unexpected(got ? got : "", e);
	}
	buf_release(&out);
	free(commands);
	return rc;
}

/* An old worker that cannot be told would go on by an old row: it is ended. Its connections are
 * few (idle ones, and requests in flight), and it had at most seconds to live. */
static void give_up_old(struct haproxy_gateway *h, int i, const struct err *why)
{
	if (!h->process.live[i].cli && why->code == ERR_UNREACHABLE)
		log_info("gateway", "an old worker has finished (pid %lld)",
			(long long)h->process.live[i].pid);
	else
		log_warn("gateway", "ending an old worker (pid %lld): %s",
			(long long)h->process.live[i].pid, why->message);
	haproxy_process_end(&h->process, i);
}

int haproxy_map_put(struct haproxy_gateway *h, const char *map, const char *key, const char *value,
	int add, struct err *e)
{
	struct err why;

	if (!haproxy_process_look(&h->process))
		return nobody(e);
	for (int i = h->process.count - 1; i >= 0; i--) {
		why = (struct err){0};
		int rc = put_once(h, i, "set", map, key, value, &why);
		if (rc == 0 && add)
			rc = put_once(h, i, "add", map, key, value, &why);
		if (rc < 0 && i > 0) {
			give_up_old(h, i, &why);
			continue;
		}
		if (rc < 0) {
			if (e)
				*e = why;
			return rc;
		}
		if (rc == 0 && i == 0)
			return err_set(e, ERR_NOT_FOUND,
				"the gateway has no row for %s: it is not configured", key);
	}
	return 0;
}

int haproxy_map_get(struct haproxy_gateway *h, const char *map, const char *key, char *out,
	size_t size, struct err *e)
{
	char *command = xasprintf("get map %s %s\n", map, key);
	struct buf answer = {0};
	int rc;

	if (!haproxy_process_look(&h->process))
		rc = nobody(e);
	else
		rc = haproxy_ask(h, 0, command, 1, &answer, e);
	if (rc == 0) {
		rc = parse_found(buf_text(&answer), out, size);
		if (rc < 0)
			unexpected(buf_text(&answer), e);
		else if (rc == 0)
			rc = err_set(e, ERR_NOT_FOUND, "the gateway has no row for %s", key);
		else
			rc = 0;
	}
	buf_release(&answer);
	free(command);
	return rc;
}

int haproxy_map_del(struct haproxy_gateway *h, const char *map, const char *key, struct err *e)
{
	char *commands = xasprintf("del map %s %s\nget map %s %s\n", map, key, map, key);
	char seen[HAPROXY_ROW_SIZE];
	int rc = haproxy_process_look(&h->process) ? 0 : nobody(e);

	for (int i = h->process.count - 1; i >= 0 && rc == 0; i--) {
		struct buf out = {0};
		struct err why = {0};
		rc = haproxy_ask(h, i, commands, 2, &out, &why);
		const char *said = rc == 0 ? haproxy_cli_next(&out, NULL) : NULL;
		const char *got = said ? haproxy_cli_next(&out, said) : NULL;
		if (rc == 0)
			rc = got ? parse_found(got, seen, sizeof seen) : ERR_GATEWAY;
		if (rc == 1 || rc == ERR_GATEWAY)
			rc = unexpected(got ? got : "", &why);
		buf_release(&out);
		if (rc < 0 && i > 0) {
			give_up_old(h, i, &why);
			rc = 0;
		} else if (rc < 0 && e) {
			*e = why;
		}
	}
	free(commands);
	return rc;
}

int haproxy_map_list(struct haproxy_gateway *h, const char *map, struct buf *out, struct err *e)
{
	char *command = xasprintf("show map %s\n", map);
	struct buf answer = {0};
	int rc = haproxy_process_look(&h->process) ? 0 : nobody(e);

	if (rc == 0)
		rc = haproxy_ask(h, 0, command, 1, &answer, e);
	if (rc == 0) {
		/* Lines "0xADDRESS KEY VALUE". */
		for (char *line = answer.data; line && *line;) {
			char *end = strchrnul(line, '\n');
			char *key = memchr(line, ' ', (size_t)(end - line));
			if (strncmp(line, "0x", 2) == 0 && key) {
				buf_add(out, key + 1, (size_t)(end - key) - 1);
				buf_addc(out, '\n');
			}
			line = *end ? end + 1 : NULL;
		}
	}
	buf_release(&answer);
	free(command);
	return rc;
}
