/* suggest.h: did-you-mean for unknown fields, parameters and paths. Pure. */
#ifndef PITHEAD_BACKEND_API_SUGGEST_H
#define PITHEAD_BACKEND_API_SUGGEST_H

/* Edits (insert, delete, replace, swap of neighbours) between two words; case counts as equal.
 * Words longer than 127 bytes are compared by their first 127. */
int suggest_distance(const char *a, const char *b);

/* The best candidate so far: feed every known word to suggest_try, then read best (NULL when
 * nothing is near enough to be worth naming). */
struct suggest {
	const char *word;
	const char *best; /* borrowed from the candidates */
	int distance;
};
void suggest_try(struct suggest *s, const char *candidate);

#endif
