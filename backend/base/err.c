/* err.c: errors as sentences, and the one table that gives each its wire code and statuses. */
#include "backend/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/xalloc.h"

static const struct {
	const char *wire;
	int status;
	int exit_code;
} rows[ERR_COUNT] = {
	[ERR_OK] = {"ok", 200, 0},
#define ERROR(name, wire, status, exit) [name##_N] = {wire, status, exit},
#include "backend/base/errors.def"
#undef ERROR
};

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	*e = (struct err){.code = code};
	va_start(ap, fmt);
	vsnprintf(e->message, sizeof e->message, fmt, ap);
	va_end(ap);
	return code;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return ERR_FAILED;
	va_start(ap, fmt);
	vsnprintf(e->hint, sizeof e->hint, fmt, ap);
	va_end(ap);
	return e->code;
}

int err_field(struct err *e, const char *field)
{
	if (!e)
		return ERR_FAILED;
	str_copy(e->field, sizeof e->field, field);
	return e->code;
}

static int row_of(int code)
{
	return code <= 0 && code > -ERR_COUNT ? -code : -ERR_FAILED;
}

const char *err_wire(int code)
{
	return rows[row_of(code)].wire;
}

int err_http_status(int code)
{
	return rows[row_of(code)].status;
}

int err_exit_code(int code)
{
	return rows[row_of(code)].exit_code;
}

int err_from_wire(const char *wire)
{
	for (int i = 0; i < ERR_COUNT; i++)
		if (strcmp(rows[i].wire, wire) == 0)
			return -i;
	return ERR_FAILED;
}
