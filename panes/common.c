/* common.c: what several panes write alike. */
#include "panes/common.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

char *share_text(char *out, size_t size, int64_t bp)
{
	snprintf(out, size,
		bp % 100 == 0  ? "%.0f%%"
		: bp % 10 == 0 ? "%.1f%%"
			       : "%.2f%%",
		(double)bp / 100);
	return out;
}

char *when_ago(char *out, size_t size, int64_t then_us, const struct pane_host *host)
{
	size_t n;

	timefmt_when(out, size, then_us, host->now_us, host->zone);
	n = strlen(out);
	/* A span ends in its unit, a clock in a digit. */
	if (n && then_us <= host->now_us && (out[n - 1] == 's' || out[n - 1] == 'n'))
		snprintf(out + n, size - n, " ago");
	return out;
}

static const struct {
	const char *state;
	enum glyph glyph;
} endpoint_states[] =
	{
		{"ok", GLYPH_ok},
		{"watch", GLYPH_watch},
		{"harm", GLYPH_harm},
		{"missing", GLYPH_missing},
		{"waiting", GLYPH_waiting},
		{"down", GLYPH_failed},
},
  rollout_states[] = {
	  {"waiting", GLYPH_waiting},
	  {"stepping", GLYPH_running},
	  {"paused", GLYPH_waiting},
	  {"promoting", GLYPH_running},
	  {"aborting", GLYPH_running},
	  {"promoted", GLYPH_ok},
	  {"aborted", GLYPH_failed},
	  {"rejected", GLYPH_failed},
	  {"superseded", GLYPH_missing},
};

enum glyph endpoint_glyph(const char *state)
{
	for (size_t i = 0; i < sizeof endpoint_states / sizeof endpoint_states[0]; i++)
		if (strcmp(endpoint_states[i].state, state) == 0)
			return endpoint_states[i].glyph;
	return GLYPH_missing;
}

enum glyph rollout_glyph(const char *state)
{
	for (size_t i = 0; i < sizeof rollout_states / sizeof rollout_states[0]; i++)
		if (strcmp(rollout_states[i].state, state) == 0)
			return rollout_states[i].glyph;
	return GLYPH_missing;
}

void state_cell(struct table_cell *cell, enum glyph g, enum charset charset, const char *word)
{
	size_t n = canvas_utf8_encode(glyph_char(g, charset), cell->space);

	snprintf(cell->space + n, sizeof cell->space - n, " %s", word ? word : glyph_word(g));
	cell->text = cell->space;
	cell->role = glyph_role(g);
}

const char *endpoint_name(const char *id, bool short_names)
{
	const char *slash = short_names ? strchr(id, '/') : NULL;

	return slash ? slash + 1 : id;
}

bool names_are_unique(const struct node *const *rows, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++) {
			const char *a = node_str(rows[i], key, ""), *b = node_str(rows[j], key, "");

			if (strcmp(a, b) != 0 &&
				strcmp(endpoint_name(a, true), endpoint_name(b, true)) == 0)
				return false;
		}
	return true;
}

bool in_project(const struct pane *p, const struct node *n)
{
	const char *project = p->host->project;

	return !*project || strcmp(node_str(n, "project", ""), project) == 0;
}

void detail_line(struct text *t, const char *label, enum role role, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	if (b.len) {
		text_add(t, ROLE_dim, ATTR_NONE, label);
		text_tab(t, 11);
		text_add(t, role, ATTR_NONE, buf_text(&b));
		text_line(t);
	}
	buf_release(&b);
}
