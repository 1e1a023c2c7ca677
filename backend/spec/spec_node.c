/* spec_node.c: the tree that stands between a text (YAML or JSON) and the typed readers: texts,
 * lists and maps with the place of each. It knows no schema. */
#include "backend/spec/spec_priv.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

struct node *node_new(enum node_kind kind, struct mark at)
{
	struct node *n = xcalloc(1, sizeof *n);

	n->kind = kind;
	n->at = n->end = at;
	return n;
}

void node_free(struct node *n)
{
	if (!n)
		return;
	for (int i = 0; i < n->count; i++) {
		node_free(n->entries[i].key);
		node_free(n->entries[i].value);
		buf_release(&n->entries[i].lead);
		buf_release(&n->entries[i].foot);
		free(n->entries[i].trail);
	}
	free(n->entries);
	free(n->text);
	free(n);
}

struct entry *node_add(struct node *n, struct node *key, struct node *value)
{
	struct entry *en;

	if (n->count == n->cap) {
		n->cap = n->cap ? n->cap * 2 : 8;
		n->entries = xrealloc(n->entries, (size_t)n->cap, sizeof *n->entries);
	}
	en = &n->entries[n->count++];
	*en = (struct entry){.key = key, .value = value, .at = key ? key->at : value->at};
	return en;
}

struct node *node_find(const struct node *map, const char *key)
{
	if (!map || map->kind != NODE_MAP)
		return NULL;
	for (int i = 0; i < map->count; i++)
		if (strcmp(map->entries[i].key->text, key) == 0)
			return map->entries[i].value;
	return NULL;
}

static int by_key(const void *a, const void *b)
{
	const struct entry *x = *(const struct entry *const *)a;
	const struct entry *y = *(const struct entry *const *)b;
	int c = strcmp(x->key->text, y->key->text);

	return c ? c : (x > y) - (x < y); /* equal keys stay in file order */
}

/* The map's entries in the order of their keys; the caller frees the array. */
static const struct entry **sorted(const struct node *map)
{
	const struct entry **list = xcalloc((size_t)map->count, sizeof *list);

	for (int i = 0; i < map->count; i++)
		list[i] = &map->entries[i];
	qsort(list, (size_t)map->count, sizeof *list, by_key);
	return list;
}

void node_check_twice(const struct node *map, struct spec_reading *r)
{
	const struct entry **list = sorted(map);
	char shown[64];

	for (int i = 1, first = 0; i < map->count; i++) {
		const struct node *key = list[i]->key, *before = list[first]->key;

		if (strcmp(key->text, before->text) != 0)
			first = i;
		else if (!key->refused)
			spec_fault_add(r, key->at, "key `%s` stands here twice, first in line %d",
				spec_quote(key->text, shown), before->at.line);
	}
	free(list);
}

/* Whether a character that nobody sees or that drives a terminal begins at p: C0 but \t and \n,
 * DEL, C1, line separators, byte order mark. Only escapes in quotes can bring them here. */
static int is_control(const unsigned char *p)
{
	if (p[0] < 0x80)
		return (p[0] < 0x20 && p[0] != '\t' && p[0] != '\n') || p[0] == 0x7f;
	return (p[0] == 0xc2 && p[1] < 0xa0) ||
	       (p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)) ||
	       (p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf);
}

int node_check_text(struct node *n, size_t len, struct spec_reading *r)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_control((const unsigned char *)n->text + i))
			continue;
		spec_fault_add(r, n->at, "the text holds a control character (byte %zu)", i + 1);
		n->refused = 1;
		return 0;
	}
	return 1;
}

static int same_map(const struct node *a, const struct node *b)
{
	const struct entry **x = sorted(a), **y = sorted(b);
	int same = 1;

	for (int i = 0; i < a->count && same; i++)
		same = strcmp(x[i]->key->text, y[i]->key->text) == 0 &&
		       node_same(x[i]->value, y[i]->value);
	free(x);
	free(y);
	return same;
}

int node_same(const struct node *a, const struct node *b)
{
	if (a->kind != b->kind || a->count != b->count)
		return 0;
	if (a->kind == NODE_TEXT)
		return strcmp(a->text, b->text) == 0;
	if (a->kind == NODE_MAP)
		return same_map(a, b);
	for (int i = 0; i < a->count; i++)
		if (!node_same(a->entries[i].value, b->entries[i].value))
			return 0;
	return 1;
}
