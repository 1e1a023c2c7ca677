/* canned.h: an HTTP server for tests that says what it was told to, one answer after the other,
 * and remembers what it was asked. On 127.0.0.1, one connection at a time. */
#ifndef PITHEAD_TESTS_SUPPORT_CANNED_H
#define PITHEAD_TESTS_SUPPORT_CANNED_H

struct canned;

/* What it answers: the status line's number and a body. `status` 0: it takes the request and says
 * nothing until canned_stop(). */
struct canned_answer {
	int status;
	const char *body; /* borrowed */
};

/* Answers request i with answers[i], and all later ones with the last. */
struct canned *canned_start(const struct canned_answer *answers, int count, int *port);
void canned_stop(struct canned *c);

/* From now on a request that holds the text of one of these is answered by it. */
struct canned_match {
	const char *text; /* borrowed */
	struct canned_answer answer;
};
void canned_set(struct canned *c, const struct canned_match *matches, int count);

/* How many requests came, and the text of the last one: head and body. */
int canned_count(struct canned *c);
const char *canned_last(struct canned *c);

#endif
