/* series.c: see series.h. */
#include "backend/base/series.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"

static int by_name(const void *a, const void *b)
{
	const struct series_label *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void labels_free(struct series_label *list, int count)
{
	for (int i = 0; i < count; i++) {
		free(list[i].name);
		free(list[i].value);
	}
	free(list);
}

void series_set_release(struct series_set *s)
{
	for (int i = 0; i < s->count; i++) {
		labels_free(s->list[i].labels, s->list[i].label_count);
		free(s->list[i].points);
	}
	free(s->list);
	*s = (struct series_set){0};
}

static int labels_same(const struct series *s, const struct series_label *labels, int count)
{
	if (s->label_count != count)
		return 0;
	for (int i = 0; i < count; i++)
		if (strcmp(s->labels[i].name, labels[i].name) != 0 ||
			strcmp(s->labels[i].value, labels[i].value) != 0)
			return 0;
	return 1;
}

struct series *series_set_get(
	struct series_set *s, int known, const struct series_label *labels, int label_count)
{
	struct series_label *own = xcalloc((size_t)label_count + 1, sizeof *own);
	struct series *out;

	for (int i = 0; i < label_count; i++)
		own[i] = (struct series_label){xstrdup(labels[i].name), xstrdup(labels[i].value)};
	qsort(own, (size_t)label_count, sizeof *own, by_name);
	for (int i = 0; i < known; i++)
		if (labels_same(&s->list[i], own, label_count)) {
			labels_free(own, label_count);
			return &s->list[i];
		}
	s->list = xrealloc(s->list, (size_t)s->count + 1, sizeof *s->list);
	out = &s->list[s->count++];
	*out = (struct series){.labels = own, .label_count = label_count};
	return out;
}

void series_add(struct series *s, int64_t at_ms, double value)
{
	int n = s->point_count;

	if (n && s->points[n - 1].at_ms >= at_ms)
		return;
	if ((n & (n - 1)) == 0) /* room for a power of two */
		s->points = xrealloc(s->points, n ? 2 * (size_t)n : 1, sizeof *s->points);
	s->points[s->point_count++] = (struct series_point){at_ms, value};
}

const char *series_label(const struct series *s, const char *name)
{
	for (int i = 0; i < s->label_count; i++)
		if (strcmp(s->labels[i].name, name) == 0)
			return s->labels[i].value;
	return "";
}

char *series_name(const struct series *s, const char *without)
{
	struct buf b = {0};

	for (int i = 0; i < s->label_count; i++) {
		if (without && strcmp(s->labels[i].name, without) == 0)
			continue;
		buf_addf(
			&b, "%s%s=\"%s\"", b.len ? "," : "", s->labels[i].name, s->labels[i].value);
	}
	return buf_detach(&b);
}
