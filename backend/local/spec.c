/* spec.c: `spec check`, `spec fmt` and `spec schema`: the spec file without an engine. What is
 * valid is backend/spec's business. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/buf.h"
#include "backend/local/codec_local.h"
#include "backend/local/local.h"
#include "backend/local/words.h"
#include "backend/spec/spec.h"

#define SPEC_BYTES_MOST (1 << 20)

/* "-" is stdin. */
static int read_spec(const char *name, struct buf *text, struct err *e)
{
	char block[4096];
	size_t n;

	if (strcmp(name, "-") != 0) {
		if (buf_read_file(text, name, SPEC_BYTES_MOST) == 0)
			return 0;
		err_set(e, ERR_FAILED, "cannot read %s: %s", name, strerror(errno));
		return errno == ENOENT ? err_hint(e, "name the file: pithead spec check FILE")
				       : e->code;
	}
	while ((n = fread(block, 1, sizeof block, stdin)) > 0)
		buf_add(text, block, n);
	return text->len > SPEC_BYTES_MOST ? err_set(e, ERR_TOO_LARGE, "the spec is over 1 MB") : 0;
}

static void print_faults(const char *name, const struct spec_faults *faults)
{
	for (int i = 0; i < faults->count; i++)
		fprintf(stderr, "%s:%d:%d: %s\n", name, faults->list[i].line,
			faults->list[i].column, faults->list[i].message);
}

int local_spec_check(int argc, char **argv)
{
	struct words w = {.usage = "pithead spec check [--json] [FILE]\n"
				   "Checks pithead.yaml (or FILE, - = stdin): every fault as "
				   "FILE:LINE:COLUMN: sentence.\nExit 0 valid, 1 faults, 2 usage.",
		.takes_file = 1};
	int code = words_read(&w, argc, argv);
	struct spec_faults faults = {0};
	const char *name = w.file ? w.file : "pithead.yaml";
	struct buf text = {0};
	struct spec *s = NULL;
	struct err e = {0};

	if (code >= 0)
		return code;
	if (read_spec(name, &text, &e)) {
		code = words_fail(w.json, &e);
		goto out;
	}
	s = spec_parse(buf_text(&text), text.len, name, &faults, &e);
	if (w.json)
		codec_print_faults(name, &faults);
	else if (s)
		printf("%s: valid: project %s, %d endpoint%s\n", name, s->project,
			s->endpoint_count, s->endpoint_count == 1 ? "" : "s");
	else if (faults.count)
		print_faults(name, &faults);
	else
		words_fail(w.json, &e);
	code = s ? 0 : 1;
out:
	spec_free(s);
	spec_faults_release(&faults);
	buf_release(&text);
	return code;
}

/* A link stays a link: what it names is written. */
static int write_back(
	const char *name, const struct buf *old, const struct buf *new_text, struct err *e)
{
	char *full = realpath(name, NULL);
	struct stat st;
	int rc = 0;

	if (!full || stat(full, &st) < 0)
		rc = err_set(e, ERR_FAILED, "cannot find %s: %s", name, strerror(errno));
	else if ((old->len != new_text->len ||
			 memcmp(buf_text(old), buf_text(new_text), old->len) != 0) &&
		 file_write_atomic(full, new_text->data, new_text->len, st.st_mode & 0777) < 0)
		rc = err_set(e, ERR_FAILED, "cannot write %s: %s", full, strerror(errno));
	free(full);
	return rc;
}

int local_spec_fmt(int argc, char **argv)
{
	struct words w = {.usage = "pithead spec fmt [--write] [FILE]\n"
				   "Prints pithead.yaml (or FILE, - = stdin) in its canonical "
				   "form, comments kept;\nwith --write into the file itself.",
		.own_flag = "--write",
		.takes_file = 1};
	int code = words_read(&w, argc, argv);
	const char *name = w.file ? w.file : "pithead.yaml";
	struct buf text = {0}, out = {0};
	struct spec_faults faults = {0};
	struct spec *s = NULL;
	struct err e = {0};

	if (code >= 0)
		return code;
	code = 0;
	if (read_spec(name, &text, &e))
		code = words_fail(w.json, &e);
	else if (!(s = spec_parse(buf_text(&text), text.len, name, &faults, &e)) && faults.count) {
		print_faults(name, &faults);
		code = 1;
	} else if (!s || spec_format(buf_text(&text), text.len, name, &out, &e) ||
		   (w.flag && strcmp(name, "-") != 0 && write_back(name, &text, &out, &e))) {
		words_fail(w.json, &e);
		code = 1;
	} else if (!w.flag || strcmp(name, "-") == 0)
		fwrite(buf_text(&out), 1, out.len, stdout);
	spec_free(s);
	spec_faults_release(&faults);
	buf_release(&text);
	buf_release(&out);
	return code;
}

int local_spec_schema(int argc, char **argv)
{
	struct words w = {.usage = "pithead spec schema\n"
				   "Prints the JSON Schema of pithead.yaml, for editors."};
	int code = words_read(&w, argc, argv);
	struct buf out = {0};

	if (code >= 0)
		return code;
	spec_format_schema(&out);
	fwrite(buf_text(&out), 1, out.len, stdout);
	if (out.len && out.data[out.len - 1] != '\n')
		putchar('\n');
	buf_release(&out);
	return 0;
}
