/* snapshot.h: one answer of the engine, as an immutable tree in one piece of memory. Panes keep
 * ids, never pointers: a snapshot is freed whole when the next one of its feed arrives. */
#ifndef PITHEAD_TUI_CLIENT_SNAPSHOT_H
#define PITHEAD_TUI_CLIENT_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

enum node_kind { NODE_NULL, NODE_BOOL, NODE_NUMBER, NODE_TEXT, NODE_LIST, NODE_OBJECT };

struct node {
	enum node_kind kind;
	const char *key;	  /* within an object; NULL in a list */
	const char *text;	  /* of NODE_TEXT, NUL-ended, control bytes kept */
	double number;		  /* of NODE_NUMBER; 0 or 1 of NODE_BOOL */
	int count;		  /* members of a list or object */
	const struct node *items; /* count of them, side by side */
};

struct snapshot;

/* The tree's root. Never NULL; borrowed until snapshot_free. */
const struct node *snapshot_root(const struct snapshot *s);

/* Frees the tree and all texts in it; s may be NULL. */
void snapshot_free(struct snapshot *s);

/* Building, for codec.c: an empty snapshot with room from one arena, and its parts. */
struct snapshot *snapshot_new(void);
void *snapshot_alloc(struct snapshot *s, size_t size);		 /* zeroed; lives as long as s */
const char *snapshot_text(struct snapshot *s, const char *text); /* a copy */
struct node *snapshot_root_slot(struct snapshot *s);

/* Typed members; the fallback when n is NULL or has none of that type. */
const struct node *node_get(const struct node *n, const char *key); /* NULL when absent */
const char *node_str(const struct node *n, const char *key, const char *fallback);
int64_t node_int(const struct node *n, const char *key, int64_t fallback);
double node_num(const struct node *n, const char *key, double fallback); /* NAN is a good one */
int node_bool(const struct node *n, const char *key);
int node_is_null(const struct node *n, const char *key); /* absent or null */

/* The list under key, or n itself when n is a list: its members. NULL with *count 0 without. */
const struct node *node_list(const struct node *n, const char *key, int *count);

/* The members of a page: {"items":[...]} or a bare list. */
const struct node *node_items(const struct node *n, int *count);

#endif
