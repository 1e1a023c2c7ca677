/* table.h: a list with columns over rows that live elsewhere. Rows are asked for by callbacks, so
 * that 100,000 cost no more than a screenful; the selection is an id, so that new rows never shift
 * it. Filters (regex over the shown text) and sorts; knows nothing of what the rows are. */
#ifndef PITHEAD_TUI_WIDGET_TABLE_H
#define PITHEAD_TUI_WIDGET_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/err.h"
#include "tui/canvas.h"

struct table_column {
	const char *title; /* with the unit: "p99 ms" */
	int width;	   /* columns; at least this when flexible */
	int flex;	   /* share of the room left over; 0 for a fixed column */
	int most;	   /* columns that a flexible one never exceeds; 0: no end */
	int drop;	   /* 0 always shown; the highest number is dropped first when narrow */
	bool right;	   /* numbers: aligned right */
	bool middle; /* cut in the middle when too long: what tells names apart is at the end */
};

struct table_cell {
	const char *text; /* borrowed until the next call; NULL is empty */
	enum role role;	  /* ROLE_text when left alone */
	unsigned attrs;
	int tail;	 /* columns at its end that a cut in the middle leaves; 0: half */
	char space[128]; /* room for text that is made on the spot: text = space */
};

/* Where the rows are. Rows count from 0 in the source's own order. */
struct table_source {
	void *ctx;
	size_t (*count)(void *ctx);
	/* Fills *out, which comes zeroed apart from role. */
	void (*cell)(void *ctx, size_t row, int column, struct table_cell *out);
	/* A number that stays with the row; never 0. table_id() makes one of a name. */
	uint64_t (*row_id)(void *ctx, size_t row);
	/* Order of two rows by a column, as strcmp; NULL: by the text of the cells. */
	int (*compare)(void *ctx, size_t a, size_t b, int column);
};

struct table;

/* A table over columns (an array of n, borrowed for the table's life). Ended by table_free. */
struct table *table_new(const struct table_column *columns, int n, const struct table_source *src);
void table_free(struct table *t);

/* The id of a name (FNV-1a), never 0. */
uint64_t table_id(const char *name);

/* Says that the source's rows changed: filter and order are made again, the selected row stays
 * selected and on its line of the screen. When it is gone, the row at its place is selected. */
void table_refresh(struct table *t);

/* Shows only rows whose text matches the regex ("" shows all). ERR_REGEX for a bad one: the
 * filter before stays in force, so that half-typed ones do no harm. */
int table_set_filter(struct table *t, const char *regex, struct err *e);
const char *table_filter(const struct table *t);

/* Orders by a column (-1: the source's order). */
void table_sort(struct table *t, int column, bool reverse);
int table_sort_column(const struct table *t);

/* What is said when there are no rows; borrowed for the table's life. */
void table_set_empty(struct table *t, const char *text);

/* Runs one of the list commands of keymap.conf: "move up|down|page-up|page-down|first|last",
 * "mark", "unmark", "sort", "sort reverse". False when it is none of them. */
bool table_act(struct table *t, const char *command);

/* Moves the selection by so many rows (a batch of keys may be added up). */
void table_move(struct table *t, long by);

/* Row of the source that is selected; false when there is none. */
bool table_selected(const struct table *t, size_t *row);
uint64_t table_selected_id(const struct table *t);
bool table_select(struct table *t, uint64_t id);

/* Selects the row drawn at a line of the canvas (a click). False when there is none. */
bool table_select_line(struct table *t, int row);

/* Marks are ids too. */
bool table_is_marked(const struct table *t, uint64_t id);
size_t table_mark_count(const struct table *t);
uint64_t table_mark_get(const struct table *t, size_t i);

/* Rows shown (after the filter), and the source row of the i-th shown. */
size_t table_count(const struct table *t);
size_t table_row(const struct table *t, size_t i);

/* Whether the last rows of the source are on the screen, so that more should be fetched. */
bool table_at_end(const struct table *t);

/* Draws header and rows into r; focused tables set the canvas's cursor on the selected row. */
void table_draw(struct table *t, struct canvas *c, struct rect r, bool focused);

/* "812 of 100,000 rows /regex/, by TIME, 2 marked" into out, cut to size; returns out. */
char *table_status(const struct table *t, char *out, size_t size);

#endif
