/* common.h: how a share, a state, a change is written in every pane; and the table of changes that
 * Now, Changes and the details share. */
#ifndef PITHEAD_PANES_COMMON_H
#define PITHEAD_PANES_COMMON_H

#include "tui/pane.h"
#include "tui/widget/table.h"
#include "tui/widget/text.h"

/* "25%", "0.5%" into out (16 bytes). Returns out. */
char *share_text(char *out, size_t size, int64_t bp);

/* "9 min ago", or the clock when it is longer ago (32 bytes). Returns out. */
char *when_ago(char *out, size_t size, int64_t then_us, const struct pane_host *host);

/* The same in 6 columns, without the "ago": "41 s", "12:02", "Nov 23". Returns out. */
char *when_short(char *out, size_t size, int64_t then_us, const struct pane_host *host);

/* A person's words in quotes, whole characters only; "" stays "". Returns out. */
char *quoted(char *out, size_t size, const char *words);

/* The sign of an endpoint's or rollout's state. */
enum glyph endpoint_glyph(const char *state);
enum glyph rollout_glyph(const char *state);

/* "● ok" in the charset, into a cell with its role. word NULL = the glyph's own. */
void state_cell(struct table_cell *cell, enum glyph g, enum charset charset, const char *word);

/* The name without its project when `short_names`. Borrowed from id. */
const char *endpoint_name(const char *id, bool short_names);

/* Whether the names without their projects still tell the endpoints under `key` apart. */
bool names_are_unique(const struct node *const *rows, size_t count, const char *key);

/* Draws "asking the engine …" and returns true while a list's first answer has not come: "there is
 * none" is said only when it is known. */
bool draw_loading(const struct pane *p, struct canvas *c, struct rect r);

/* Whether a command of the keymap can be done with a rollout (or a change) as it is now; true for
 * other commands. r, change NULL: there is none. */
bool rollout_offers(const struct node *r, const char *command);
bool change_offers(const struct node *change, const char *command);

/* Whether a node's "project" passes the host's project filter. */
bool in_project(const struct pane *p, const struct node *n);

/* A label and a text in columns 0 and 11 of a text widget; nothing for an empty text. */
void detail_line(struct text *t, const char *label, enum role role, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* ---- a table over CHANGE nodes --------------------------------------------------------------- */
enum { CHANGE_COLUMNS = 6 };
struct change_list {
	struct pane *pane;
	struct table *table; /* owned */
	struct table_column columns[CHANGE_COLUMNS];
	const struct node **rows; /* owned array of borrowed nodes */
	size_t count;
	bool short_names;
	char title[80]; /* of the middle column */
};

/* ranked: with the columns of suspicion. */
void change_list_init(struct change_list *l, struct pane *p, bool ranked);
void change_list_release(struct change_list *l);
/* Shows the members of list (a node of the snapshot that is about to be drawn from). */
void change_list_set(struct change_list *l, const struct node *list, int count);
/* The selected change, or NULL. */
const struct node *change_list_selected(const struct change_list *l);
/* Fills id, rollout, endpoint, version, place from a change. */
void change_select(const struct node *change, struct selection *out);

#endif
