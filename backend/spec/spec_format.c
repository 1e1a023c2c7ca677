/* spec_format.c: pithead.yaml in its canonical form: the schema's order of keys, two spaces of
 * indent, an empty line between sections and between endpoints, comments kept. What was written
 * is read again and compared, so that neither a value nor a comment can be lost: then the file is
 * refused instead. */
#include "backend/spec/spec_priv.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

#define WIDTH  100 /* a list in brackets that is longer is written one member a line */
#define PASSES 5   /* comments settle in two; more means that they cannot */

/* What the schema says of a map's keys; zero for parts that it does not read. */
struct order {
	const struct spec_section *section; /* order of the keys */
	const char *const *names;	    /* or this one */
	const struct spec_field *item;	    /* what stands for each name */
	int apart;			    /* an empty line between members */
};

static struct order order_of(const struct spec_field *f)
{
	struct order o = {0};

	if (f && f->kind == FIELD_MAP)
		o.section = f->sub;
	if (f && f->kind == FIELD_NAMED) {
		o.names = f->array->names;
		o.item = f->item;
		o.apart = f->array->owned;
	}
	return o;
}

static int key_rank(const struct order *o, const char *key)
{
	for (int i = 0; o->section && i < o->section->count; i++)
		if (strcmp(o->section->fields[i].key, key) == 0)
			return i;
	for (int i = 0; o->names && o->names[i]; i++)
		if (strcmp(o->names[i], key) == 0)
			return i;
	return 0;
}

static const struct spec_field *key_field(const struct order *o, const char *key)
{
	if (o->section)
		return &o->section->fields[key_rank(o, key)];
	return o->item;
}

/* The map's entries in canonical order (file order among equals); the caller frees the array. */
static struct entry **ordered(const struct node *map, const struct order *o)
{
	struct entry **list = xcalloc((size_t)map->count, sizeof *list);
	int count = 0;

	for (int i = 0; i < map->count; i++) {
		int at = count++;

		if (map->kind == NODE_MAP && (o->section || o->names)) {
			int rank = key_rank(o, map->entries[i].key->text);

			while (at > 0 && key_rank(o, list[at - 1]->key->text) > rank) {
				list[at] = list[at - 1];
				at--;
			}
		}
		list[at] = &map->entries[i];
	}
	return list;
}

static void indent_put(struct buf *out, int indent)
{
	buf_addf(out, "%*s", indent, "");
}

/* Comment lines at an indent; empty lines stay empty. */
static void comments_put(struct buf *out, const struct buf *lines, int indent)
{
	const char *p = buf_text(lines), *nl;

	for (; *p; p = nl + 1) {
		nl = strchr(p, '\n');
		must(nl);
		if (nl > p) {
			indent_put(out, indent);
			buf_add(out, p, (size_t)(nl - p));
		}
		buf_addc(out, '\n');
	}
}

static void trail_put(struct buf *out, const char *trail)
{
	if (trail)
		buf_addf(out, "  %s", trail);
}

/* The tree holds no control characters but these two: the YAML reader refuses the others. */
static void double_put(struct buf *out, const char *text)
{
	buf_addc(out, '"');
	for (; *text; text++) {
		if (*text == '\n' || *text == '\t')
			buf_adds(out, *text == '\n' ? "\\n" : "\\t");
		else if (*text == '"' || *text == '\\')
			buf_addf(out, "\\%c", *text);
		else
			buf_addc(out, *text);
	}
	buf_addc(out, '"');
}

static void single_put(struct buf *out, const char *text)
{
	buf_addc(out, '\'');
	for (; *text; text++)
		buf_adds(out, *text == '\'' ? "''" : (char[2]){*text, '\0'});
	buf_addc(out, '\'');
}

/* Whether a text of several lines reads back the same as a literal block. */
static int block_fits(const char *text)
{
	size_t n = strlen(text);
	const char *first = text + strspn(text, "\n");

	if (!*first || *first == ' ' || *first == '\t' || strchr(text, '\t'))
		return 0;
	if (n > 1 && text[n - 1] == '\n' && text[n - 2] == '\n')
		return 0;
	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		size_t line = strcspn(p, "\n");

		if (line && strspn(p, " ") >= line)
			return 0; /* a line of blanks alone */
	}
	return 1;
}

static void block_put(struct buf *out, const char *text, const char *trail, int indent)
{
	size_t n = strlen(text);

	buf_adds(out, text[n - 1] == '\n' ? "|" : "|-");
	trail_put(out, trail);
	buf_addc(out, '\n');
	while (*text) {
		size_t line = strcspn(text, "\n");

		if (line) {
			indent_put(out, indent);
			buf_add(out, text, line);
		}
		buf_addc(out, '\n');
		text += line;
		text += *text == '\n';
	}
}

/* A text on one line. */
static void text_put(struct buf *out, const struct node *n, int in_brackets)
{
	int plain = !strpbrk(n->text, "\n\t");

	if (n->style == STYLE_PLAIN && plain && (n->text[0] || !in_brackets))
		buf_adds(out, n->text);
	else if (n->style == STYLE_SINGLE && plain)
		single_put(out, n->text);
	else
		double_put(out, n->text);
}

static int has_comments(const struct node *n)
{
	for (int i = 0; i < n->count; i++) {
		const struct entry *en = &n->entries[i];

		if (en->lead.len || en->foot.len || en->trail || has_comments(en->value))
			return 1;
	}
	return 0;
}

static void flow_put(struct buf *out, const struct node *n, const struct spec_field *f)
{
	struct order o = order_of(f);
	struct entry **list;

	if (n->kind == NODE_TEXT) {
		text_put(out, n, 1);
		return;
	}
	list = ordered(n, &o);
	buf_addc(out, n->kind == NODE_LIST ? '[' : '{');
	for (int i = 0; i < n->count; i++) {
		if (i)
			buf_adds(out, ", ");
		if (n->kind == NODE_MAP) {
			text_put(out, list[i]->key, 1);
			buf_adds(out, ": ");
		}
		flow_put(out, list[i]->value,
			n->kind == NODE_MAP ? key_field(&o, list[i]->key->text) : NULL);
	}
	buf_addc(out, n->kind == NODE_LIST ? ']' : '}');
	free(list);
}

/* Puts n on the line begun in out, if it is a text or short list that fits there. */
static int line_put(struct buf *out, const struct node *n, const struct spec_field *f, int indent)
{
	struct buf line = {0};
	int fits = n->count == 0 || (n->style == STYLE_FLOW && !has_comments(n));

	if (fits && n->kind == NODE_TEXT) {
		text_put(&line, n, 0);
	} else if (fits) {
		flow_put(&line, n, f);
		fits = n->count == 0 || (size_t)indent + line.len <= WIDTH;
	}
	if (fits)
		buf_add(out, buf_text(&line), line.len);
	buf_release(&line);
	return fits;
}

static void members_put(struct buf *out, const struct node *n, struct order o, int indent);

/* What follows "key:" or "-", which used `used` columns. */
static void value_put(
	struct buf *out, const struct entry *en, const struct spec_field *f, int indent, int used)
{
	const struct node *v = en->value;
	struct buf line = {0};

	if (v->kind == NODE_TEXT && v->style == STYLE_BLOCK && block_fits(v->text)) {
		buf_addc(out, ' ');
		block_put(out, v->text, en->trail, indent + 2);
		return;
	}
	if (line_put(&line, v, f, indent + used + 1)) {
		if (line.len)
			buf_addf(out, " %s", buf_text(&line));
		trail_put(out, en->trail);
		buf_addc(out, '\n');
	} else {
		trail_put(out, en->trail);
		buf_addc(out, '\n');
		members_put(out, v, order_of(f), indent + 2);
	}
	buf_release(&line);
}

/* "- key: value" begins on the line of its dash, unless a comment stands between. */
static int dash_joins(const struct entry *en)
{
	const struct node *v = en->value;

	return v->kind == NODE_MAP && v->count && v->style == STYLE_BLOCK && !en->trail &&
	       v->entries[0].lead.len == 0;
}

static void entry_put(
	struct buf *out, const struct entry *en, const struct spec_field *f, int indent)
{
	struct buf key = {0}, inner = {0};

	comments_put(out, &en->lead, indent);
	if (en->key) {
		text_put(&key, en->key, 0);
		buf_addc(&key, ':');
	} else {
		buf_addc(&key, '-');
	}
	indent_put(out, indent);
	buf_add(out, buf_text(&key), key.len);
	if (!en->key && dash_joins(en)) {
		members_put(&inner, en->value, (struct order){0}, indent + 2);
		buf_addc(out, ' ');
		buf_adds(out, buf_text(&inner) + indent + 2);
	} else {
		value_put(out, en, f, indent, (int)key.len);
	}
	comments_put(out, &en->foot, indent);
	buf_release(&inner);
	buf_release(&key);
}

static int is_block(const struct entry *en)
{
	return en->value->kind != NODE_TEXT && en->value->style == STYLE_BLOCK;
}

static void members_put(struct buf *out, const struct node *n, struct order o, int indent)
{
	struct entry **list = ordered(n, &o);
	int top = o.section == &spec_top;

	for (int i = 0; i < n->count; i++) {
		int apart = o.apart || (top && i && (is_block(list[i]) || is_block(list[i - 1])));

		if (i && (apart || list[i]->blank))
			buf_addc(out, '\n');
		entry_put(out, list[i], list[i]->key ? key_field(&o, list[i]->key->text) : NULL,
			indent);
	}
	free(list);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The lines of b in sorted order, as one text. The caller frees it. */
static char *sorted_lines(struct buf *b)
{
	struct buf out = {0};
	char **lines = NULL, *rest = b->data, *line;
	size_t n = 0;

	while (rest && (line = strsep(&rest, "\n"))) {
		if ((n & (n - 1)) == 0)
			lines = xrealloc(lines, n ? n * 2 : 1, sizeof *lines);
		lines[n++] = line;
	}
	if (n)
		qsort(lines, n, sizeof *lines, by_text);
	for (size_t i = 0; i < n; i++)
		buf_addf(&out, "%s\n", lines[i]);
	free(lines);
	return buf_detach(&out);
}

/* Whether out holds the values and the comments of the file it was made from. */
static int kept_all(struct node *was, const char *text, size_t n, const struct buf *out)
{
	struct spec_faults faults = {0};
	struct spec_reading r = {.faults = &faults};
	struct node *is = spec_tree_parse(buf_text(out), out->len, &r);
	struct buf a = {0}, b = {0};
	int same = is && faults.count == 0 && node_same(was, is);

	if (same) {
		spec_comments_list(was, text, n, &a);
		spec_comments_list(is, buf_text(out), out->len, &b);
		char *x = sorted_lines(&a), *y = sorted_lines(&b);

		same = strcmp(x, y) == 0;
		free(x);
		free(y);
	}
	buf_release(&a);
	buf_release(&b);
	spec_faults_release(&faults);
	node_free(is);
	return same;
}

/* One formatting of a valid text into out; whether nothing was lost. */
static int format_once(const char *text, size_t n, struct buf *out)
{
	struct spec_faults faults = {0};
	struct spec_reading r = {.faults = &faults};
	struct node *top = spec_tree_parse(text, n, &r);
	struct buf head = {0}, tail = {0};
	int ok = top && top->count;

	if (ok) {
		spec_comments_attach(top, text, n, &head, &tail);
		buf_add(out, buf_text(&head), head.len);
		members_put(out, top, (struct order){.section = &spec_top}, 0);
		if (tail.len)
			buf_addf(out, "\n%s", buf_text(&tail));
		ok = kept_all(top, text, n, out);
	}
	buf_release(&head);
	buf_release(&tail);
	spec_faults_release(&faults);
	node_free(top);
	return ok;
}

int spec_format(const char *text, size_t n, const char *name, struct buf *out, struct err *e)
{
	struct spec *s = spec_parse(text, n, name, NULL, e);
	struct buf now = {0}, next = {0};
	int settled = 0, ok = 1;

	if (!s)
		return e ? e->code : ERR_INVALID;
	spec_free(s);
	buf_add(&now, text, n);
	for (int i = 0; i < PASSES && ok && !settled; i++) {
		buf_reset(&next);
		ok = format_once(buf_text(&now), now.len, &next);
		settled = ok && next.len == now.len &&
			  memcmp(buf_text(&next), buf_text(&now), now.len) == 0;
		buf_reset(&now);
		buf_add(&now, buf_text(&next), next.len);
	}
	if (settled)
		buf_add(out, buf_text(&now), now.len);
	buf_release(&now);
	buf_release(&next);
	if (settled)
		return 0;
	return err_set(e, ERR_CONFLICT,
		"%s: a comment stands where it cannot be kept; put it on a line above a key", name);
}
