/* csv.c: see csv.h. */
#include "backend/local/csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int csv_fault(const struct csv *c, struct err *e, const char *what)
{
	return err_set(e, ERR_INVALID, "%s:%ld: %s", c->name, c->line, what);
}

static char separator_of(const char *header)
{
	int quoted = 0;

	for (; *header; header++)
		if (*header == '"')
			quoted = !quoted;
		else if (!quoted && strchr(",;\t", *header))
			return *header;
	return ',';
}

/* A blank that is no separator. */
static int is_blank(const struct csv *c, char ch)
{
	return (ch == ' ' || ch == '\t') && ch != c->separator;
}

/* The field that begins at p, with its quotes and blanks taken off; p moves behind it. NULL: a
 * quote is not closed. */
static char *cut(const struct csv *c, char **p)
{
	char *in = *p, *out, *field;

	while (is_blank(c, *in))
		in++;
	field = out = in;
	if (*in == '"') {
		for (in++; *in && !(in[0] == '"' && in[1] != '"'); *out++ = *in++)
			in += in[0] == '"';
		if (!*in++)
			return NULL;
		while (is_blank(c, *in))
			in++;
	} else {
		while (*in && *in != c->separator)
			in++;
		for (out = in; out > field && is_blank(c, out[-1]); out--)
			;
	}
	*p = *in == c->separator ? in + 1 : *in ? in : NULL;
	*out = '\0';
	return field;
}

static int cut_row(struct csv *c, struct err *e)
{
	char *rest = c->text + (c->line == 1 && strncmp(c->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
	char *field;

	if (!c->separator)
		c->separator = separator_of(rest);
	for (c->count = 0; rest; c->fields[c->count++] = field) {
		if (c->count == CSV_FIELDS)
			return csv_fault(c, e, "there are too many columns");
		field = cut(c, &rest);
		if (!field)
			return csv_fault(c, e, "a quote is not closed");
	}
	return 1;
}

int csv_read(struct csv *c, struct err *e)
{
	ssize_t n;

	do {
		n = getline(&c->text, &c->size, c->f);
		if (n < 0 && ferror(c->f))
			return err_set(
				e, ERR_INVALID, "cannot read %s: %s", c->name, strerror(errno));
		if (n < 0)
			return 0;
		c->line++;
		c->text[strcspn(c->text, "\r\n")] = '\0';
	} while (!c->text[strspn(c->text, " \t,;")]);
	return cut_row(c, e);
}

void csv_release(struct csv *c)
{
	free(c->text);
}
