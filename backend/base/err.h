/* err.h: what went wrong, as a sentence a person can act on. The caller owns the struct; there is
 * no global message. Functions return 0 or the negative code, and fill *e when they fail. */
#ifndef PITHEAD_BACKEND_BASE_ERR_H
#define PITHEAD_BACKEND_BASE_ERR_H

enum err_code {
	ERR_OK = 0,
#define ERROR(name, wire, status, exit) name##_N,
#include "backend/base/errors.def"
#undef ERROR
	ERR_COUNT
};

/* The negative values that functions return: ERR_DENIED is -ERR_DENIED_N. */
#define ERROR(name, wire, status, exit) static const int name = -name##_N;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-variable"
#include "backend/base/errors.def"
#pragma GCC diagnostic pop
#undef ERROR

struct err {
	int code;	   /* 0 or a negative ERR_* */
	char message[640]; /* one sentence: what, where */
	char hint[320];	   /* what to do about it; may be empty */
	char field[96];	   /* the input that is at fault; may be empty */
};

/* Fills e and returns code, so that `return err_set(e, ERR_X, "...")` works. e may be NULL. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Adds what to do about it; returns e's code. */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Names the input at fault; returns e's code. */
int err_field(struct err *e, const char *field);

/* The wire code ("denied"), HTTP status and exit code of a negative ERR_* (0 gives "ok", 200, 0).
 */
const char *err_wire(int code);
int err_http_status(int code);
int err_exit_code(int code);

/* {"error":{"code","message","hint","field"}}, as the engine answers and every command with --json
 * prints; the caller frees. */
char *err_format_json(const struct err *e);

/* The negative ERR_* of a wire code; ERR_FAILED for an unknown one. */
int err_from_wire(const char *wire);

#endif
