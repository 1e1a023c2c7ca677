/* spec_read.c: walks the schema's rows over a tree and fills the typed structs, telling every
 * fault on the way. It knows no key by name; the rows of spec_schema.c do. */
#include "backend/spec/spec_priv.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

static void field_read(struct spec_reading *r, const struct spec_field *f, const char *name,
	const struct node *v, struct mark owner, void *base);

static const char *kind_name(enum node_kind kind)
{
	return kind == NODE_TEXT ? "a text" : kind == NODE_LIST ? "a list" : "a mapping";
}

/* Whether v is of the kind that f wants; a fault if not. */
static int kind_check(
	struct spec_reading *r, const char *name, const struct node *v, enum node_kind want)
{
	if (v->refused || v->kind == want)
		return !v->refused;
	if (v->kind == NODE_TEXT && v->text[0] == '\0')
		spec_fault_add(r, v->at, "`%s` is empty, expected %s", name, kind_name(want));
	else
		spec_fault_add(r, v->at, "`%s` is %s, expected %s", name, kind_name(v->kind),
			kind_name(want));
	return 0;
}

static int scalar_read(struct spec_reading *r, const struct spec_field *f, const char *name,
	const char *text, struct mark at, void *member)
{
	struct err why;
	char shown[64];

	if (f->type->parse(f, text, member, &why) == 0)
		return 1;
	spec_fault_add(r, at, "`%s` is `%s`, %s", name, spec_quote(text, shown), why.message);
	return 0;
}

static void unknown_key(
	struct spec_reading *r, const struct node *key, const char *what, const char *const *words)
{
	const char *near = spec_nearest(key->text, words);
	struct buf expected = {0};
	char shown[64];

	for (int i = 0; words[i]; i++)
		buf_addf(&expected, "%s%s", i ? ", " : "", words[i]);
	spec_fault_add(r, key->at, "unknown %s `%s`, expected one of %s%s%s%s", what,
		spec_quote(key->text, shown), buf_text(&expected), near ? ", did you mean `" : "",
		near ? near : "", near ? "`?" : "");
	buf_release(&expected);
}

static const struct spec_field *field_find(const struct spec_section *s, const char *key)
{
	for (int i = 0; i < s->count; i++)
		if (strcmp(s->fields[i].key, key) == 0)
			return &s->fields[i];
	return NULL;
}

static void absent_read(
	struct spec_reading *r, const struct spec_field *f, struct mark owner, void *base)
{
	struct node text = {.kind = NODE_TEXT, .at = owner};

	if (f->required)
		spec_fault_add(r, owner, "`%s` is missing here: %s", f->key, f->help);
	if (f->kind == FIELD_MAP) { /* its rows have fallbacks of their own */
		struct node empty = {.kind = NODE_MAP, .at = owner};

		field_read(r, f, f->key, &empty, owner, base);
	} else if (f->fallback) {
		text.text = xstrdup(f->fallback);
		field_read(r, f, f->key, &text, owner, base);
		free(text.text);
	}
}

void spec_section_read(struct spec_reading *r, const struct spec_section *s, const struct node *map,
	struct mark owner, void *base)
{
	const char *words[32] = {NULL};

	must(s->count < 32);
	for (int i = 0; i < s->count; i++)
		words[i] = s->fields[i].key;
	for (int i = 0; i < map->count; i++) {
		const struct node *key = map->entries[i].key;
		const struct spec_field *f = field_find(s, key->text);

		if (f)
			field_read(r, f, f->key, map->entries[i].value, key->at, base);
		else if (!key->refused)
			unknown_key(r, key, "key", words);
	}
	for (int i = 0; i < s->count; i++)
		if (!node_find(map, s->fields[i].key))
			absent_read(r, &s->fields[i], owner, base);
}

/* The place for one more item of the array in holder, zeroed; NULL when it is full. */
static void *array_grow(const struct spec_array *a, char *holder)
{
	int *count = (int *)(void *)(holder + a->count);
	char *items = holder + a->items;

	if (*count >= a->most)
		return NULL;
	if (a->owned) {
		char **owned = (char **)(void *)items;

		*owned = xrealloc(*owned, (size_t)*count + 1, a->element);
		items = *owned;
	}
	items += (size_t)*count * a->element;
	memset(items, 0, a->element);
	++*count;
	return items;
}

static const void *array_items(const struct spec_array *a, const char *holder)
{
	const char *items = holder + a->items;

	return a->owned ? *(const char *const *)(const void *)items : items;
}

static void item_read(struct spec_reading *r, const struct spec_field *f, const char *name,
	const char *text, struct mark at, char *holder)
{
	const struct spec_array *a = f->array;
	int *count = (int *)(void *)(holder + a->count);
	void *item = array_grow(a, holder);
	struct err why;
	char shown[64];

	if (!item) {
		spec_fault_add(r, at, "`%s` has more than %d members", name, a->most);
		return;
	}
	if (!scalar_read(r, f->item, name, text, at, item)) {
		--*count;
	} else if (a->admit && a->admit(array_items(a, holder), *count, &why) < 0) {
		spec_fault_add(
			r, at, "`%s` has `%s`, %s", name, spec_quote(text, shown), why.message);
	}
}

/* "1% 2m, 5% 5m" as a list: every part has the mark of the text. */
static void inline_read(struct spec_reading *r, const struct spec_field *f, const char *name,
	const struct node *v, char *holder)
{
	char *copy = xstrdup(v->text), *rest = copy, *word;

	while ((word = strsep(&rest, ","))) {
		word += strspn(word, " ");
		for (size_t n = strlen(word); n && word[n - 1] == ' '; n--)
			word[n - 1] = '\0';
		item_read(r, f, name, word, v->at, holder);
	}
	free(copy);
}

static void list_read(struct spec_reading *r, const struct spec_field *f, const char *name,
	const struct node *v, char *holder)
{
	if (f->inline_text && v->kind == NODE_TEXT && !v->refused) {
		inline_read(r, f, name, v, holder);
		return;
	}
	if (!kind_check(r, name, v, NODE_LIST))
		return;
	if (v->count < f->array->least)
		spec_fault_add(r, v->at, "`%s` needs at least %d member", name, f->array->least);
	for (int i = 0; i < v->count; i++) {
		const struct node *item = v->entries[i].value;

		if (kind_check(r, name, item, NODE_TEXT))
			item_read(r, f, name, item->text, item->at, holder);
	}
}

static int name_check(struct spec_reading *r, const struct spec_array *a, const struct node *key)
{
	char room[64], shown[64];
	const struct spec_type *type = a->name_type ? a->name_type : &type_name;
	struct spec_field f = {.key = a->name_what, .type = type, .size = sizeof room};
	struct err why;

	if (key->refused)
		return 0;
	for (int i = 0; a->names && a->names[i]; i++)
		if (strcmp(a->names[i], key->text) == 0)
			return 1;
	if (a->names) {
		unknown_key(r, key, a->name_what, a->names);
		return 0;
	}
	if (type->parse(&f, key->text, room, &why) == 0)
		return 1;
	spec_fault_add(r, key->at, "the name of this %s is `%s`, %s", a->name_what,
		spec_quote(key->text, shown), why.message);
	return 0;
}

static void named_read(struct spec_reading *r, const struct spec_field *f, const char *name,
	const struct node *v, char *holder)
{
	const struct spec_array *a = f->array;

	if (!kind_check(r, name, v, NODE_MAP))
		return;
	for (int i = 0; i < v->count; i++) {
		const struct node *key = v->entries[i].key;
		char *item;

		if (!name_check(r, a, key))
			continue;
		item = array_grow(a, holder);
		if (!item) {
			spec_fault_add(r, key->at, "`%s` has more than %d members", name, a->most);
			return;
		}
		/* Every named struct begins with its name, which name_check has bounded. */
		memcpy(item, key->text, strlen(key->text) + 1);
		if (a->line)
			*(int *)(void *)(item + a->line) = key->at.line;
		if (a->start)
			a->start(item);
		field_read(r, f->item, key->text, v->entries[i].value, key->at, item);
	}
}

/* A section of a later part: names, each with a mapping; what is inside is not read. */
static void loose_read(struct spec_reading *r, const char *name, const struct node *v)
{
	struct spec_array any = {.name_what = name};

	if (!kind_check(r, name, v, NODE_MAP))
		return;
	for (int i = 0; i < v->count; i++)
		if (name_check(r, &any, v->entries[i].key))
			kind_check(r, v->entries[i].key->text, v->entries[i].value, NODE_MAP);
}

/* "ci: robot" for "ci: {kind: robot}". */
static void bare_read(struct spec_reading *r, const struct spec_field *f, const char *name,
	const struct node *v, struct mark owner, char *member)
{
	for (int i = 0; i < f->sub->count; i++) {
		const struct spec_field *row = &f->sub->fields[i];

		if (strcmp(row->key, f->bare) == 0)
			field_read(r, row, name, v, owner, member);
		else
			absent_read(r, row, owner, member);
	}
}

/* A list that stands for one text with commas. */
static void joined_read(struct spec_reading *r, const struct spec_field *f, const char *name,
	const struct node *v, void *member)
{
	struct buf text = {0};

	for (int i = 0; i < v->count; i++) {
		const struct node *item = v->entries[i].value;

		if (!kind_check(r, name, item, NODE_TEXT))
			break;
		buf_addf(&text, "%s%s", i ? ", " : "", item->text);
		if (i == v->count - 1)
			scalar_read(r, f, name, buf_text(&text), v->at, member);
	}
	if (v->count == 0)
		spec_fault_add(r, v->at, "`%s` needs at least 1 member", name);
	buf_release(&text);
}

static void field_read(struct spec_reading *r, const struct spec_field *f, const char *name,
	const struct node *v, struct mark owner, void *base)
{
	char *member = (char *)base + f->offset;

	switch (f->kind) {
	case FIELD_SCALAR:
		if (f->list_text && v->kind == NODE_LIST)
			joined_read(r, f, name, v, member);
		else if (kind_check(r, name, v, NODE_TEXT))
			scalar_read(r, f, name, v->text, v->at, member);
		break;
	case FIELD_MAP:
		if (f->bare && v->kind == NODE_TEXT && !v->refused)
			bare_read(r, f, name, v, owner, member);
		else if (kind_check(r, name, v, NODE_MAP))
			spec_section_read(r, f->sub, v, owner, member);
		break;
	case FIELD_NAMED:
		named_read(r, f, name, v, member);
		break;
	case FIELD_LIST:
		list_read(r, f, name, v, member);
		break;
	case FIELD_LOOSE:
		loose_read(r, name, v);
		break;
	}
}

struct spec *spec_parse(
	const char *text, size_t n, const char *name, struct spec_faults *faults, struct err *e)
{
	struct spec_faults own = {0};
	struct spec_reading r = {.faults = faults ? faults : &own};
	struct spec *s = NULL;
	struct node *top;

	*r.faults = (struct spec_faults){0};
	top = spec_tree_parse(text, n, &r);
	if (top) {
		s = xcalloc(1, sizeof *s);
		spec_section_read(&r, &spec_top, top, (struct mark){1, 1}, s);
		spec_check(&r, top, s);
	}
	node_free(top);
	if (spec_reading_end(&r, name, e) < 0) {
		spec_free(s);
		s = NULL;
	}
	spec_faults_release(&own);
	return s;
}

void spec_free(struct spec *s)
{
	if (!s)
		return;
	free(s->endpoints);
	free(s);
}
