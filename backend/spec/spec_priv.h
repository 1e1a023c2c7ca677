/* spec_priv.h: what the files of this folder share: the YAML tree with marks, the collector of
 * faults, and the one schema table that parser, formatter, JSON and JSON Schema walk. */
#ifndef PITHEAD_BACKEND_SPEC_SPEC_PRIV_H
#define PITHEAD_BACKEND_SPEC_SPEC_PRIV_H

#include "backend/spec/spec.h"

#define SPEC_BYTES_MOST	    (1 << 20)
#define SPEC_DEPTH_MOST	    32
#define SPEC_FAULTS_MOST    500
#define SPEC_ENDPOINTS_MOST 256
#define SPEC_KEY_MOST	    256 /* bytes of a mapping's key; the YAML library stops at 1024 */

struct mark {
	int line, column; /* from 1; columns are characters. 0 = no file (JSON, a default) */
};

/* Every fault of one reading, in the order found; spec_reading_end sorts them. */
struct spec_reading {
	struct spec_faults *faults; /* borrowed */
	int dropped;		    /* faults past SPEC_FAULTS_MOST */
};

enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAP };
enum node_style { STYLE_PLAIN, STYLE_SINGLE, STYLE_DOUBLE, STYLE_BLOCK, STYLE_FLOW };

struct node {
	enum node_kind kind;
	enum node_style style; /* BLOCK of a text: literal or folded */
	struct mark at, end;
	int refused;	       /* already a fault (alias): readers pass over it */
	char *text;	       /* owned; NODE_TEXT: UTF-8 without control characters but \t \n */
	struct entry *entries; /* owned; members of a list or pairs of a map, in file order */
	int count, cap;
};

struct entry {
	struct node *key;   /* owned; NULL in a list */
	struct node *value; /* owned */
	/* The rest is used by the formatter only. */
	struct mark at;	       /* of the key, or of the dash */
	struct buf lead, foot; /* comment lines above and below, each ended by \n */
	char *trail;	       /* owned; comment at the end of the line */
	int blank;	       /* an empty line stands above */
};

struct spec_field;

/* How a scalar is read and written. `at` is the member (base + offset). */
struct spec_type {
	/* 0, or ERR_INVALID with "expected …" that follows "`KEY` is `TEXT`, ". */
	int (*parse)(const struct spec_field *f, const char *text, void *at, struct err *e);
	/* Appends the canonical text; 0 when the member is unset. */
	int (*format)(const struct spec_field *f, const void *at, struct buf *out);
	/* JSON Schema: a regular expression; NULL for whole numbers and words. */
	const char *pattern;
	int number; /* a JSON number rather than a string */
};

/* Where the members of a list or of a mapping of names are kept. */
struct spec_array {
	size_t items, count, element; /* offsets of array and int counter; size of one */
	int least, most;
	int owned;			   /* items is a pointer that grows */
	size_t line;			   /* offset of an int that keeps the line; 0 = none */
	const char *const *names;	   /* the only names allowed, NULL-ended; NULL = any name */
	const char *name_what;		   /* "endpoint": in messages */
	const struct spec_type *name_type; /* of free names; NULL = type_name */
	void (*start)(void *item);	   /* sets what is not zero before an item is read */
	/* Whether the newest of count items may stand after the others. */
	int (*admit)(const void *items, int count, struct err *e);
};

enum field_kind { FIELD_SCALAR, FIELD_MAP, FIELD_NAMED, FIELD_LIST, FIELD_LOOSE };

struct spec_field {
	const char *key;
	enum field_kind kind;
	const struct spec_type *type; /* SCALAR */
	size_t offset, size;
	int64_t min, max;
	const char *const *words; /* NULL-ended */
	const char *const *later; /* words that are known and not there yet */
	const char *fallback;	  /* text read when the key is absent */
	int required;		  /* absent is a fault */
	int inline_text;	  /* LIST: may be one text with commas */
	int list_text;		  /* SCALAR: may be a list, whose texts are then joined by commas */
	const struct spec_section *sub; /* MAP */
	const char *bare;		/* MAP: the key that a mere text stands for; NULL = none */
	const struct spec_field *item;	/* NAMED, LIST: what stands for each; offset 0 = the item */
	const struct spec_array *array; /* NAMED, LIST */
	const char *help;
};

struct spec_section {
	const struct spec_field *fields;
	int count;
};

/* A row of wire/signals.def. */
enum signal_kind {
	SIGNAL_ERRORS,
	SIGNAL_LATENCY,
	SIGNAL_MEAN,
	SIGNAL_TWO_SIDED,
	SIGNAL_SHIFT,
	SIGNAL_COUNT
};
struct signal_row {
	const char *name;
	enum signal_kind kind;
	const char *needs, *tasks;
};

extern const struct spec_section spec_top, spec_endpoint_section;
extern const char *const spec_role_words[], *const spec_tier_words[];
extern const struct spec_type type_name, type_text, type_word, type_int, type_duration, type_listen,
	type_health, type_source, type_key, type_outcome, type_rate, type_upstream, type_step,
	type_member, type_user, type_command, type_signal, type_signal_name, type_segment,
	type_share, type_host, type_certificates, type_url, type_label;

/* spec_fault.c */
void spec_fault_add(struct spec_reading *r, struct mark at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Sorts the faults; 0 when there are none, else ERR_INVALID with "NAME:LINE:COL: …" in *e. */
int spec_reading_end(struct spec_reading *r, const char *name, struct err *e);
/* text into out, cut to what a sentence can carry, one line. Returns out. */
const char *spec_quote(const char *text, char out[64]);
/* The nearest of NULL-ended words to text by edits, or NULL when none is near. */
const char *spec_nearest(const char *text, const char *const *words);
/* "a, b or c" of NULL-ended words. */
void spec_words_format(const char *const *words, struct buf *out);

/* spec_node.c */
struct node *node_new(enum node_kind kind, struct mark at);
void node_free(struct node *n); /* the whole tree; NULL is allowed */
/* Takes key (NULL for a list) and value. The entry is borrowed until the next add. */
struct entry *node_add(struct node *n, struct node *key, struct node *value);
struct node *node_find(const struct node *map, const char *key); /* borrowed, or NULL */
/* Adds a fault for each key of the map that stands there twice. */
void node_check_twice(const struct node *map, struct spec_reading *r);
/* Adds a fault for a control character in a scalar; returns whether it is free of them. */
int node_check_text(struct node *n, size_t len, struct spec_reading *r);
/* Whether both hold the same texts; maps match in any order. */
int node_same(const struct node *a, const struct node *b);

/* spec_yaml.c: the tree of the file, or NULL with faults. */
struct node *spec_tree_parse(const char *text, size_t n, struct spec_reading *r);

/* spec_read.c: reads map into base by the section's rows; owner is the place of a missing key. */
void spec_section_read(struct spec_reading *r, const struct spec_section *s, const struct node *map,
	struct mark owner, void *base);

/* spec_check.c: what no single row can say. Tier n of spec_tier_words as it is when not told. */
struct spec_tier spec_tier_default(int n);
void spec_check(struct spec_reading *r, const struct node *top, struct spec *s);
void spec_check_endpoint(struct spec_reading *r, const struct spec_endpoint *ep, struct mark at);

/* Whether what is said of TLS fits each version's servers; own is the endpoint's mapping. Of files
 * only: what is stored already is read as it is. */
void spec_check_arms(
	struct spec_reading *r, const struct spec_endpoint *ep, const struct node *own);

/* spec_observe.c: what an endpoint that is only looked at must and must not have; own is its
 * mapping. Whether a key of it, or of its `rollout`, means something there. */
void spec_check_observed(struct spec_reading *r, const struct spec_endpoint *ep,
	const struct node *own, struct mark at);
int spec_observed_key(const char *key, int in_rollout);

/* spec_signal.c: the row of a signal, one row for all outcome:NAME; NULL when there is none. */
const struct signal_row *signal_row_find(const char *name);
int signal_is_posted(const struct signal_row *row);    /* outcome:NAME */
int signal_is_judged(const struct signal_row *row);    /* it can tell harm */
int signal_takes_bounds(const struct signal_row *row); /* `of LOW..HIGH` means something */
/* Whether the endpoint can deliver what its signals need; own is its mapping. */
void spec_check_signals(
	struct spec_reading *r, const struct spec_endpoint *ep, const struct node *own);

/* spec_comment.c: hangs the file's comments on the tree's entries. What stands above all, or
 * below all, goes to head and tail. all gets every comment, one a line, in file order. */
void spec_comments_attach(
	struct node *top, const char *text, size_t n, struct buf *head, struct buf *tail);
void spec_comments_list(struct node *top, const char *text, size_t n, struct buf *all);

#endif
