/* suggest.c: edit distance over three rows. */
#include "backend/api/suggest.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define LONGEST 127

static int least(int a, int b)
{
	return a < b ? a : b;
}

static int same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

int suggest_distance(const char *a, const char *b)
{
	size_t n = strnlen(a, LONGEST), m = strnlen(b, LONGEST);
	int rows[3][LONGEST + 1];

	for (size_t j = 0; j <= m; j++)
		rows[0][j] = (int)j;
	for (size_t i = 1; i <= n; i++) {
		int *row = rows[i % 3], *before = rows[(i + 2) % 3], *older = rows[(i + 1) % 3];

		row[0] = (int)i;
		for (size_t j = 1; j <= m; j++) {
			int cost = same(a[i - 1], b[j - 1]) ? 0 : 1;

			row[j] = least(least(row[j - 1], before[j]) + 1, before[j - 1] + cost);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				row[j] = least(row[j], older[j - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

void suggest_try(struct suggest *s, const char *candidate)
{
	int most = (int)(strnlen(s->word, LONGEST) / 3) + 1;
	int d = suggest_distance(s->word, candidate);

	if (d <= most && (!s->best || d < s->distance)) {
		s->best = candidate;
		s->distance = d;
	}
}
