/* intake_text.c: proposals as the text of a pithead.yaml, with the reasons as comments. It is read
 * by spec_parse before it is written anywhere: see backend/local/init.c. */
#include "backend/intake/intake.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/host.h"
#include "backend/base/xalloc.h"

#define COLUMN 34  /* where comments begin beside a line */
#define WIDE   110 /* no line is longer, unless a value is */

/* Servers and files have a say in values and reasons: printable ASCII is what is left of it. */
static void add_clean(struct buf *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_addc(out, text[i] < 0x20 || text[i] > 0x7e ? '?' : text[i]);
}

/* "# " and the text in lines of at most WIDE columns, each behind `indent` blanks. */
static void format_comment(int indent, const char *text, struct buf *out)
{
	size_t most = (size_t)(WIDE - indent - 2);

	while (*text) {
		size_t n = strlen(text), cut = n;

		if (n > most)
			for (cut = most; cut > 1 && text[cut] != ' '; cut--)
				;
		if (n > most && cut <= 1)
			cut = most;
		buf_addf(out, "%*s# ", indent, "");
		add_clean(out, text, cut);
		buf_addc(out, '\n');
		text += cut;
		text += strspn(text, " ");
	}
}

/* A line and its comment: beside it where there is room, else above. */
static void format_line(int indent, const char *line, const char *why, struct buf *out)
{
	size_t used = (size_t)indent + strlen(line), column = used + 2 < COLUMN ? COLUMN : used + 2;

	int beside = *why && column + strlen(why) + 2 <= WIDE;

	if (*why && !beside)
		format_comment(indent, why, out);
	buf_addf(out, "%*s", indent, "");
	add_clean(out, line, strlen(line));
	if (beside) {
		buf_addf(out, "%*s# ", (int)(column - used), "");
		add_clean(out, why, strlen(why));
	}
	buf_addc(out, '\n');
}

static void format_choice(const char *key, const struct intake_choice *c, struct buf *out)
{
	struct buf line = {0};

	if (!c->value[0] && !c->why[0])
		return;
	if (!c->value[0]) {
		buf_addf(&line, "%s: %s", key, c->why);
		format_comment(4, buf_text(&line), out);
	} else {
		buf_addf(&line, "%s%s: %s", c->off ? "# " : "", key, c->value);
		format_line(4, buf_text(&line), c->why, out);
	}
	buf_release(&line);
}

/* A text as YAML reads it back: quoted where a sign of YAML's could begin. */
static void format_text(const char *text, struct buf *out)
{
	if (text[strspn(
		    text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./")] ==
			'\0' &&
		text[0] != '-' && text[0]) {
		buf_adds(out, text);
		return;
	}
	buf_addc(out, '"');
	for (; *text; text++)
		buf_addf(out, strchr("\"\\", *text) ? "\\%c" : "%c", *text);
	buf_addc(out, '"');
}

/* The list goes over several lines where it is long. */
static void format_features(const struct intake_endpoint *ep, struct buf *out)
{
	struct buf line = {0};
	int lines = 0;

	if (!ep->feature_count)
		return;
	buf_adds(&line, "features: [");
	for (int i = 0; i < ep->feature_count; i++) {
		if (line.len + strlen(ep->feature[i]) + 6 > WIDE) {
			if (!lines++)
				format_comment(4, ep->features.why, out);
			buf_addf(out, "    %s\n", buf_text(&line));
			buf_reset(&line);
			buf_addc(&line, ' ');
		}
		buf_addf(&line, "%s%s%s", i > 0 ? " " : "", ep->feature[i],
			i + 1 < ep->feature_count ? "," : "]");
	}
	format_line(4, buf_text(&line), lines ? "" : ep->features.why, out);
	buf_release(&line);
}

/* What pithead's gateway is to make of the certificates. HAProxy compares names alone: where there
 * is none, nothing can be verified. */
static void format_tls(const struct intake_version *v, struct buf *out)
{
	struct buf line = {0};
	int nameless = 0;

	for (int i = 0; i < v->server_count; i++)
		nameless |= host_is_address(v->servers[i].host);
	if (v->server_name[0]) {
		buf_addf(&line, "server-name: %s", v->server_name);
		format_line(8, buf_text(&line), "of its certificate, as today", out);
	}
	if (v->unverified)
		format_line(8, "verify: none", "as today: anybody between could answer", out);
	else if (nameless && !v->server_name[0])
		format_line(8, "verify: none",
			"an address has no name to verify; server-name: NAME does", out);
	buf_release(&line);
}

static void format_versions(const struct intake_endpoint *ep, struct buf *out)
{
	struct buf line = {0};

	buf_adds(out, "    versions:\n");
	for (int i = 0; i < ep->version_count; i++) {
		const struct intake_version *v = &ep->versions[i];
		/* A bracket of IPv6 would begin a list. */
		const char *quote = v->server_count && v->servers[0].host[0] == '[' ? "\"" : "";

		buf_addf(out, "      %s:\n", v->name);
		buf_addf(&line, "upstream: %s%s", quote, v->tls ? "tls " : "");
		for (int k = 0; k < v->server_count; k++)
			buf_addf(&line, "%s%s:%d", k ? ", " : "", v->servers[k].host,
				v->servers[k].port);
		buf_adds(&line, quote);
		format_line(8, buf_text(&line), v->why, out);
		buf_reset(&line);
		if (v->tls)
			format_tls(v, out);
		buf_addf(&line, "connections: %d", v->connections);
		if (v->connections)
			format_line(8, buf_text(&line),
				"maxconn, the least of its servers'; others wait for a second",
				out);
		buf_reset(&line);
	}
	buf_release(&line);
}

/* What a small team's traffic can prove within the steps: see docs/judge.md. */
static void format_rollout(const struct intake_endpoint *ep, struct buf *out)
{
	int scored = ep->score.value[0] && !ep->score.off;

	buf_adds(out, "    rollout:\n");
	format_line(6, "steps: [10% 2m, 25% 5m, 50% 5m]",
		"share of the new version, its least time", out);
	buf_adds(out, "      signals:\n");
	format_line(8, "error_rate: critical worse-by 2pp", "", out);
	format_line(8, "latency_p99: critical worse-by 50%",
		"of the old version's in the same seconds", out);
	if (scored)
		format_line(
			8, "score_shift: psi 0.2", "watched: a shift by itself is no harm", out);
}

static void format_notes(int indent, const struct buf *notes, struct buf *out)
{
	char *copy = xstrdup(buf_text(notes)), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")) != NULL)
		format_comment(indent, line, out);
	free(copy);
}

static void format_endpoint(
	const struct intake *in, const struct intake_endpoint *ep, struct buf *out)
{
	struct buf line = {0};

	format_notes(2, &ep->notes, out);
	buf_addf(out, "  %s:\n", ep->name);
	buf_addf(out, "    environment: %s\n", in->environment);
	buf_addf(&line, "tier: %s", in->tier);
	format_line(4, buf_text(&line), "low: no approvals; medium: one person's; high: two", out);
	buf_release(&line);
	format_choice("listen", &ep->listen, out);
	format_versions(ep, out);
	format_choice("health", &ep->health, out);
	format_choice("host", &ep->host, out);
	format_choice("timeout", &ep->timeout, out);
	format_choice("key", &ep->key, out);
	format_choice("segment", &ep->segment, out);
	format_choice("score", &ep->score, out);
	format_features(ep, out);
	format_choice("task", &ep->task, out);
	if (ep->score.value[0] && !ep->score.off)
		format_line(4, "# outcome: NAME within 1d",
			"once the truth is posted: predictions are judged too", out);
	format_rollout(ep, out);
}

void intake_format(const struct intake *in, struct buf *out)
{
	struct buf head = {0};

	buf_addf(&head, "Proposed by pithead init from %s.", in->from);
	format_comment(0, buf_text(&head), out);
	buf_release(&head);
	buf_addf(out, "project: %s\nowner: ", in->project);
	format_text(in->owner, out);
	buf_addc(out, '\n');
	buf_adds(out, in->count ? "endpoints:\n" : "");
	for (int i = 0; i < in->count; i++)
		format_endpoint(in, &in->endpoints[i], out);
	format_notes(0, &in->notes, out);
}
