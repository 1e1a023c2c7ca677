/* init_read.c: proposals from documents: an OpenAPI description, a haproxy.cfg. */
#include "backend/local/init.h"

int init_openapi(const struct init_words *w, struct intake *in, struct err *e)
{
	(void)w;
	(void)in;
	return err_set(e, ERR_FAILED, "not yet");
}

int init_haproxy(const struct init_words *w, struct intake *in, struct err *e)
{
	(void)w;
	(void)in;
	return err_set(e, ERR_FAILED, "not yet");
}
