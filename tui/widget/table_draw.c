/* table_draw.c: puts a table on a canvas: which columns fit, header, the rows on the screen. Down
 * must stay within 220 bytes, so that the selection is a sign and one styled column, not a row. */
#include "tui/widget/table_priv.h"

#include <stdio.h>
#include <string.h>

struct layout {
	int width[TABLE_COLUMNS]; /* 0: dropped */
	int gap;
};

static int layout_width(const struct table *t, const struct layout *l)
{
	int sum = 1, shown = 0;

	for (int i = 0; i < t->ncolumns; i++) {
		sum += l->width[i];
		shown += l->width[i] > 0;
	}
	return sum + (shown > 1 ? (shown - 1) * l->gap : 0);
}

/* Drops the column of the highest number; false when all that is left must stay. */
static bool layout_drop(const struct table *t, struct layout *l)
{
	int worst = -1;

	for (int i = 0; i < t->ncolumns; i++) {
		if (l->width[i] && t->columns[i].drop > 0 &&
			(worst < 0 || t->columns[i].drop >= t->columns[worst].drop))
			worst = i;
	}
	if (worst < 0)
		return false;
	l->width[worst] = 0;
	return true;
}

static void layout_make(const struct table *t, int cols, struct layout *l)
{
	int flex = 0;

	l->gap = cols >= 60 ? 2 : 1;
	for (int i = 0; i < t->ncolumns; i++)
		l->width[i] = t->columns[i].width > 0 ? t->columns[i].width : 1;
	while (layout_width(t, l) > cols && layout_drop(t, l))
		continue;
	int room = cols - layout_width(t, l);
	for (int i = 0; i < t->ncolumns; i++)
		flex += l->width[i] ? t->columns[i].flex : 0;
	for (int i = 0; i < t->ncolumns && room > 0 && flex > 0; i++) {
		if (!l->width[i] || !t->columns[i].flex)
			continue;
		int share = room * t->columns[i].flex / flex;
		room -= share;
		flex -= t->columns[i].flex;
		l->width[i] += share;
		/* A name must not stand a screen away from what is said about it. */
		if (t->columns[i].most && l->width[i] > t->columns[i].most) {
			room += l->width[i] - t->columns[i].most;
			l->width[i] = t->columns[i].most;
		}
	}
}

static void put_aligned(struct canvas *c, int row, int col, int width,
	const struct table_column *column, const struct table_cell *cell)
{
	const char *text = cell->text ? cell->text : "";
	char cut[160];

	if (column->middle) {
		canvas_cut_middle(cut, sizeof(cut), text, width, cell->tail);
		text = cut;
	}
	if (column->right)
		canvas_put_right(c, row, col, width, cell->role, cell->attrs, text);
	else
		canvas_put_left(c, row, col, width, cell->role, cell->attrs, text);
}

static void draw_header(
	const struct table *t, const struct layout *l, struct canvas *c, struct rect r)
{
	int col = r.col + 1;

	for (int i = 0; i < t->ncolumns; i++) {
		struct table_cell cell = {.role = ROLE_heading};
		if (!l->width[i])
			continue;
		const char *sign = i != t->sort_column ? "" : t->reverse ? "\u25bc" : "\u25b2";
		snprintf(cell.space, sizeof(cell.space), "%s%s", t->columns[i].title, sign);
		cell.text = cell.space;
		put_aligned(c, r.row, col, l->width[i], &t->columns[i], &cell);
		col += l->width[i] + l->gap;
	}
}

static void draw_row(const struct table *t, const struct layout *l, struct canvas *c, struct rect r,
	size_t i, bool focused)
{
	/* The sign of the selection is where the keys go: one on the screen, however many tables.
	 */
	bool selected = focused && i == t->pos, marked = table_is_marked(t, table_id_at(t, i)),
	     first = true;
	enum role gutter = c->low_bandwidth ? ROLE_text : selected ? ROLE_accent : ROLE_mark;
	int col = r.col + 1;
	struct table_cell cell;

	canvas_put_char(c, r.row, r.col, selected || marked ? gutter : ROLE_text, 0,
		selected ? '>'
		: marked ? '*'
			 : ' ');
	for (int k = 0; k < t->ncolumns; k++) {
		if (!l->width[k])
			continue;
		table_cell_get(t, table_row(t, i), k, &cell);
		if (marked && first)
			cell.role = ROLE_mark;
		if (selected && first && !c->low_bandwidth) {
			cell.role = ROLE_accent;
			cell.attrs |= ATTR_BOLD;
		}
		first = false;
		put_aligned(c, r.row, col, l->width[k], &t->columns[k], &cell);
		col += l->width[k] + l->gap;
	}
}

static void draw_empty(const struct table *t, struct canvas *c, struct rect r)
{
	const char *text = t->empty ? t->empty : "nothing here yet";

	if (t->match)
		canvas_putf(c, r.row, r.col + 1, ROLE_dim, 0, "no row matches /%s/", t->filter);
	else
		canvas_put(c, r.row, r.col + 1, ROLE_dim, 0, text);
}

/* That there are rows above or below: at the left, where it covers no digit. */
static void draw_more(
	const struct table *t, struct canvas *c, struct rect r, size_t n, bool focused)
{
	size_t last = t->top + t->page - 1;

	if (t->top > 0 && r.row > 0)
		canvas_put_char(c, r.row - 1, r.col, ROLE_dim, 0, 0x25b2);
	if (last + 1 < n && !(focused && t->pos == last) &&
		!table_is_marked(t, table_id_at(t, last)))
		canvas_put_char(c, r.row + r.rows - 1, r.col, ROLE_dim, 0, 0x25bc);
}

/* Keeps the selected row on the screen, and no blank below the last row without need. */
static void scroll_into_view(struct table *t, size_t n)
{
	if (t->pos < t->top)
		t->top = t->pos;
	if (t->pos >= t->top + t->page)
		t->top = t->pos - t->page + 1;
	if (t->top + t->page > n)
		t->top = n > t->page ? n - t->page : 0;
}

void table_draw(struct table *t, struct canvas *c, struct rect r, bool focused)
{
	struct layout l = {0};
	struct rect before = canvas_clip(c, r);
	size_t n = table_count(t);

	canvas_fill(c, r, ' ', ROLE_text, 0);
	if (r.rows < 1 || r.cols < 1)
		goto out;
	layout_make(t, r.cols, &l);
	/* One line is better spent on a row than on its heading. */
	if (r.rows > 1) {
		draw_header(t, &l, c, (struct rect){r.row, r.col, 1, r.cols});
		r.row++;
		r.rows--;
	}
	t->page = (size_t)r.rows;
	t->first_line = r.row;
	/* Rows may have come or gone without table_refresh: never draw by a stale place. */
	if (n && (t->pos >= n || table_id_at(t, t->pos) != t->selected))
		table_refresh(t);
	n = table_count(t);
	if (n == 0) {
		draw_empty(t, c, r);
		goto out;
	}
	scroll_into_view(t, n);
	for (size_t i = t->top; i < n && i < t->top + t->page; i++) {
		int row = r.row + (int)(i - t->top);
		draw_row(t, &l, c, (struct rect){row, r.col, 1, r.cols}, i, focused);
		if (focused && i == t->pos)
			canvas_set_cursor(c, row, r.col);
	}
	draw_more(t, c, r, n, focused);
out:
	canvas_unclip(c, before);
}
