/* snapshot.c: the tree of one answer, allocated from an arena of blocks. Knows nothing of JSON. */
#include "tui/client/snapshot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

#define BLOCK_SIZE 65536

struct block {
	struct block *next;
	size_t used, size;
	max_align_t data[];
};

struct snapshot {
	struct node root;
	struct block *blocks; /* owned */
};

struct snapshot *snapshot_new(void)
{
	return xcalloc(1, sizeof(struct snapshot));
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	while (s->blocks) {
		struct block *next = s->blocks->next;

		free(s->blocks);
		s->blocks = next;
	}
	free(s);
}

const struct node *snapshot_root(const struct snapshot *s)
{
	return &s->root;
}

struct node *snapshot_root_slot(struct snapshot *s)
{
	return &s->root;
}

void *snapshot_alloc(struct snapshot *s, size_t size)
{
	struct block *b = s->blocks;
	size_t need = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);

	if (!b || b->size - b->used < need) {
		size_t room = need > BLOCK_SIZE ? need : BLOCK_SIZE;

		b = xcalloc(1, sizeof *b + room);
		b->size = room;
		b->next = s->blocks;
		s->blocks = b;
	}
	b->used += need;
	return (char *)b->data + (b->used - need);
}

const char *snapshot_text(struct snapshot *s, const char *text)
{
	size_t n = strlen(text) + 1;

	return memcpy(snapshot_alloc(s, n), text, n);
}

const struct node *node_get(const struct node *n, const char *key)
{
	if (!n || n->kind != NODE_OBJECT)
		return NULL;
	for (int i = 0; i < n->count; i++)
		if (strcmp(n->items[i].key, key) == 0)
			return &n->items[i];
	return NULL;
}

const char *node_str(const struct node *n, const char *key, const char *fallback)
{
	const struct node *v = node_get(n, key);

	return v && v->kind == NODE_TEXT ? v->text : fallback;
}

int64_t node_int(const struct node *n, const char *key, int64_t fallback)
{
	const struct node *v = node_get(n, key);

	if (!v || v->kind != NODE_NUMBER || !(fabs(v->number) < 9.0e15))
		return fallback;
	return (int64_t)v->number;
}

double node_num(const struct node *n, const char *key, double fallback)
{
	const struct node *v = node_get(n, key);

	return v && v->kind == NODE_NUMBER ? v->number : fallback;
}

int node_bool(const struct node *n, const char *key)
{
	const struct node *v = node_get(n, key);

	return v && v->kind == NODE_BOOL && v->number != 0;
}

int node_is_null(const struct node *n, const char *key)
{
	const struct node *v = node_get(n, key);

	return !v || v->kind == NODE_NULL;
}

const struct node *node_list(const struct node *n, const char *key, int *count)
{
	const struct node *v = n && n->kind == NODE_LIST ? n : node_get(n, key);

	*count = v && v->kind == NODE_LIST ? v->count : 0;
	return *count ? v->items : NULL;
}

const struct node *node_items(const struct node *n, int *count)
{
	return node_list(n, "items", count);
}
