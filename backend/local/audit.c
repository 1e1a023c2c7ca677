/* audit.c: `audit verify` for people and scripts. What is looked at is backend/audit's business. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/audit/verify.h"
#include "backend/base/home.h"
#include "backend/local/codec_local.h"
#include "backend/local/local.h"
#include "backend/local/words.h"

static const char usage[] =
	"pithead audit verify [--json]\n"
	"Whether the audit log of the home ($PITHEAD_HOME) is whole. The engine may be running.\n"
	"Exit 0 whole, 10 altered, 11 missing, 12 cut, 13 forked, 14 unsigned.";

static void show_progress(void *arg, int64_t events)
{
	int *shown = arg;

	fprintf(stderr, "\r%" PRId64 " events", events);
	*shown = 1;
}

static const char *finding_word(enum audit_finding f)
{
	return f == AUDIT_WHOLE	      ? "whole"
	       : f == AUDIT_ALTERED   ? "ALTERED"
	       : f == AUDIT_MISSING   ? "MISSING"
	       : f == AUDIT_TRUNCATED ? "CUT"
	       : f == AUDIT_FORKED    ? "FORKED"
				      : "UNSIGNED";
}

static void print_report(const char *home, const struct audit_report *r)
{
	printf("%-8s  %s\n", finding_word(r->finding), r->sentence);
	printf("home      %s\n", home);
	printf("events    %" PRId64 "%s\n", r->events,
		r->finding ? " looked at, until the first that is wrong" : "");
	if (r->first_bad_seq)
		printf("first     %" PRId64 " is the first that is wrong\n", r->first_bad_seq);
	printf("signed    up to %" PRId64 "\n", r->signed_seq);
	printf("exposed   %" PRId64 " after it could be cut without notice\n", r->exposed);
}

int local_audit_verify(int argc, char **argv)
{
	struct words w = {.usage = usage};
	int code = words_read(&w, argc, argv), shown = 0;
	struct audit_report report;
	struct err e = {0};
	char home[256];

	if (code >= 0)
		return code;
	if (state_home_find(home, sizeof home, &e) ||
		audit_verify(
			home, &report, isatty(STDERR_FILENO) ? show_progress : NULL, &shown, &e)) {
		words_fail(w.json, &e);
		return 1;
	}
	if (shown)
		fputs("\r\033[K", stderr);
	if (w.json)
		codec_print_report(home, &report);
	else
		print_report(home, &report);
	return (int)report.finding;
}
