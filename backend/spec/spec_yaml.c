/* spec_yaml.c: the text of pithead.yaml as a tree with marks, by libyaml's events. Every scalar
 * stays text. What makes a file read differently from how it looks (aliases, tags, directives,
 * several documents) is refused here; the schema is not known here. */
#include "backend/spec/spec_priv.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "backend/base/xalloc.h"

struct build {
	yaml_parser_t parser;
	struct spec_reading *r;
	const char *text;
	size_t n;
	int ended; /* a fault after which the rest cannot be read */
};

static struct mark mark_of(const yaml_mark_t *m)
{
	return (struct mark){(int)m->line + 1, (int)m->column + 1};
}

/* Length of the UTF-8 character at p (n bytes left) and its code, or 0 when it is not one. */
static size_t utf8_next(const unsigned char *p, size_t n, unsigned *code)
{
	size_t len = p[0] < 0x80   ? 1
		     : p[0] < 0xc2 ? 0
		     : p[0] < 0xe0 ? 2
		     : p[0] < 0xf0 ? 3
		     : p[0] < 0xf5 ? 4
				   : 0;
	static const unsigned lowest[] = {0, 0, 0x80, 0x800, 0x10000};

	if (len == 0 || len > n)
		return 0;
	*code = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	if (*code < lowest[len] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return len;
}

/* What is wrong with one character of the file, or NULL. */
static const char *character_fault(unsigned code, unsigned next)
{
	if (code == 0)
		return "a NUL byte: this is not a text file";
	if (code == '\r' && next != '\n')
		return "a carriage return without a line feed";
	if ((code < 0x20 && !strchr("\t\n\r", (int)code)) || (code >= 0x7f && code < 0xa0))
		return "a control character";
	if (code == 0x2028 || code == 0x2029)
		return "a Unicode line separator; use a line feed";
	if (code == 0xfeff || code == 0xfffe || code == 0xffff)
		return "a character that no text holds (a byte order mark inside the file?)";
	return NULL;
}

/* Whether every byte is text that the YAML library and people read alike; the first fault only,
 * for a file that is no text would have thousands. */
static int characters_check(struct build *b)
{
	const unsigned char *p = (const unsigned char *)b->text;
	struct mark at = {1, 1};

	for (size_t i = 0; i < b->n;) {
		unsigned code = 0;
		size_t len = utf8_next(p + i, b->n - i, &code);
		const char *why = len == 0 ? "bytes that are not UTF-8"
					   : character_fault(code, i + 1 < b->n ? p[i + 1] : 0);

		if (why) {
			spec_fault_add(b->r, at, "the file holds %s", why);
			return 0;
		}
		at.column++;
		if (code == '\n')
			at = (struct mark){at.line + 1, 1};
		i += len;
	}
	return 1;
}

/* The byte of the file at a mark, 0 past the end. */
static char byte_at(const struct build *b, struct mark at)
{
	const char *p = b->text, *end = b->text + b->n;

	for (int line = 1; line < at.line && p < end; line++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		p = nl ? nl + 1 : end;
	}
	for (int column = 1; column < at.column && p < end; column++)
		do
			p++;
		while (p < end && ((unsigned char)*p & 0xc0) == 0x80);
	return p < end ? *p : '\0';
}

static void syntax_fault(struct build *b)
{
	const yaml_parser_t *y = &b->parser;
	struct mark at = mark_of(&y->problem_mark);
	char c = byte_at(b, at);

	b->ended = 1;
	if (c == '\t')
		spec_fault_add(b->r, at, "a tab cannot indent: use spaces");
	else if (y->problem && strstr(y->problem, "cannot start any token") && c)
		spec_fault_add(b->r, at, "a text that begins with `%c` must stand in quotes", c);
	else if (y->context)
		spec_fault_add(b->r, at, "not YAML: %s (%s, line %d)",
			y->problem ? y->problem : "unreadable", y->context,
			(int)y->context_mark.line + 1);
	else
		spec_fault_add(b->r, at, "not YAML: %s", y->problem ? y->problem : "unreadable");
}

/* The next event, or 0 after a fault. */
static int event_next(struct build *b, yaml_event_t *ev)
{
	if (b->ended)
		return 0;
	if (yaml_parser_parse(&b->parser, ev))
		return 1;
	syntax_fault(b);
	return 0;
}

static void refuse_marks(
	struct build *b, struct mark at, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	char shown[64];

	if (anchor)
		spec_fault_add(b->r, at, "anchor `&%s`: anchors are not read, write it out",
			spec_quote((const char *)anchor, shown));
	if (tag)
		spec_fault_add(b->r, at, "tag `%s`: tags are not read, the key gives the type",
			spec_quote((const char *)tag, shown));
}

static struct node *scalar_build(struct build *b, const yaml_event_t *ev)
{
	struct node *n = node_new(NODE_TEXT, mark_of(&ev->start_mark));
	yaml_scalar_style_t style = ev->data.scalar.style;
	size_t len = ev->data.scalar.length;

	n->end = mark_of(&ev->end_mark);
	n->style = style == YAML_SINGLE_QUOTED_SCALAR_STYLE   ? STYLE_SINGLE
		   : style == YAML_DOUBLE_QUOTED_SCALAR_STYLE ? STYLE_DOUBLE
		   : style == YAML_LITERAL_SCALAR_STYLE	      ? STYLE_BLOCK
		   : style == YAML_FOLDED_SCALAR_STYLE	      ? STYLE_BLOCK
							      : STYLE_PLAIN;
	n->text = xcalloc(len + 1, 1);
	memcpy(n->text, ev->data.scalar.value, len);
	refuse_marks(b, n->at, ev->data.scalar.anchor, ev->data.scalar.tag);
	node_check_text(n, len, b->r);
	return n;
}

static struct node *node_build(struct build *b, yaml_event_t *ev, int depth);

static void list_build(struct build *b, struct node *list, int depth)
{
	yaml_event_t ev;

	while (event_next(b, &ev)) {
		if (ev.type == YAML_SEQUENCE_END_EVENT) {
			list->end = mark_of(&ev.end_mark);
			yaml_event_delete(&ev);
			return;
		}
		node_add(list, NULL, node_build(b, &ev, depth + 1));
	}
}

/* Whether a key is a text that can stand before a colon. A key that is not becomes an empty,
 * refused text, so that the pair is kept and told of once. */
static struct node *key_check(struct build *b, struct node *key)
{
	struct mark at = key->at;

	if (key->refused)
		return key;
	if (key->kind != NODE_TEXT)
		spec_fault_add(b->r, at, "a key must be a text, not a list or a mapping");
	else if (key->text[0] == '\0')
		spec_fault_add(b->r, at, "a key is missing before the colon");
	else if (strlen(key->text) > SPEC_KEY_MOST)
		spec_fault_add(b->r, at, "a key longer than %d bytes", SPEC_KEY_MOST);
	else if (strchr(key->text, '\n'))
		spec_fault_add(b->r, at, "a key must be on one line");
	else
		return key;
	node_free(key);
	key = node_new(NODE_TEXT, at);
	key->text = xstrdup("");
	key->refused = 1;
	return key;
}

static void map_build(struct build *b, struct node *map, int depth)
{
	yaml_event_t ev;

	while (event_next(b, &ev)) {
		struct node *key;

		if (ev.type == YAML_MAPPING_END_EVENT) {
			map->end = mark_of(&ev.end_mark);
			yaml_event_delete(&ev);
			node_check_twice(map, b->r);
			return;
		}
		key = key_check(b, node_build(b, &ev, depth + 1));
		if (!event_next(b, &ev)) {
			node_free(key);
			return;
		}
		node_add(map, key, node_build(b, &ev, depth + 1));
	}
}

/* The node that begins with ev, which is deleted. Never NULL; after a fault it is refused. */
static struct node *node_build(struct build *b, yaml_event_t *ev, int depth)
{
	struct mark at = mark_of(&ev->start_mark);
	struct node *n;
	char shown[64];
	int flow;

	if (ev->type == YAML_SCALAR_EVENT) {
		n = scalar_build(b, ev);
	} else if (ev->type == YAML_ALIAS_EVENT) {
		spec_fault_add(b->r, at, "alias `*%s`: aliases are not read, write it out",
			spec_quote((const char *)ev->data.alias.anchor, shown));
		n = node_new(NODE_TEXT, at);
		n->text = xstrdup("");
		n->refused = 1;
	} else if (ev->type == YAML_SEQUENCE_START_EVENT) {
		n = node_new(NODE_LIST, at);
		flow = ev->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
		n->style = flow ? STYLE_FLOW : STYLE_BLOCK;
		refuse_marks(b, at, ev->data.sequence_start.anchor, ev->data.sequence_start.tag);
	} else {
		must(ev->type == YAML_MAPPING_START_EVENT);
		n = node_new(NODE_MAP, at);
		flow = ev->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
		n->style = flow ? STYLE_FLOW : STYLE_BLOCK;
		refuse_marks(b, at, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
	}
	yaml_event_delete(ev);
	if (n->kind == NODE_TEXT)
		return n;
	if (depth >= SPEC_DEPTH_MOST) {
		spec_fault_add(b->r, at, "nested deeper than %d levels", SPEC_DEPTH_MOST);
		b->ended = 1;
	} else if (n->kind == NODE_LIST) {
		list_build(b, n, depth);
	} else {
		map_build(b, n, depth);
	}
	return n;
}

static void document_start(struct build *b, const yaml_event_t *ev, int seen)
{
	struct mark at = mark_of(&ev->start_mark);

	if (seen) {
		spec_fault_add(b->r, at, "a second document: a project is one document");
		b->ended = 1;
	} else if (ev->data.document_start.version_directive ||
		   ev->data.document_start.tag_directives.start !=
			   ev->data.document_start.tag_directives.end) {
		spec_fault_add(b->r, at, "`%%` directives are not read");
	}
}

static struct node *stream_build(struct build *b)
{
	struct node *top = NULL;
	yaml_event_t ev;

	while (event_next(b, &ev)) {
		int end = ev.type == YAML_STREAM_END_EVENT;

		if (ev.type == YAML_DOCUMENT_START_EVENT) {
			document_start(b, &ev, top != NULL);
		} else if (ev.type == YAML_MAPPING_START_EVENT ||
			   ev.type == YAML_SEQUENCE_START_EVENT || ev.type == YAML_SCALAR_EVENT ||
			   ev.type == YAML_ALIAS_EVENT) {
			top = node_build(b, &ev, 0);
			continue;
		}
		yaml_event_delete(&ev);
		if (end)
			break;
	}
	return top;
}

struct node *spec_tree_parse(const char *text, size_t n, struct spec_reading *r)
{
	struct build b = {.r = r, .text = text ? text : "", .n = n};
	struct node *top;

	if (n > SPEC_BYTES_MOST) {
		spec_fault_add(r, (struct mark){1, 1},
			"the file has %zu bytes; at most %d are read", n, SPEC_BYTES_MOST);
		return NULL;
	}
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark at the start */
		b.text += 3;
		b.n -= 3;
	}
	if (!characters_check(&b))
		return NULL;
	if (!yaml_parser_initialize(&b.parser))
		must_failed(__FILE__, __LINE__, "yaml_parser_initialize");
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)b.text, b.n);
	top = stream_build(&b);
	yaml_parser_delete(&b.parser);
	if (b.ended) {
		node_free(top);
		return NULL;
	}
	if (!top || top->kind != NODE_MAP) {
		spec_fault_add(r, top ? top->at : (struct mark){1, 1},
			top ? "the file must be a mapping, beginning with `project: NAME`"
			    : "the file is empty; it begins with `project: NAME`");
		node_free(top);
		return NULL;
	}
	return top;
}
