/* init.c: `pithead init`: a pithead.yaml for servers that run already. Nothing is written that the
 * engine would not take, and never over a file that is there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/xalloc.h"
#include "backend/local/codec_local.h"
#include "backend/local/init.h"
#include "backend/local/local.h"
#include "backend/local/words.h"
#include "backend/spec/spec.h"

int init_check(const char *text, size_t n, struct err *e)
{
	struct spec_faults faults = {0};
	struct err own = {0};
	struct spec *s = spec_parse(text, n, "pithead.yaml", &faults, &own);
	int rc = 0;

	if (!s && faults.count)
		rc = err_set(e, ERR_INVALID, "%s", faults.list[0].message);
	else if (!s)
		rc = err_set(e, ERR_INVALID, "%s", own.message);
	spec_free(s);
	spec_faults_release(&faults);
	return rc;
}

static int is_stdout(const struct init_words *w)
{
	return strcmp(w->out, "-") == 0;
}

/* Asked before servers are: nobody wants to answer questions for nothing. */
static int check_out(const struct init_words *w, struct err *e)
{
	if (is_stdout(w) || w->force || access(w->out, F_OK) != 0)
		return 0;
	err_set(e, ERR_CONFLICT, "%s is there already: nothing was written", w->out);
	return err_hint(e, "name another with --out FILE, or write over it with --force");
}

static int check_words(const struct init_words *w, struct err *e)
{
	int sources = (w->haproxy_count > 0) + (w->openapi || w->upstream_count);

	if (sources == 0) {
		err_set(e, ERR_INVALID, "init needs to know where your model answers");
		return err_hint(e, "pithead init --upstream http://HOST:PORT/predict --sample "
				   "request.json; or --openapi FILE, --haproxy FILE");
	}
	if (sources > 1)
		return err_set(
			e, ERR_INVALID, "--haproxy stands alone: its servers are in the file");
	if (w->candidate_count && !w->upstream_count)
		return err_set(e, ERR_INVALID, "--candidate needs an --upstream beside it");
	for (int i = 0; i < w->header_count; i++)
		if (strcspn(w->header[i], ":") == 0 || !strchr(w->header[i], ':'))
			return err_set(e, ERR_INVALID,
				"--header is \"Name: value\", and not \"%.80s\"", w->header[i]);
	return check_out(w, e);
}

static int propose(const struct init_words *w, struct intake *in, struct err *e)
{
	struct buf sample = {0};
	int rc;

	if (w->haproxy_count)
		return init_haproxy(w, in, e);
	if (w->openapi)
		return init_openapi(w, in, e);
	rc = init_read_sample(w, &sample, e);
	if (rc == 0)
		rc = init_call(w, &sample, 0, in, e);
	buf_release(&sample);
	return rc;
}

static int write_out(const struct init_words *w, const struct buf *text, struct err *e)
{
	if (is_stdout(w)) {
		if (!w->json)
			fwrite(buf_text(text), 1, text->len, stdout);
		return 0;
	}
	if (file_write_atomic(w->out, text->data, text->len, 0644) < 0) {
		err_set(e, ERR_FAILED, "cannot write %s: %s", w->out, strerror(errno));
		return err_hint(e, "name another place with --out FILE, or see it with --out -");
	}
	return 0;
}

/* What to do next, with the words that fit the file. */
static void print_next(const struct init_words *w, const struct intake *in)
{
	FILE *to = is_stdout(w) ? stderr : stdout;
	int usual = strcmp(w->out, "pithead.yaml") == 0;
	const char *file = usual || is_stdout(w) ? "" : w->out;

	for (int i = 0; i < in->count && !w->haproxy_count; i++)
		if (in->endpoints[i].score.off)
			fprintf(to, "no score is read, errors and times only: %s\n",
				in->endpoints[i].score.why);
	if (is_stdout(w))
		fprintf(to, "keep it as pithead.yaml, read what it says and why, then\n");
	else
		fprintf(to, "wrote %s: read what it says and why, then\n", w->out);
	fprintf(to, "  pithead spec check%s%s\n", *file ? " " : "", file);
	fprintf(to, "  pithead apply%s%s --reason \"first\"\n", *file ? " --file " : "", file);
	for (int i = 0; i < in->count; i++)
		fprintf(to, "  pithead endpoint serve %s --to %s --reason \"first version\"\n",
			in->endpoints[i].name, in->endpoints[i].versions[0].name);
}

int local_init(int argc, char **argv)
{
	struct init_words w;
	struct intake in = {0};
	struct buf text = {0};
	struct err e = {0};
	int code = init_words_read(&w, argc, argv), rc;

	if (code >= 0)
		return code;
	rc = check_words(&w, &e);
	if (rc == 0)
		rc = propose(&w, &in, &e);
	if (rc == 0)
		rc = init_settle(&w, &in, &e);
	if (rc == 0) {
		intake_format(&in, &text);
		rc = init_check(buf_text(&text), text.len, &e);
	}
	if (rc == 0)
		rc = write_out(&w, &text, &e);
	if (rc == 0 && w.json)
		codec_print_proposal(is_stdout(&w) ? NULL : w.out, &in, buf_text(&text));
	else if (rc == 0)
		print_next(&w, &in);
	code = rc ? words_fail(w.json, &e) : 0;
	intake_release(&in);
	buf_release(&text);
	return code;
}
