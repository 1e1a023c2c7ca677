/* test_table.c: the selected row stays the selected row, whatever arrives, is sorted or filtered.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tui/widget/table.h"

struct item {
	const char *name;
	const char *share;
};

struct items {
	struct item item[16];
	size_t n;
	size_t asked; /* calls of cell */
};

static size_t items_count(void *ctx)
{
	return ((struct items *)ctx)->n;
}

static uint64_t items_id(void *ctx, size_t row)
{
	return table_id(((struct items *)ctx)->item[row].name);
}

static void items_cell(void *ctx, size_t row, int column, struct table_cell *out)
{
	const struct item *item = &((struct items *)ctx)->item[row];

	((struct items *)ctx)->asked++;
	out->text = column == 0 ? item->name : column == 1 ? item->share : "note";
}

static const struct table_column columns[] = {
	{.title = "NAME", .width = 8, .flex = 1},
	{.title = "share %", .width = 8, .right = true},
	{.title = "NOTE", .width = 12, .drop = 2},
};

static const struct items start = {
	{{"delay", "25"}, {"eta", "100"}, {"refund", "3.5"}, {"nightly", "-"}}, 4, 0};

static char *drawn(struct table *t, int rows, int cols)
{
	struct canvas *c = canvas_new(rows, cols, CHARSET_BRAILLE);
	struct buf b = {0};

	table_draw(t, c, canvas_all(c), true);
	canvas_dump(c, &b);
	canvas_free(c);
	return buf_detach(&b);
}

static void assert_drawn(struct table *t, int rows, int cols, const char *want)
{
	char *got = drawn(t, rows, cols);

	assert_string_equal(got, want);
	free(got);
}

static struct table *make(struct items *items)
{
	const struct table_source src = {items, items_count, items_cell, items_id, NULL};

	*items = start;
	return table_new(columns, 3, &src);
}

static void prepend(struct items *items, const char *name, const char *share)
{
	memmove(items->item + 1, items->item, items->n * sizeof(items->item[0]));
	items->item[0] = (struct item){name, share};
	items->n++;
}

static void test_it_draws_headers_rows_and_selection(void **state)
{
	struct items items = start;
	struct table *t = make(&items);

	(void)state;
	assert_drawn(t, 6, 40,
		" NAME               share % NOTE\n"
		">delay                   25 note\n"
		" eta                    100 note\n"
		" refund                 3.5 note\n"
		" nightly                  - note\n"
		"\n");
	/* Narrow: the column of the highest drop number goes first. */
	assert_drawn(t, 3, 24,
		" NAME            share %\n>delay                25\n▼eta                 100\n");
	/* Any size is drawn without harm. */
	for (int rows = 1; rows < 5; rows++) {
		for (int cols = 1; cols < 30; cols++)
			free(drawn(t, rows, cols));
	}
	table_free(t);
}

static void test_new_rows_never_shift_the_selected_one(void **state)
{
	struct items items = start;
	struct table *t = make(&items);

	(void)state;
	free(drawn(t, 4, 30));
	assert_true(table_act(t, "move down"));
	uint64_t id = table_selected_id(t);
	assert_int_equal(id, table_id("eta"));
	assert_drawn(t, 4, 30,
		" NAME                  share %\n delay                      25\n"
		">eta                       100\n▼refund                    3.5\n");
	prepend(&items, "fraud", "5");
	prepend(&items, "churn", "6");
	table_refresh(t);
	assert_int_equal(table_selected_id(t), id);
	/* And it keeps its line: nothing moves under the cursor. */
	assert_drawn(t, 4, 30,
		"▲NAME                  share %\n delay                      25\n"
		">eta                       100\n▼refund                    3.5\n");
	/* Rows that come without a word said are no excuse. */
	prepend(&items, "late", "7");
	free(drawn(t, 4, 30));
	assert_int_equal(table_selected_id(t), id);
	/* When it goes, the row at its place is next. */
	memmove(items.item + 4, items.item + 5, 2 * sizeof(items.item[0]));
	items.n--;
	table_refresh(t);
	assert_int_equal(table_selected_id(t), table_id("refund"));
	items.n = 0;
	table_refresh(t);
	assert_int_equal(table_selected_id(t), 0);
	table_free(t);
}

static void test_it_sorts_numbers_as_numbers(void **state)
{
	static const struct {
		int column;
		bool reverse;
		const char *want;
	} cases[] = {
		{1, false, "refund delay eta nightly "},
		{1, true, "nightly eta delay refund "},
		{0, false, "delay eta nightly refund "},
		{-1, true, "nightly refund eta delay "},
		{-1, false, "delay eta refund nightly "},
	};
	struct items items = start;
	struct table *t = make(&items);
	char got[128];

	(void)state;
	table_select(t, table_id("eta"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		table_sort(t, cases[i].column, cases[i].reverse);
		got[0] = '\0';
		for (size_t k = 0; k < table_count(t); k++) {
			strcat(got, items.item[table_row(t, k)].name);
			strcat(got, " ");
		}
		assert_string_equal(got, cases[i].want);
		assert_int_equal(table_selected_id(t), table_id("eta"));
	}
	assert_true(table_act(t, "sort"));
	assert_true(table_act(t, "sort reverse"));
	assert_int_equal(table_sort_column(t), 0);
	assert_drawn(t, 2, 30, "▲NAME▼                 share %\n>eta                       100\n");
	table_free(t);
}

static void test_a_half_typed_filter_does_no_harm(void **state)
{
	struct items items = start;
	struct table *t = make(&items);
	struct err e = {0};
	char status[96];

	(void)state;
	assert_int_equal(table_set_filter(t, "^(eta|re)", &e), 0);
	assert_int_equal(table_count(t), 2);
	assert_int_equal(table_set_filter(t, "^(eta|re", &e), ERR_REGEX);
	assert_string_equal(table_filter(t), "^(eta|re)");
	assert_int_equal(table_count(t), 2);
	assert_string_equal(table_status(t, status, sizeof(status)), "2 of 4 rows /^(eta|re)/");
	assert_int_equal(table_selected_id(t), table_id("eta"));
	/* A new row that matches comes into view, without a move of the selection. */
	prepend(&items, "reorder", "1");
	table_refresh(t);
	assert_int_equal(table_count(t), 3);
	assert_int_equal(table_selected_id(t), table_id("eta"));
	assert_int_equal(table_set_filter(t, "zebra", &e), 0);
	assert_drawn(t, 2, 30, " NAME                  share %\n no row matches /zebra/\n");
	assert_int_equal(table_set_filter(t, "", &e), 0);
	assert_int_equal(table_count(t), 5);
	table_free(t);
}

static void test_an_empty_table_says_what_to_do(void **state)
{
	struct items items = start;
	struct table *t = make(&items);
	size_t row;

	(void)state;
	items.n = 0;
	table_refresh(t);
	table_set_empty(t, "no rollouts; start one with :rollout start");
	assert_drawn(t, 2, 46,
		" NAME                     share % NOTE\n"
		" no rollouts; start one with :rollout start\n");
	assert_false(table_selected(t, &row));
	assert_true(table_act(t, "move down"));
	assert_true(table_act(t, "mark"));
	assert_int_equal(table_mark_count(t), 0);
	assert_false(table_act(t, "dance"));
	table_free(t);
}

static void test_marks_are_of_rows_and_not_of_places(void **state)
{
	struct items items = start;
	struct table *t = make(&items);

	(void)state;
	assert_true(table_act(t, "mark"));
	assert_int_equal(table_selected_id(t), table_id("eta"));
	assert_true(table_act(t, "mark"));
	prepend(&items, "fraud", "5");
	table_refresh(t);
	assert_true(table_is_marked(t, table_id("delay")));
	assert_true(table_is_marked(t, table_id("eta")));
	assert_false(table_is_marked(t, table_id("fraud")));
	assert_int_equal(table_mark_get(t, 1), table_id("eta"));
	assert_true(table_act(t, "unmark"));
	assert_int_equal(table_mark_count(t), 0);
	table_free(t);
}

/* ---- many rows ------------------------------------------------------------------------------ */

static size_t cells_asked;

static size_t many_count(void *ctx)
{
	return *(size_t *)ctx;
}

static uint64_t many_id(void *ctx, size_t row)
{
	return *(size_t *)ctx - row;
}

static void many_cell(void *ctx, size_t row, int column, struct table_cell *out)
{
	(void)ctx;
	cells_asked++;
	snprintf(out->space, sizeof(out->space), "%zu.%d", row, column);
	out->text = out->space;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void test_a_hundred_thousand_rows_cost_a_screenful(void **state)
{
	size_t n = 100000;
	const struct table_source src = {&n, many_count, many_cell, many_id, NULL};
	struct table *t = table_new(columns, 3, &src);
	struct canvas *c = canvas_new(24, 80, CHARSET_BRAILLE);

	(void)state;
	table_act(t, "move last");
	table_draw(t, c, canvas_all(c), true);
	assert_int_equal(table_selected_id(t), 1);
	assert_true(table_at_end(t));
	cells_asked = 0;
	double begin = seconds();
	for (int i = 0; i < 1000; i++) {
		table_act(t, i % 2 ? "move up" : "move page-up");
		table_draw(t, c, canvas_all(c), true);
	}
	double each = (seconds() - begin) / 1000;
	assert_true(cells_asked <= 1000 * 24 * 3);
	/* Rows that come on top: found again without a search through all. */
	begin = seconds();
	for (int i = 0; i < 100; i++) {
		n += 10;
		table_refresh(t);
		table_draw(t, c, canvas_all(c), true);
	}
	double fresh = (seconds() - begin) / 100;
	print_message("100,000 rows: a move and draw %.0f us, new rows %.0f us\n", each * 1e6,
		fresh * 1e6);
	assert_true(each < 0.002 && fresh < 0.004);
	canvas_free(c);
	table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_draws_headers_rows_and_selection),
		cmocka_unit_test(test_new_rows_never_shift_the_selected_one),
		cmocka_unit_test(test_it_sorts_numbers_as_numbers),
		cmocka_unit_test(test_a_half_typed_filter_does_no_harm),
		cmocka_unit_test(test_an_empty_table_says_what_to_do),
		cmocka_unit_test(test_marks_are_of_rows_and_not_of_places),
		cmocka_unit_test(test_a_hundred_thousand_rows_cost_a_screenful),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
