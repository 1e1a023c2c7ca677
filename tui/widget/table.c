/* table.c: rows in view, selection, marks, filter and order of a table; table_draw.c puts it on the
 * canvas. Keeps ids and positions only: the rows stay with their source. */
#include "tui/widget/table_priv.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"
#include "tui/timefmt.h"

struct table *table_new(const struct table_column *columns, int n, const struct table_source *src)
{
	struct table *t = xcalloc(1, sizeof(*t));

	must(n > 0 && n <= TABLE_COLUMNS);
	t->columns = columns;
	t->ncolumns = n;
	t->src = *src;
	t->sort_column = -1;
	t->page = 1;
	t->first_line = -1;
	t->filter = xstrdup("");
	table_refresh(t);
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	match_free(t->match);
	free(t->filter);
	free(t->index);
	free(t->marks);
	free(t);
}

uint64_t table_id(const char *name)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3u;
	return h ? h : 1;
}

size_t table_count(const struct table *t)
{
	return t->index ? t->nindex : t->src.count(t->src.ctx);
}

size_t table_row(const struct table *t, size_t i)
{
	must(i < table_count(t));
	return t->index ? t->index[i] : i;
}

uint64_t table_id_at(const struct table *t, size_t i)
{
	return t->src.row_id(t->src.ctx, table_row(t, i));
}

void table_cell_get(const struct table *t, size_t row, int column, struct table_cell *out)
{
	out->text = NULL;
	out->role = ROLE_text;
	out->attrs = 0;
	out->tail = 0;
	out->space[0] = '\0';
	t->src.cell(t->src.ctx, row, column, out);
	if (!out->text)
		out->text = "";
}

/* Position in view of an id, looked for from a guess outward; false when it is not in view. */
static bool position_find(const struct table *t, uint64_t id, size_t guess, size_t *pos)
{
	size_t n = table_count(t);

	if (n == 0 || id == 0)
		return false;
	if (guess >= n)
		guess = n - 1;
	for (size_t far = 0; far < n; far++) {
		if (guess + far < n && table_id_at(t, guess + far) == id) {
			*pos = guess + far;
			return true;
		}
		if (far <= guess && table_id_at(t, guess - far) == id) {
			*pos = guess - far;
			return true;
		}
	}
	return false;
}

/* The text of a cell as a key of order: numbers by value when both are numbers. */
struct sort_key {
	size_t row;
	bool is_number;
	double number;
	size_t text; /* offset into the texts */
};

struct sort_context {
	const struct table *t;
	const char *texts;
};

/* "1,310", "0.4", "25%" are numbers; dates and names are not. */
static bool number_of(const char *text, double *out)
{
	char plain[64], *end;
	size_t n = 0;

	for (; *text && n + 1 < sizeof(plain); text++) {
		if (*text != ',' && *text != ' ')
			plain[n++] = *text;
	}
	plain[n] = '\0';
	*out = strtod(plain, &end);
	return end != plain && (*end == '\0' || (*end == '%' && end[1] == '\0'));
}

static int rows_in_order(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int compare_keys(const void *pa, const void *pb, void *ctx)
{
	const struct sort_key *a = pa, *b = pb;
	const struct sort_context *s = ctx;
	int order;

	if (a->is_number != b->is_number)
		order = a->is_number ? -1 : 1;
	else if (a->is_number)
		order = (a->number > b->number) - (a->number < b->number);
	else
		order = strcmp(s->texts + a->text, s->texts + b->text);
	if (s->t->reverse)
		order = -order;
	return order ? order : rows_in_order(a->row, b->row);
}

static int compare_rows(const void *pa, const void *pb, void *ctx)
{
	size_t a = *(const size_t *)pa, b = *(const size_t *)pb;
	const struct table *t = ctx;
	int order = t->src.compare(t->src.ctx, a, b, t->sort_column);

	if (t->reverse)
		order = -order;
	return order ? order : rows_in_order(a, b);
}

static void index_sort_by_text(struct table *t)
{
	struct sort_key *keys = xcalloc(t->nindex + 1, sizeof(*keys));
	struct buf texts = {0};
	struct table_cell cell;

	for (size_t i = 0; i < t->nindex; i++) {
		table_cell_get(t, t->index[i], t->sort_column, &cell);
		keys[i].row = t->index[i];
		keys[i].text = texts.len;
		keys[i].is_number = number_of(cell.text, &keys[i].number);
		buf_add(&texts, cell.text, strlen(cell.text) + 1);
	}
	struct sort_context ctx = {t, buf_text(&texts)};
	qsort_r(keys, t->nindex, sizeof(*keys), compare_keys, &ctx);
	for (size_t i = 0; i < t->nindex; i++)
		t->index[i] = keys[i].row;
	buf_release(&texts);
	free(keys);
}

static bool row_matches(const struct table *t, size_t row, struct buf *text)
{
	struct table_cell cell;

	buf_reset(text);
	for (int i = 0; i < t->ncolumns; i++) {
		table_cell_get(t, row, i, &cell);
		if (i)
			buf_addc(text, ' ');
		buf_adds(text, cell.text);
	}
	return match_find(t->match, buf_text(text), text->len, NULL) == 1;
}

/* Makes the list of rows in view; none is kept when it would be all of them in their order. */
static void index_build(struct table *t)
{
	size_t n = t->src.count(t->src.ctx);
	struct buf text = {0};

	xfree(t->index);
	t->nindex = 0;
	if (!t->match && t->sort_column < 0 && !t->reverse)
		return;
	t->index = xcalloc(n + 1, sizeof(*t->index));
	for (size_t row = 0; row < n; row++) {
		if (!t->match || row_matches(t, row, &text))
			t->index[t->nindex++] = row;
	}
	buf_release(&text);
	if (t->sort_column >= 0 && t->src.compare)
		qsort_r(t->index, t->nindex, sizeof(*t->index), compare_rows, t);
	else if (t->sort_column >= 0)
		index_sort_by_text(t);
	else if (t->reverse) {
		for (size_t i = 0, j = t->nindex; i + 1 < j; i++) {
			size_t swap = t->index[i];
			t->index[i] = t->index[--j];
			t->index[j] = swap;
		}
	}
}

/* Finds the selected row again after the view changed; keep_line holds its line of the screen. */
static void selection_restore(struct table *t, bool keep_line)
{
	size_t n = table_count(t), before = t->pos;

	if (n == 0) {
		t->pos = t->top = 0;
		return;
	}
	if (!position_find(t, t->selected, t->pos, &t->pos)) {
		t->pos = t->pos < n ? t->pos : n - 1;
		t->selected = table_id_at(t, t->pos);
	}
	if (keep_line && t->pos >= before)
		t->top += t->pos - before;
	else if (keep_line)
		t->top = t->top > before - t->pos ? t->top - (before - t->pos) : 0;
}

void table_refresh(struct table *t)
{
	index_build(t);
	selection_restore(t, true);
}

/* The view is another one: the selected row stays selected and in sight, wherever it went. */
static void table_review(struct table *t)
{
	index_build(t);
	selection_restore(t, false);
}

int table_set_filter(struct table *t, const char *regex, struct err *e)
{
	struct match *match = NULL;

	if (strcmp(regex, t->filter) == 0)
		return 0;
	if (*regex) {
		match = match_new(regex, e);
		if (!match)
			return ERR_REGEX;
	}
	match_free(t->match);
	t->match = match;
	free(t->filter);
	t->filter = xstrdup(regex);
	table_review(t);
	return 0;
}

const char *table_filter(const struct table *t)
{
	return t->filter;
}

void table_sort(struct table *t, int column, bool reverse)
{
	t->sort_column = column < t->ncolumns ? column : -1;
	t->reverse = reverse;
	table_review(t);
}

int table_sort_column(const struct table *t)
{
	return t->sort_column;
}

void table_set_empty(struct table *t, const char *text)
{
	t->empty = text;
}

void table_move(struct table *t, long by)
{
	size_t n = table_count(t);

	if (n == 0)
		return;
	long to = (long)t->pos + by;
	t->pos = to < 0 ? 0 : to >= (long)n ? n - 1 : (size_t)to;
	t->selected = table_id_at(t, t->pos);
}

/* A page further: the view moves by a page and the selection keeps its line. */
static void table_page(struct table *t, long by)
{
	long top = (long)t->top + by;

	t->top = top > 0 ? (size_t)top : 0;
	table_move(t, by);
}

static size_t mark_find(const struct table *t, uint64_t id)
{
	size_t i = 0;

	while (i < t->nmarks && t->marks[i] != id)
		i++;
	return i;
}

static void mark_toggle(struct table *t)
{
	if (table_count(t) == 0)
		return;
	size_t at = mark_find(t, t->selected);
	if (at < t->nmarks) {
		memmove(t->marks + at, t->marks + at + 1, (t->nmarks - at - 1) * sizeof(*t->marks));
		t->nmarks--;
	} else {
		t->marks = xrealloc(t->marks, t->nmarks + 1, sizeof(*t->marks));
		t->marks[t->nmarks++] = t->selected;
	}
	table_move(t, 1);
}

bool table_is_marked(const struct table *t, uint64_t id)
{
	return mark_find(t, id) < t->nmarks;
}

size_t table_mark_count(const struct table *t)
{
	return t->nmarks;
}

uint64_t table_mark_get(const struct table *t, size_t i)
{
	return i < t->nmarks ? t->marks[i] : 0;
}

bool table_act(struct table *t, const char *command)
{
	long page = (long)t->page, all = (long)table_count(t);

	if (strcmp(command, "move down") == 0)
		table_move(t, 1);
	else if (strcmp(command, "move up") == 0)
		table_move(t, -1);
	else if (strcmp(command, "move page-down") == 0)
		table_page(t, page);
	else if (strcmp(command, "move page-up") == 0)
		table_page(t, -page);
	else if (strcmp(command, "move first") == 0)
		table_move(t, -all);
	else if (strcmp(command, "move last") == 0)
		table_move(t, all);
	else if (strcmp(command, "mark") == 0)
		mark_toggle(t);
	else if (strcmp(command, "unmark") == 0)
		t->nmarks = 0;
	else if (strcmp(command, "sort") == 0)
		table_sort(
			t, t->sort_column + 1 < t->ncolumns ? t->sort_column + 1 : -1, t->reverse);
	else if (strcmp(command, "sort reverse") == 0)
		table_sort(t, t->sort_column, !t->reverse);
	else
		return false;
	return true;
}

bool table_selected(const struct table *t, size_t *row)
{
	if (t->pos >= table_count(t))
		return false;
	*row = table_row(t, t->pos);
	return true;
}

uint64_t table_selected_id(const struct table *t)
{
	return table_count(t) ? t->selected : 0;
}

bool table_select(struct table *t, uint64_t id)
{
	if (!position_find(t, id, t->pos, &t->pos))
		return false;
	t->selected = id;
	return true;
}

bool table_select_line(struct table *t, int row)
{
	if (t->first_line < 0 || row < t->first_line || row >= t->first_line + (int)t->page)
		return false;
	size_t pos = t->top + (size_t)(row - t->first_line);
	if (pos >= table_count(t))
		return false;
	t->pos = pos;
	t->selected = table_id_at(t, pos);
	return true;
}

bool table_at_end(const struct table *t)
{
	return t->top + t->page >= table_count(t);
}

char *table_status(const struct table *t, char *out, size_t size)
{
	size_t n = table_count(t), all = t->src.count(t->src.ctx);
	char shown[48], total[48];
	struct buf b = {0};

	/* No place among the rows: it would cost a write with every key. */
	buf_adds(&b, numfmt(shown, sizeof(shown), (double)n, 0));
	if (t->match)
		buf_addf(&b, " of %s", numfmt(total, sizeof(total), (double)all, 0));
	buf_adds(&b, all == 1 ? " row" : " rows");
	if (t->match)
		buf_addf(&b, " /%s/", t->filter);
	if (t->sort_column >= 0)
		buf_addf(&b, ", by %s", t->columns[t->sort_column].title);
	if (t->nmarks)
		buf_addf(&b, ", %zu marked", t->nmarks);
	str_copy(out, size, buf_text(&b));
	buf_release(&b);
	return out;
}
