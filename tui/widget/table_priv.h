/* table_priv.h: the inside of a table, shared by table.c and table_draw.c alone. */
#ifndef PITHEAD_TUI_WIDGET_TABLE_PRIV_H
#define PITHEAD_TUI_WIDGET_TABLE_PRIV_H

#include "backend/base/match.h"
#include "tui/widget/table.h"

enum { TABLE_COLUMNS = 32 };

struct table {
	const struct table_column *columns; /* borrowed */
	int ncolumns;
	struct table_source src;
	size_t *index; /* owned; source rows in view, NULL when all in their order */
	size_t nindex;
	char *filter;	     /* owned */
	struct match *match; /* owned; NULL without a filter */
	int sort_column;
	bool reverse;
	uint64_t selected; /* id; 0 before the first row came */
	size_t pos;	   /* its place in view */
	size_t top;	   /* first row on the screen */
	size_t page;	   /* rows on the screen at the last draw */
	int first_line;	   /* canvas row of the first one; -1 before the first draw */
	uint64_t *marks;   /* owned */
	size_t nmarks;
	const char *empty; /* borrowed */
};

/* The id of the i-th row in view; the cell of a source row, never with a NULL text. */
uint64_t table_id_at(const struct table *t, size_t i);
void table_cell_get(const struct table *t, size_t row, int column, struct table_cell *out);

#endif
