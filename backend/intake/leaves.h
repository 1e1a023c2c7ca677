/* leaves.h: the numbers, texts and truth values of a JSON text, each with the path that a source of
 * the spec names it by. What is chosen among them is decided in score.c and request.c. */
#ifndef PITHEAD_BACKEND_INTAKE_LEAVES_H
#define PITHEAD_BACKEND_INTAKE_LEAVES_H

#include "backend/intake/intake.h"

enum leaf_kind { LEAF_NUMBER, LEAF_TEXT, LEAF_BOOL };

struct leaf {
	enum leaf_kind kind;
	char path[INTAKE_PATH]; /* "proba.1"; "." is the whole text */
	char name[64];	 /* of the nearest member above: "proba"; or what a column is called */
	char hints[160]; /* the names on the way */
	double number;	 /* LEAF_BOOL: 0 or 1 */
	char text[64];	 /* LEAF_TEXT */
	int cut;	 /* the text is longer */
	int group;	 /* the same for all members of one object or list */
	int place;	 /* in a list, from 0; -1 = it is a member of an object */
	int row;	 /* of a text with several rows, from 0 */
	int depth;	 /* lists and objects around it */
};

struct leaves {
	struct leaf *list; /* owned */
	int count;
	int left_out;	  /* members of long lists, or beyond the limit */
	char unnamed[64]; /* a member's name that no path can hold; "" = none */
	int rows;	  /* how many, 0 = there is no list of them */
	int made_up;	  /* the values are not those of a server */
};

/* Reads n bytes of JSON; `what` names them in the sentence. 0, or ERR_INVALID. */
int leaves_parse(const char *text, size_t n, const char *what, struct leaves *out, struct err *e);
void leaves_release(struct leaves *l);

/* The value in a comment: 0.87, "DE", true. */
void leaf_format(const struct leaf *l, char *out, size_t size);

/* Fills score and task of ep by the answer: which number is the model's, what else there was, and
 * how sure that is. rows: how many the request had (0 = one). */
void score_propose(const struct leaves *answer, int rows, struct intake_endpoint *ep);

/* Fills features, segment and key of ep by the request's body and the headers that were sent with
 * it ("Name: value"). */
void request_propose(const struct leaves *request, const char *const *headers, int header_count,
	struct intake_endpoint *ep);

#endif
