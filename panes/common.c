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

char *when_short(char *out, size_t size, int64_t then_us, const struct pane_host *host)
{
	timefmt_when(out, size, then_us, host->now_us, host->zone);
	/* "Nov 23 13:02" would cost what changed half of its room: the day is enough. */
	if (strlen(out) > 6 && out[0] >= 'A')
		out[6] = '\0';
	return out;
}

char *quoted(char *out, size_t size, const char *words)
{
	size_t n = strlen(words), most = size - 6;

	if (n > most)
		for (n = most; n && ((unsigned char)words[n] & 0xc0) == 0x80;)
			n--;
	if (n)
		snprintf(out, size, "\"%.*s%s\"", (int)n, words, words[n] ? "\u2026" : "");
	else
		*out = '\0';
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
	  {"shadowing", GLYPH_running},
	  {"stepping", GLYPH_running},
	  {"paused", GLYPH_waiting},
	  {"promoting", GLYPH_running},
	  {"aborting", GLYPH_running},
	  {"promoted", GLYPH_ok},
	  {"aborted", GLYPH_failed},
	  {"rejected", GLYPH_failed},
	  {"superseded", GLYPH_missing},
	  {"observing", GLYPH_running},
	  {"ended", GLYPH_ok},
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

bool draw_loading(const struct pane *p, struct canvas *c, struct rect r)
{
	if (p->data[0])
		return false;
	canvas_put_left(c, r.row, 1, r.cols - 2, ROLE_dim, ATTR_NONE,
		p->failed[0][0] ? "no answer to show"
		: p->host->up	? "asking the engine \u2026"
				: "looking for the engine \u2026");
	return true;
}

/* As backend/rollout's table of states has it. */
static const struct {
	const char *command, *states;
} rollout_commands[] = {
	{"rollout advance %rollout", "shadowing stepping"},
	{"rollout pause %rollout", "stepping"},
	{"rollout resume %rollout", "paused"},
	{"rollout promote %rollout", "stepping paused"},
	{"rollout approve %rollout", "waiting"},
	{"rollout abort %rollout", "waiting shadowing stepping paused"},
};

bool rollout_offers(const struct node *r, const char *command)
{
	int steps;

	for (size_t i = 0; i < sizeof rollout_commands / sizeof rollout_commands[0]; i++) {
		if (strcmp(rollout_commands[i].command, command) != 0)
			continue;
		if (!r || !strstr(rollout_commands[i].states, node_str(r, "state", "?")))
			return false;
		node_list(node_get(r, "steps"), "", &steps);
		if (strcmp(command, "rollout advance %rollout") == 0)
			return node_int(r, "step", 0) + 1 < steps;
		if (strcmp(command, "rollout approve %rollout") == 0)
			return node_int(r, "approvals_given", 0) <
			       node_int(r, "approvals_needed", 0);
		return true;
	}
	return true;
}

bool change_offers(const struct node *change, const char *command)
{
	if (strcmp(command, "undo %id") != 0)
		return true;
	return change && node_bool(change, "undoable") && !node_int(change, "undone_by", 0);
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
