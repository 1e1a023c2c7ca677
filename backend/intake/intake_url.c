/* intake_url.c: addresses as people write them. */
#include "backend/intake/intake.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/host.h"
#include "backend/base/xalloc.h"

/* HOST, HOST:PORT, [IPV6] or [IPV6]:PORT of n bytes. */
static int authority_read(const char *text, size_t n, struct intake_url *out, struct err *e)
{
	char host[192], *colon, *end;
	long port;

	if (n == 0 || n >= sizeof host || text[0] == ':') {
		err_set(e, ERR_INVALID, "the address has no host: \"%.80s\"", text);
		return err_hint(e, "http://HOST:PORT/PATH, such as http://127.0.0.1:9001/predict");
	}
	memcpy(host, text, n);
	host[n] = '\0';
	if (strchr(host, '@')) {
		err_set(e, ERR_INVALID, "the address holds a login");
		return err_hint(e, "leave it out; send it with --header 'Authorization: ...'");
	}
	if (host[strspn(host, "0123456789")] == '\0') {
		err_set(e, ERR_INVALID, "the address has no host: \"%.80s\" is a number", host);
		return err_hint(e, "if it is a port: http://127.0.0.1:%.80s/PATH", host);
	}
	colon = host[0] == '[' ? strstr(host, "]:") : strrchr(host, ':');
	colon = colon && host[0] == '[' ? colon + 1 : colon;
	if (colon) {
		port = strtol(colon + 1, &end, 10);
		if (!isdigit((unsigned char)colon[1]) || *end || port < 1 || port > 65535)
			return err_set(e, ERR_INVALID,
				"\"%.80s\" has no port from 1 to 65535 after the colon", host);
		out->port = (int)port;
		*colon = '\0';
	}
	if (!host_is_valid(host) || !str_copy(out->host, sizeof out->host, host)) {
		err_set(e, ERR_INVALID, "\"%.80s\" is no host that the gateway can be told", host);
		return err_hint(
			e, "letters, digits, `.`, `-` and `_`, or [IPv6]: give its address");
	}
	return 0;
}

int intake_url_parse(const char *text, struct intake_url *out, struct err *e)
{
	const char *at = text, *scheme = strstr(text, "://");
	size_t n;
	int rc;

	*out = (struct intake_url){0};
	if (scheme) {
		n = (size_t)(scheme - text);
		out->tls = n == 5 && strncasecmp(text, "https", 5) == 0;
		if (!out->tls && !(n == 4 && strncasecmp(text, "http", 4) == 0))
			return err_set(
				e, ERR_INVALID, "\"%.80s\" is neither http:// nor https://", text);
		at = scheme + 3;
	}
	out->port = out->tls ? 443 : 80;
	n = strcspn(at, "/?#");
	rc = authority_read(at, n, out, e);
	if (rc)
		return rc;
	at += n;
	out->has_path = *at == '/' && at[1];
	for (const char *p = at; *p; p++)
		if (*p < 0x21 || *p > 0x7e)
			return err_set(e, ERR_INVALID,
				"the address holds a blank or a sign beyond ASCII: \"%.80s\"",
				text);
	n = strcspn(at, "#");
	if (n >= sizeof out->path - 1)
		return err_set(e, ERR_INVALID, "the address is longer than 500 bytes");
	memcpy(out->path + (*at != '/'), at, n);
	out->path[0] = '/';
	return 0;
}

void intake_url_format(const struct intake_url *u, const char *path, struct buf *out)
{
	buf_addf(out, "%s://%s:%d%s", u->tls ? "https" : "http", u->host, u->port, path);
}
