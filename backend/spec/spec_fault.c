/* spec_fault.c: the faults of one reading: collected, bounded, sorted by place, and worded with
 * the help of edit distance. Called by every reader of this folder. */
#include "backend/spec/spec_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

#define WORD_MOST 48 /* longer words have no neighbour */

/* Takes off a UTF-8 character that was cut in half at the end of s. */
static void trim_half_character(char *s)
{
	size_t n = strlen(s), i = n;
	unsigned char lead;
	size_t want;

	while (i > 0 && n - i < 3 && ((unsigned char)s[i - 1] & 0xc0) == 0x80)
		i--;
	if (i == 0)
		return;
	lead = (unsigned char)s[i - 1];
	want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	if (want > n - (i - 1))
		s[i - 1] = '\0';
}

void spec_fault_add(struct spec_reading *r, struct mark at, const char *fmt, ...)
{
	struct spec_faults *fs = r->faults;
	struct spec_fault *f;
	va_list ap;

	if (fs->count >= SPEC_FAULTS_MOST) {
		r->dropped++;
		return;
	}
	if ((fs->count & (fs->count - 1)) == 0)
		fs->list =
			xrealloc(fs->list, fs->count ? (size_t)fs->count * 2 : 1, sizeof *fs->list);
	f = &fs->list[fs->count++];
	*f = (struct spec_fault){.line = at.line, .column = at.column};
	va_start(ap, fmt);
	vsnprintf(f->message, sizeof f->message, fmt, ap);
	va_end(ap);
	trim_half_character(f->message);
}

static int by_place(const void *a, const void *b)
{
	const struct spec_fault *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return strcmp(x->message, y->message);
}

int spec_reading_end(struct spec_reading *r, const char *name, struct err *e)
{
	struct spec_faults *fs = r->faults;
	const struct spec_fault *f;
	int more;

	if (fs->count == 0)
		return 0;
	qsort(fs->list, (size_t)fs->count, sizeof *fs->list, by_place);
	f = &fs->list[0];
	more = fs->count - 1 + r->dropped;
	if (f->line == 0)
		err_set(e, ERR_INVALID, "%s: %s", name, f->message);
	else
		err_set(e, ERR_INVALID, "%s:%d:%d: %s", name, f->line, f->column, f->message);
	if (more)
		err_hint(e, "%d more fault%s in this file", more, more == 1 ? "" : "s");
	return ERR_INVALID;
}

void spec_faults_release(struct spec_faults *f)
{
	xfree(f->list);
	f->count = 0;
}

const char *spec_quote(const char *text, char out[64])
{
	int whole = strlen(text) <= 44;

	snprintf(out, 64, "%.44s", text);
	trim_half_character(out);
	for (char *p = out; *p; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	if (!whole)
		strcat(out, "…");
	return out;
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap of neighbours) from a to b. */
static int edits(const char *a, const char *b)
{
	int rows[3][WORD_MOST + 1], n = (int)strlen(a), m = (int)strlen(b);
	int *two = rows[0], *one = rows[1], *now = rows[2];

	for (int j = 0; j <= m; j++)
		one[j] = two[j] = j;
	for (int i = 1; i <= n; i++) {
		int *old = two;

		now[0] = i;
		for (int j = 1; j <= m; j++) {
			int cost = a[i - 1] != b[j - 1];

			now[j] = least(least(now[j - 1], one[j]) + 1, one[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], two[j - 2] + 1);
		}
		two = one;
		one = now;
		now = old;
	}
	return one[m];
}

const char *spec_nearest(const char *text, const char *const *words)
{
	size_t n = strlen(text);
	int best = n <= 3 ? 2 : n <= 6 ? 3 : 4; /* fewer edits than this is near */
	const char *found = NULL;

	if (n == 0 || n > WORD_MOST)
		return NULL;
	for (; *words; words++) {
		int d = strlen(*words) <= WORD_MOST ? edits(text, *words) : best;

		if (d < best && d < (int)strlen(*words)) {
			best = d;
			found = *words;
		}
	}
	return found;
}

void spec_words_format(const char *const *words, struct buf *out)
{
	for (int i = 0; words[i]; i++) {
		if (i)
			buf_adds(out, words[i + 1] ? ", " : " or ");
		buf_addf(out, "`%s`", words[i]);
	}
}
