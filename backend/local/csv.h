/* csv.h: rows of a CSV as people's tools write them (RFC 4180): separated by comma, semicolon or
 * tab (whichever comes first in the header), fields in quotes, lines ended by LF or CRLF, a byte
 * order mark. A quoted field stays on its line. Empty lines are passed over. Only used in
 * backend/local/. */
#ifndef PITHEAD_BACKEND_LOCAL_CSV_H
#define PITHEAD_BACKEND_LOCAL_CSV_H

#include <stdio.h>

#include "backend/base/err.h"

#define CSV_FIELDS 256

struct csv {
	const char *name; /* of the file, for messages */
	FILE *f;
	long line;
	char separator; /* 0 = not known yet */
	char *text;	/* owned: the row, cut */
	size_t size;
	char *fields[CSV_FIELDS];
	int count;
};

/* Cuts the next row into fields, without blanks around them: 1, 0 at the end, or an ERR_*. */
int csv_read(struct csv *c, struct err *e);
void csv_release(struct csv *c);

/* ERR_INVALID with file and line. */
int csv_fault(const struct csv *c, struct err *e, const char *what);

#endif
