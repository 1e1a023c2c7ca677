/* init_read.c: proposals from documents: an OpenAPI description, a haproxy.cfg. */
#include <stdio.h>
#include <stdlib.h>

#include "backend/base/xalloc.h"
#include "backend/intake/haproxy_file.h"
#include "backend/local/init.h"

static const char *environment(void *arg, const char *name)
{
	(void)arg;
	return getenv(name);
}

int init_haproxy(const struct init_words *w, struct intake *in, struct err *e)
{
	struct haproxy_file f = {0};
	struct buf text = {0};
	int rc = init_read_file(w->haproxy, &text, e);

	if (rc == 0)
		rc = haproxy_file_parse(buf_text(&text), text.len, environment, NULL, &f, e);
	if (rc == 0) {
		haproxy_propose(&f, in);
		snprintf(in->from, sizeof in->from, "%.150s, which was not changed", w->haproxy);
	}
	if (rc == 0 && !in->count) {
		rc = err_set(e, ERR_FAILED, "%s has no HTTP server that can be taken over: %.400s",
			w->haproxy, buf_text(&in->notes));
		err_hint(e, "name a server: pithead init --upstream http://HOST:PORT/PATH");
	}
	haproxy_file_release(&f);
	buf_release(&text);
	return rc;
}

int init_openapi(const struct init_words *w, struct intake *in, struct err *e)
{
	(void)w;
	(void)in;
	return err_set(e, ERR_FAILED, "not yet");
}
