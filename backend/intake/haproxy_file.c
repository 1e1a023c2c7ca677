/* haproxy_file.c: the lines of a haproxy.cfg into proxies. Keywords that say nothing of servers,
 * routes or health are passed over; those that a gateway of pithead cannot do are noted. */
#include "backend/intake/haproxy_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/intake/haproxy_priv.h"

#define ENV_MOST 64
#define IF_MOST	 16

struct reading {
	struct haproxy_file *f;
	haproxy_env env;
	void *arg;
	char names[ENV_MOST][64], values[ENV_MOST][160]; /* by setenv and presetenv */
	int env_count;
	int proxy; /* index, -1 = a section that is not read */
	int last_defaults;
	int section_seen;
	struct {
		int open, taken; /* this branch is read; one of its branches was */
	} ifs[IF_MOST];
	int if_count;
};

static const char *env_find(void *arg, const char *name)
{
	struct reading *r = arg;

	for (int i = r->env_count - 1; i >= 0; i--)
		if (strcmp(r->names[i], name) == 0)
			return r->values[i];
	return r->env(r->arg, name);
}

static void env_set(struct reading *r, const char *const *words, int count)
{
	if (count < 3 || r->env_count == ENV_MOST ||
		(strcmp(words[0], "presetenv") == 0 && env_find(r, words[1])))
		return;
	str_copy(r->names[r->env_count], sizeof r->names[0], words[1]);
	str_copy(r->values[r->env_count++], sizeof r->values[0], words[2]);
}

static struct haproxy_proxy *proxy_add(
	struct haproxy_file *f, enum haproxy_kind kind, const char *name)
{
	struct haproxy_proxy *p;

	f->proxies = xrealloc(f->proxies, (size_t)f->count + 1, sizeof *f->proxies);
	p = &f->proxies[f->count++];
	*p = (struct haproxy_proxy){.kind = kind, .model = {.weight = 1}};
	str_copy(p->name, sizeof p->name, name);
	return p;
}

/* What a section takes over from its defaults. */
static void inherit(struct haproxy_proxy *p, const struct haproxy_proxy *from)
{
	p->http = from->http;
	p->model = from->model;
	p->checks = from->checks;
	p->timeout_ms = from->timeout_ms;
	memcpy(p->check_method, from->check_method, sizeof p->check_method);
	memcpy(p->check_path, from->check_path, sizeof p->check_path);
	memcpy(p->check_host, from->check_host, sizeof p->check_host);
	memcpy(p->host, from->host, sizeof p->host);
	memcpy(p->fallback, from->fallback, sizeof p->fallback);
	memcpy(p->key, from->key, sizeof p->key);
}

/* 1 when the line begins a section. */
static int section_begin(struct reading *r, const char *const *words, int count)
{
	static const char *const kinds[] = {"defaults", "frontend", "backend", "listen"};
	static const char *const others[] = {"global", "userlist", "peers", "resolvers", "mailers",
		"cache", "program", "http-errors", "ring", "log-forward", "fcgi-app", "crt-store",
		"traces", "ruleset", "acme", "log-profile"};
	int from = r->last_defaults;
	struct haproxy_proxy *p;

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (strcmp(words[0], others[i]) == 0) {
			r->proxy = -1;
			return r->section_seen = 1;
		}
	for (int i = 0; i < 4; i++) {
		if (strcmp(words[0], kinds[i]) != 0)
			continue;
		r->section_seen = 1;
		for (int k = 1; k + 1 < count; k++)
			for (int d = 0; strcmp(words[k], "from") == 0 && d < r->f->count; d++)
				if (r->f->proxies[d].kind == HAPROXY_DEFAULTS &&
					strcmp(r->f->proxies[d].name, words[k + 1]) == 0)
					from = d;
		p = proxy_add(r->f, (enum haproxy_kind)i, count > 1 ? words[1] : "");
		r->proxy = r->f->count - 1;
		if (i == HAPROXY_DEFAULTS)
			r->last_defaults = r->proxy;
		if (from >= 0 && (i != HAPROXY_DEFAULTS || from != r->last_defaults) &&
			(i != HAPROXY_DEFAULTS ||
				(count > 2 && strcmp(words[count - 2], "from") == 0)))
			inherit(p, &r->f->proxies[from]);
		return 1;
	}
	return 0;
}

/* The words from `first` on with blanks between, into out. */
static void join(const char *const *words, int first, int count, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (int i = first; i < count && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", i > first ? " " : "", words[i]);
}

/* 30s, 500ms, 5000 (ms), 1m, 2h, 1d, 100us; 0 for anything else. */
static int64_t time_read(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || v < 0 || v > 1e9)
		return 0;
	return (int64_t)(strcmp(end, "us") == 0	 ? v / 1000
			 : strcmp(end, "s") == 0 ? v * 1000
			 : strcmp(end, "m") == 0 ? v * 60e3
			 : strcmp(end, "h") == 0 ? v * 3600e3
			 : strcmp(end, "d") == 0 ? v * 86400e3
						 : v);
}

/* The header of hdr(X), req.hdr(X), req.fhdr(X) and the like within text. */
static void key_read(struct haproxy_proxy *p, const char *text)
{
	const char *at = strstr(text, "hdr(");
	size_t n = at ? strcspn(at + 4, ",)") : 0;

	if (n > 0 && n < sizeof p->key)
		snprintf(p->key, sizeof p->key, "%.*s", (int)n, at + 4);
}

/* The old way to name a host is behind the version, within one word. */
static void check_read(struct haproxy_proxy *p, const char *const *words, int count)
{
	const char *host = count > 4 ? strcasestr(words[4], "\nhost:") : NULL;

	if (host) {
		host += strlen("\nhost:") + strspn(host + strlen("\nhost:"), " ");
		snprintf(p->check_host, sizeof p->check_host, "%.*s", (int)strcspn(host, " \r\n"),
			host);
	}
	p->checks = 1;
	str_copy(p->check_method, sizeof p->check_method, count > 3 ? words[2] : "OPTIONS");
	str_copy(p->check_path, sizeof p->check_path,
		count > 3   ? words[3]
		: count > 2 ? words[2]
			    : "/");
}

/* http-check send meth GET uri /x ver HTTP/1.1 hdr Host x */
static void check_send(struct haproxy_proxy *p, const char *const *words, int count)
{
	for (int i = 2; i + 1 < count; i++) {
		if (strcmp(words[i], "meth") == 0)
			str_copy(p->check_method, sizeof p->check_method, words[i + 1]);
		if (strcmp(words[i], "uri") == 0)
			str_copy(p->check_path, sizeof p->check_path, words[i + 1]);
		if (strcmp(words[i], "hdr") == 0 && i + 2 < count &&
			strcasecmp(words[i + 1], "host") == 0)
			str_copy(p->check_host, sizeof p->check_host, words[i + 2]);
	}
}

static void use_add(struct haproxy_proxy *p, const char *const *words, int count)
{
	struct haproxy_use *u;

	p->uses = xrealloc(p->uses, (size_t)p->use_count + 1, sizeof *p->uses);
	u = &p->uses[p->use_count++];
	*u = (struct haproxy_use){.condition = ""};
	str_copy(u->backend, sizeof u->backend, words[1]);
	join(words, 2, count, u->condition, sizeof u->condition);
}

static void bind_read(struct reading *r, struct haproxy_proxy *p, const char *address)
{
	char text[128];
	const char *colon;
	size_t n = strlen(p->bind);

	if (haproxy_expand(address, env_find, r, text, sizeof text) < 0)
		str_copy(text, sizeof text, address);
	snprintf(p->bind + n, sizeof p->bind - n, "%s%s", n ? "," : "", text);
	colon = strrchr(text, ':');
	if (!p->bind_port && colon)
		p->bind_port = (int)strtol(colon + 1, NULL, 10) & 0xffff;
}

/* Rules that change what is asked for, or where it goes, in ways that pithead has not. */
static void rule_note(struct haproxy_proxy *p, const char *const *words, int count)
{
	char text[200];
	int noted = 0;

	join(words, 0, count, text, sizeof text);
	if (strcmp(words[0], "http-request") == 0 && count > 1)
		noted = strstr("set-path replace-path set-uri replace-uri set-pathq replace-pathq "
			       "redirect auth return deny tarpit reject set-method set-dst "
			       "set-dst-port set-query do-resolve wait-for-body use-service",
				words[1]) != NULL ||
			strncmp(words[1], "lua.", 4) == 0 || strstr(text, "map") ||
			strncasecmp(text, "http-request set-header host ", 29) == 0;
	else
		noted = strcmp(words[0], "use-server") == 0 || strcmp(words[0], "redirect") == 0 ||
			strcmp(words[0], "reqrep") == 0 || strcmp(words[0], "filter") == 0 ||
			strcmp(words[0], "errorfile") == 0;
	if (noted)
		intake_note(&p->notes, "not taken over: %s", text);
}

/* http-request set-header Host NAME: servers are told another name than the client said. */
static int host_read(struct haproxy_proxy *p, const char *const *words, int count)
{
	if (count != 4 || strcmp(words[0], "http-request") != 0 ||
		strcmp(words[1], "set-header") != 0 || strcasecmp(words[2], "host") != 0 ||
		strchr(words[3], '%'))
		return 0;
	return str_copy(p->host, sizeof p->host, words[3]);
}

static void option_read(struct haproxy_proxy *p, const char *const *words, int count, int no)
{
	if (strcmp(words[1], "httpchk") == 0 && !no)
		check_read(p, words, count);
	else if (strcmp(words[1], "httpchk") == 0 || strcmp(words[1], "tcp-check") == 0)
		p->checks = 0;
}

static void keyword_read(
	struct reading *r, struct haproxy_proxy *p, const char *const *words, int count)
{
	const char *key = words[0];
	char text[160];

	if (strcmp(key, "mode") == 0 && count > 1)
		p->http = strcmp(words[1], "http") == 0;
	else if (strcmp(key, "bind") == 0 && count > 1)
		bind_read(r, p, words[1]);
	else if ((strcmp(key, "server") == 0 || strcmp(key, "server-template") == 0) && count > 2)
		haproxy_server_read(p, words, count, env_find, r);
	else if (strcmp(key, "default-server") == 0)
		haproxy_server_options(&p->model, words + 1, count - 1);
	else if (strcmp(key, "default_backend") == 0 && count > 1)
		str_copy(p->fallback, sizeof p->fallback, words[1]);
	else if (strcmp(key, "use_backend") == 0 && count > 1)
		use_add(p, words, count);
	else if (strcmp(key, "option") == 0 && count > 1)
		option_read(p, words, count, 0);
	else if (strcmp(key, "no") == 0 && count > 2 && strcmp(words[1], "option") == 0)
		option_read(p, words + 1, count - 1, 1);
	else if (strcmp(key, "http-check") == 0 && count > 1 && strcmp(words[1], "send") == 0)
		check_send(p, words, count);
	else if (strcmp(key, "timeout") == 0 && count > 2 && strcmp(words[1], "server") == 0)
		p->timeout_ms = time_read(words[2]);
	else if ((strcmp(key, "balance") == 0 || strcmp(key, "stick") == 0 ||
			 strcmp(key, "hash-type") == 0) &&
		 count > 1) {
		join(words, 1, count, text, sizeof text);
		key_read(p, text);
	} else if (strcmp(key, "cookie") == 0 && count > 1)
		intake_note(&p->notes,
			"clients stay with a server by the cookie %s: a key of pithead "
			"is a header or a member of the request",
			words[1]);
	else if (strcmp(key, "acl") == 0 && count > 2) {
		join(words, 1, count, text, sizeof text);
		buf_addf(&p->acls, "%s\n", text);
	} else if (!host_read(p, words, count))
		rule_note(p, words, count);
}

/* .if, .elif, .else, .endif; 1 when the line was one of them, or a dot that says nothing else. */
static int directive(struct reading *r, const char *line, const char *const *words)
{
	const char *rest = line + strspn(line, " \t") + strlen(words[0]);
	int top = r->if_count - 1;

	if (strcmp(words[0], ".if") == 0 && r->if_count < IF_MOST) {
		top = r->if_count++;
		r->ifs[top].open = r->ifs[top].taken = haproxy_condition(rest, env_find, r);
	} else if (strcmp(words[0], ".endif") == 0 && r->if_count > 0) {
		r->if_count--;
	} else if (strcmp(words[0], ".elif") == 0 && top >= 0) {
		r->ifs[top].open = !r->ifs[top].taken && haproxy_condition(rest, env_find, r);
		r->ifs[top].taken |= r->ifs[top].open;
	} else if (strcmp(words[0], ".else") == 0 && top >= 0) {
		r->ifs[top].open = !r->ifs[top].taken;
	}
	return words[0][0] == '.';
}

static int is_read(const struct reading *r)
{
	for (int i = 0; i < r->if_count; i++)
		if (!r->ifs[i].open)
			return 0;
	return 1;
}

static void line_read(struct reading *r, const char *line, int number)
{
	size_t size = 2 * strlen(line) + 4096;
	char *room = xcalloc(1, size);
	const char *words[HAPROXY_WORDS];
	int count = haproxy_split(line, env_find, r, room, size, words);

	if (count < 0)
		intake_note(&r->f->notes, "line %d is not read: a quote is not closed", number);
	else if (count > 0 && !directive(r, line, words) && is_read(r) &&
		 !section_begin(r, words, count)) {
		if (strcmp(words[0], "setenv") == 0 || strcmp(words[0], "presetenv") == 0)
			env_set(r, words, count);
		else if (strncmp(words[0], "lua-load", 8) == 0)
			intake_note(&r->f->notes, "not taken over: Lua, %.60s",
				count > 1 ? words[1] : "");
		else if (r->proxy >= 0)
			keyword_read(r, &r->f->proxies[r->proxy], words, count);
	}
	free(room);
}

int haproxy_file_parse(const char *text, size_t n, haproxy_env env, void *arg,
	struct haproxy_file *out, struct err *e)
{
	struct reading *r = xcalloc(1, sizeof *r);
	char *copy = xstrndup(text, n), *rest = copy, *line;
	int number = 0, seen = strlen(copy) == n; /* no byte 0: it is text */

	*out = (struct haproxy_file){0};
	*r = (struct reading){.f = out, .env = env, .arg = arg, .proxy = -1, .last_defaults = -1};
	while ((line = strsep(&rest, "\n")) != NULL)
		line_read(r, line, ++number);
	seen = seen && r->section_seen;
	free(copy);
	free(r);
	if (seen)
		return 0;
	haproxy_file_release(out);
	err_set(e, ERR_FAILED, "this is no configuration of HAProxy: it has no section");
	return err_hint(e, "it is usually /etc/haproxy/haproxy.cfg");
}

void haproxy_file_release(struct haproxy_file *f)
{
	for (int i = 0; i < f->count; i++) {
		free(f->proxies[i].servers);
		free(f->proxies[i].uses);
		buf_release(&f->proxies[i].acls);
		buf_release(&f->proxies[i].notes);
	}
	free(f->proxies);
	buf_release(&f->notes);
	*f = (struct haproxy_file){0};
}
