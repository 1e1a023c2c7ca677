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
	snprintf(out, size, bp % 100 == 0 ? "%.0f%%" : bp % 10 == 0 ? "%.1f%%" : "%.2f%%",
		(double)bp / 100);
	return out;
}

static const struct {
	const char *state;
	enum glyph glyph;
} endpoint_states[] = {
	{"ok", GLYPH_ok},
	{"watch", GLYPH_watch},
	{"harm", GLYPH_harm},
	{"missing", GLYPH_missing},
	{"waiting", GLYPH_waiting},
	{"down", GLYPH_failed},
}, rollout_states[] = {
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
