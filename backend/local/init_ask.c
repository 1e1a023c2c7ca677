/* init_ask.c: what no server can tell: names, tier, where to listen. The words of the command say
 * it; else a person on a terminal is asked, with a default in brackets; else the default is taken.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/base/xalloc.h"
#include "backend/local/init.h"

#define PORT_FIRST 8100
#define PORT_LAST  8999

/* Keys of an endpoint that init proposes by what it saw, and that a word or an answer changes. */
static const char *const sources[] = {"score", "task", "key", "segment", "health"};

/* A value is valid when a small spec with it is. */
static int value_check(const char *key, const char *value, struct err *e)
{
	struct buf text = {0};
	int own = strcmp(key, "project") != 0, named = strcmp(key, "endpoint") == 0, rc;

	if (!*value || strpbrk(value, "\n\"\\") || strlen(value) > 120)
		return err_set(
			e, ERR_INVALID, "`%s` is \"%.60s\", which is no such value", key, value);
	buf_addf(&text, "project: \"%s\"\nowner: \"%s\"\n", own ? "p" : value,
		strcmp(key, "owner") == 0 ? value : "o");
	buf_addf(&text, "endpoints:\n  \"%s\":\n", named ? value : "d");
	buf_addf(&text, "    environment: \"%s\"\n",
		strcmp(key, "environment") == 0 ? value : "production");
	buf_addf(&text, "    tier: \"%s\"\n", strcmp(key, "tier") == 0 ? value : "low");
	buf_addf(&text, "    listen: \"%s\"\n",
		strcmp(key, "listen") == 0 ? value : "127.0.0.1:8100");
	for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
		if (strcmp(key, sources[i]) == 0)
			buf_addf(&text, "    %s: \"%s\"\n", key, value);
	buf_adds(&text, "    serve: x\n");
	rc = init_check(buf_text(&text), text.len, e);
	buf_release(&text);
	return rc;
}

/* Asks until the answer is valid or empty. 0, or -1 when the terminal is gone. */
static int ask(const char *key, const char *what, char *value, size_t size)
{
	char line[160];
	struct err e;

	for (;;) {
		fprintf(stderr, value[0] ? "%s [%s]: " : "%s: ", what, value);
		if (!fgets(line, sizeof line, stdin))
			return -1;
		line[strcspn(line, "\r\n")] = '\0';
		if (!line[0])
			return 0;
		if (strlen(line) < size && value_check(key, line, &e) == 0)
			return str_copy(value, size, line) ? 0 : -1;
		fprintf(stderr, "  %s\n", strlen(line) < size ? e.message : "that is too long");
	}
}

/* value holds the default. */
static int settle(const struct init_words *w, const char *key, const char *what, const char *word,
	char *value, size_t size, struct err *e)
{
	int rc;

	if (!word && w->interactive && ask(key, what, value, size) < 0)
		return err_set(e, ERR_FAILED, "no answer: nothing was written");
	if (!word)
		return 0;
	rc = value_check(key, word, e);
	if (rc == 0 && !str_copy(value, size, word))
		rc = err_set(e, ERR_INVALID, "--%s is too long", key);
	return rc;
}

static void owner_default(char out[64])
{
	const struct passwd *me = getpwuid(geteuid());

	str_copy(out, 64, me ? me->pw_name : "nobody");
}

static void project_default(const struct intake *in, char out[INTAKE_NAME])
{
	char folder[512];

	out[0] = '\0';
	if (getcwd(folder, sizeof folder) && strrchr(folder, '/'))
		intake_name(strrchr(folder, '/') + 1, out);
	if (!out[0])
		str_copy(out, INTAKE_NAME, in->count ? in->endpoints[0].name : "models");
}

static int port_is_free(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

	/* All addresses: so that it is free for whichever is chosen. */
	rc = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&a, sizeof a);
	if (fd >= 0)
		close(fd);
	return rc == 0;
}

/* The next port that nobody listens on and that is no server's, which may be down just now. */
static int port_find(const struct intake *in, int from)
{
	for (int port = from; port <= PORT_LAST; port++) {
		int taken = !port_is_free(port);

		for (int i = 0; i < in->count && !taken; i++)
			for (int v = 0; v < in->endpoints[i].version_count; v++)
				for (int s = 0; s < in->endpoints[i].versions[v].server_count; s++)
					taken |= in->endpoints[i].versions[v].servers[s].port ==
						 port;
		if (!taken)
			return port;
	}
	return 0;
}

/* Clients cannot be met where the model itself listens, on this machine. */
static int check_listen(const struct intake_endpoint *ep, struct err *e)
{
	const char *port = strrchr(ep->listen.value, ':');

	for (int v = 0; v < ep->version_count; v++)
		for (int s = 0; s < ep->versions[v].server_count; s++) {
			const struct intake_server *at = &ep->versions[v].servers[s];

			if (!port || atoi(port + 1) != at->port ||
				(strncmp(at->host, "127.", 4) != 0 &&
					strcmp(at->host, "localhost") != 0))
				continue;
			err_set(e, ERR_INVALID, "your model itself listens at port %d", at->port);
			return err_hint(e,
				"--listen is where the gateway stands before it: another "
				"port, or none and a free one is taken");
		}
	return 0;
}

/* The reason that is there (where clients come today) is kept. */
static int listen_settle(const struct init_words *w, struct intake *in, struct err *e)
{
	int port = PORT_FIRST - 1;

	if (w->listen && in->count > 1)
		return err_set(e, ERR_INVALID,
			"--listen is for one endpoint, and there are %d: change it in the file",
			in->count);
	for (int i = 0; i < in->count; i++) {
		struct intake_choice *c = &in->endpoints[i].listen;
		int rc;

		port = port_find(in, port + 1);
		if (!port)
			return err_set(e, ERR_FAILED, "no port from %d to %d is free", PORT_FIRST,
				PORT_LAST);
		snprintf(c->value, sizeof c->value, "127.0.0.1:%d", port);
		if (!c->why[0])
			str_copy(c->why, sizeof c->why,
				"where clients ask from now on; 0.0.0.0 lets other machines in");
		rc = in->count == 1 ? settle(w, "listen", "clients ask at", w->listen, c->value,
					      sizeof c->value, e)
				    : 0;
		if (rc == 0)
			rc = check_listen(&in->endpoints[i], e);
		if (rc)
			return rc;
	}
	return 0;
}

/* One that the server did not tell, or not for sure. wanted: whether a person is asked. */
static int settle_seen(const struct init_words *w, const char *key, const char *what,
	const char *word, int wanted, struct intake_choice *c, struct err *e)
{
	char value[sizeof c->value] = "";
	int rc;

	/* A path or header that was made up is no default, a task is one of four. */
	if (!c->off || strcmp(key, "task") == 0)
		str_copy(value, sizeof value, c->value);
	if (!word && !(wanted && w->interactive))
		return 0;
	if (!word)
		fprintf(stderr, "%s: %s\n", key, c->why);
	rc = settle(w, key, what, word, value, sizeof value, e);
	if (rc == 0 && value[0] && (c->off || strcmp(value, c->value) != 0))
		intake_choose(c, value, "as you said");
	return rc;
}

/* What was proposed of the answer and the request. The words stand; people are asked where it was
 * said to be unsure, and may leave it open. */
static int settle_proposal(const struct init_words *w, struct intake_endpoint *ep, struct err *e)
{
	int scored, rc, none = strcmp(ep->score.value, "json PATH") == 0;

	rc = settle_seen(w, "score", "the model's number: json PATH, header NAME, or nothing",
		w->score, ep->score.off && none, &ep->score, e);
	scored = ep->score.value[0] && !ep->score.off;
	if (rc == 0)
		rc = settle_seen(w, "task", "binary, multiclass, regression or ranking", w->task,
			scored && (ep->task.off || strncmp(ep->task.why, "unsure", 6) == 0),
			&ep->task, e);
	if (rc == 0 && scored && ep->task.off)
		ep->task.off = 0;
	if (rc == 0)
		rc = settle_seen(w, "key",
			"what keeps a client on one version: json PATH, header NAME, or nothing",
			w->key, ep->key.off, &ep->key, e);
	if (rc == 0)
		rc = settle_seen(w, "segment", "", w->segment, 0, &ep->segment, e);
	if (rc == 0)
		rc = settle_seen(w, "health", "", w->health, 0, &ep->health, e);
	return rc;
}

static int names_one(const struct init_words *w)
{
	return w->endpoint || w->score || w->task || w->key || w->segment || w->health;
}

int init_settle(const struct init_words *w, struct intake *in, struct err *e)
{
	struct intake_endpoint *only = in->count == 1 ? &in->endpoints[0] : NULL;
	int rc;

	if (names_one(w) && !only)
		return err_set(e, ERR_INVALID,
			"--%s is for one endpoint, and there are %d: change it in the file",
			w->endpoint  ? "endpoint"
			: w->score   ? "score"
			: w->task    ? "task"
			: w->key     ? "key"
			: w->segment ? "segment"
				     : "health",
			in->count);
	project_default(in, in->project);
	owner_default(in->owner);
	str_copy(in->environment, sizeof in->environment, "production");
	str_copy(in->tier, sizeof in->tier, "low");
	rc = settle(w, "project", "project", w->project, in->project, sizeof in->project, e);
	if (rc == 0)
		rc = settle(w, "owner", "team that answers for it", w->owner, in->owner,
			sizeof in->owner, e);
	if (rc == 0 && only)
		rc = settle(w, "endpoint", "name of the endpoint", w->endpoint, only->name,
			sizeof only->name, e);
	if (rc == 0)
		rc = settle(w, "environment", "environment: sandbox, staging or production",
			w->environment, in->environment, sizeof in->environment, e);
	if (rc == 0)
		rc = settle(w, "tier", "risk: low, medium or high", w->tier, in->tier,
			sizeof in->tier, e);
	if (rc == 0)
		rc = listen_settle(w, in, e);
	return rc || !only ? rc : settle_proposal(w, only, e);
}
