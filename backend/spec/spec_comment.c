/* spec_comment.c: finds the comments of a file, which libyaml drops, and hangs each on the entry
 * that it speaks of: above a key, at the end of its line, or below what it closes. Called by the
 * formatter only. */
#include "backend/spec/spec_priv.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

/* An entry in file order, with the way up from it. */
struct place {
	struct entry *entry;
	int parent;		   /* index of the entry around it, -1 at the top */
	const struct node *within; /* the list or map that holds it */
};

struct range {
	struct mark from, to;
};

struct scan {
	struct place *places; /* owned */
	int place_count, place_cap;
	struct range *texts; /* owned; scalars, where `#` is no comment */
	int text_count, text_cap;
	struct buf *all;    /* every comment goes here only, when it is set */
	struct buf pending; /* comment lines above the next entry */
	int pending_blank;  /* an empty line stands above them */
	int empty_lines;    /* since the last line that was not empty */
};

static int before(struct mark a, struct mark b)
{
	return a.line != b.line ? a.line < b.line : a.column < b.column;
}

static void text_note(struct scan *s, const struct node *n)
{
	struct range range = {n->at, n->end};

	if (n->style == STYLE_BLOCK) /* its first line may end in a comment */
		range.from = (struct mark){n->at.line + 1, 1};
	if (n->style == STYLE_PLAIN && n->text[0] == '\0')
		return;
	if (s->text_count == s->text_cap) {
		s->text_cap = s->text_cap ? s->text_cap * 2 : 64;
		s->texts = xrealloc(s->texts, (size_t)s->text_cap, sizeof *s->texts);
	}
	s->texts[s->text_count++] = range;
}

static void tree_walk(struct scan *s, struct node *n, int parent)
{
	if (n->kind == NODE_TEXT) {
		text_note(s, n);
		return;
	}
	for (int i = 0; i < n->count; i++) {
		int self = s->place_count;

		if (s->place_count == s->place_cap) {
			s->place_cap = s->place_cap ? s->place_cap * 2 : 64;
			s->places = xrealloc(s->places, (size_t)s->place_cap, sizeof *s->places);
		}
		s->places[s->place_count++] = (struct place){&n->entries[i], parent, n};
		if (n->entries[i].key)
			text_note(s, n->entries[i].key);
		tree_walk(s, n->entries[i].value, self);
	}
}

/* The place in whose flow brackets nothing is open any more at `at`, going up from p. */
static int climb_closed(const struct scan *s, int p, struct mark at)
{
	while (s->places[p].parent >= 0 && s->places[p].within->style == STYLE_FLOW &&
		!before(at, s->places[p].within->end))
		p = s->places[p].parent;
	return p;
}

static void line_end_comment(struct scan *s, int last, struct mark at, const char *text, size_t n)
{
	struct entry *en = s->places[climb_closed(s, last, at)].entry;

	if (en->trail) { /* room for one: the first goes above */
		buf_adds(&en->lead, en->trail);
		buf_addc(&en->lead, '\n');
		free(en->trail);
	}
	en->trail = xstrndup(text, n);
}

/* Whether a comment at `at` ends the line of a place; else it stands alone. */
static int ends_line(const struct scan *s, int last, struct mark at)
{
	const struct entry *en;

	if (last < 0)
		return 0;
	if (s->places[last].entry->at.line == at.line)
		return 1;
	en = s->places[climb_closed(s, last, at)].entry;
	return en->value->end.line == at.line &&
	       (en->value->style == STYLE_FLOW ||
		       (en->value->kind == NODE_TEXT && en->value->style != STYLE_BLOCK));
}

static void own_line_comment(struct scan *s, int last, struct mark at, const char *text, size_t n)
{
	const struct entry *next = last + 1 < s->place_count ? s->places[last + 1].entry : NULL;
	struct buf *out = &s->pending;

	if (last >= 0 && (next ? at.column > next->at.column : at.column > 1)) {
		int p = last;

		while (s->places[p].parent >= 0 && s->places[p].entry->at.column > at.column)
			p = s->places[p].parent;
		out = &s->places[p].entry->foot;
		if (s->empty_lines && out->len)
			buf_addc(out, '\n');
	} else if (out->len == 0) {
		s->pending_blank = s->empty_lines > 0;
	} else if (s->empty_lines) {
		buf_addc(out, '\n');
	}
	buf_add(out, text, n);
	buf_addc(out, '\n');
}

/* The line's first entry gets what was pending above it. */
static void pending_take(struct scan *s, int place)
{
	struct entry *en = s->places[place].entry;

	if (s->pending.len == 0) {
		en->blank = s->empty_lines > 0;
		return;
	}
	en->blank = s->pending_blank;
	if (s->empty_lines)
		buf_addc(&s->pending, '\n');
	buf_release(&en->lead);
	en->lead = s->pending;
	s->pending = (struct buf){0};
}

static void comment_put(struct scan *s, int last, struct mark at, const char *text, size_t n)
{
	while (n && (text[n - 1] == ' ' || text[n - 1] == '\t' || text[n - 1] == '\r'))
		n--;
	if (s->all) {
		buf_add(s->all, text, n);
		buf_addc(s->all, '\n');
	} else if (ends_line(s, last, at)) {
		line_end_comment(s, last, at, text, n);
	} else {
		own_line_comment(s, last, at, text, n);
	}
}

static void scan_lines(struct scan *s, const char *p, const char *end)
{
	struct mark at = {1, 1};
	int last = -1, text = 0, blank = 1;
	char previous = ' ';

	for (; p < end; p++) {
		while (last + 1 < s->place_count && !before(at, s->places[last + 1].entry->at)) {
			pending_take(s, ++last);
			s->empty_lines = 0;
		}
		while (text < s->text_count && !before(at, s->texts[text].to))
			text++;
		int inside = text < s->text_count && !before(at, s->texts[text].from);
		if (*p == '#' && !inside && strchr(" \t\n", previous)) {
			const char *nl = memchr(p, '\n', (size_t)(end - p));

			nl = nl ? nl : end;
			comment_put(s, last, at, p, (size_t)(nl - p));
			s->empty_lines = blank = 0;
			p = nl;
			if (p == end)
				return;
		}
		previous = *p;
		if (*p == '\n') {
			s->empty_lines = blank ? s->empty_lines + 1 : 0;
			at = (struct mark){at.line + 1, 1};
			blank = 1;
			continue;
		}
		blank &= *p == ' ' || *p == '\t' || *p == '\r';
		at.column += ((unsigned char)*p & 0xc0) != 0x80;
	}
}

static void scan_run(struct scan *s, struct node *top, const char *text, size_t n)
{
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		n -= 3;
	}
	tree_walk(s, top, -1);
	scan_lines(s, text, text + n);
	free(s->places);
	free(s->texts);
}

/* Moves what stands above the last empty line over the file's first entry to head. */
static void head_split(struct entry *first, struct buf *head)
{
	const char *text = buf_text(&first->lead), *cut = NULL;

	for (const char *p = text; (p = strstr(p, "\n\n")); p++)
		cut = p + 2;
	if (!cut)
		return;
	buf_add(head, text, (size_t)(cut - text));
	buf_consume(&first->lead, (size_t)(cut - text));
}

void spec_comments_attach(
	struct node *top, const char *text, size_t n, struct buf *head, struct buf *tail)
{
	struct scan s = {0};

	scan_run(&s, top, text, n);
	buf_add(tail, buf_text(&s.pending), s.pending.len);
	buf_release(&s.pending);
	if (top->count) {
		head_split(&top->entries[0], head);
		top->entries[0].blank = 0; /* what stands above it is the head's */
	}
}

void spec_comments_list(struct node *top, const char *text, size_t n, struct buf *all)
{
	struct scan s = {.all = all};

	scan_run(&s, top, text, n);
	buf_release(&s.pending);
}
