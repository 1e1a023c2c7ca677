/* openapi.h: what `pithead init` takes from an OpenAPI 3 document, JSON or YAML: where the server
 * is, which operation predicts, and a request and an answer made from its examples and schemas. */
#ifndef PITHEAD_BACKEND_INTAKE_OPENAPI_H
#define PITHEAD_BACKEND_INTAKE_OPENAPI_H

#include "backend/intake/intake.h"

struct openapi_found {
	char server[256];      /* the first URL of `servers`, its variables filled; "" = none */
	char path[256];	       /* of the operation, its parameters filled */
	char health[120];      /* a path that a GET asks for its health; "" = none */
	char others[160];      /* other operations that it might have been */
	struct buf sample;     /* owned: the request as JSON */
	struct buf answer;     /* owned: as JSON, "" = the document tells of none */
	int answer_is_example; /* its values are told, not made up */
};

/* Reads the document. path: of the operation, NULL = the one that looks like a prediction. 0, or an
 * error as a sentence; out is released by openapi_release in every case. */
int openapi_read(
	const char *text, size_t n, const char *path, struct openapi_found *out, struct err *e);
void openapi_release(struct openapi_found *f);

/* YAML (or JSON) as compact JSON, appended to out. Scalars are numbers, truth values and null where
 * the core schema of YAML 1.2 has them so. 0, or ERR_INVALID with the line. */
int yaml_to_json(const char *text, size_t n, struct buf *out, struct err *e);

#endif
