/* suspicion.c: which of the latest changes may have caused a trouble. Near in time and touching
 * it is all that is looked at: it ranks what a person reads first, it decides nothing. */
#include "backend/api/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

#define NEAR_US (30 * 60000000LL)
/* Data and log arrive after the change that they show: a trouble may seem older by this much. */
#define SLACK_US 20000000LL

static void format_age(int64_t us, char *out, size_t size)
{
	long long s = us > 0 ? us / 1000000 : 0;

	if (s < 120)
		snprintf(out, size, "%lld s", s);
	else if (s < 7200)
		snprintf(out, size, "%lld min", s / 60);
	else if (s < 172800)
		snprintf(out, size, "%lld h", s / 3600);
	else
		snprintf(out, size, "%lld d", s / 86400);
}

static int equal(const char *a, const char *b)
{
	return a && b && *a && strcmp(a, b) == 0;
}

/* 3, 2, 1 or 0 against one endpoint in trouble. */
static int rank(const struct event *ev, const struct endpoint_view *v)
{
	int64_t before = v->trouble_us - ev->at_us;

	if (!v->trouble_us || before < -SLACK_US || before > NEAR_US)
		return 0;
	if (equal(ev->endpoint, v->ep->row.id))
		return 3;
	return equal(ev->project, v->ep->row.project) ? 2 : 1;
}

int suspicion_of(const struct event *ev, const struct endpoint_view *views, int count,
	int64_t now_us, char *why, size_t size)
{
	const struct endpoint_view *worst = NULL;
	int best = 0;
	char age[32];

	for (int i = 0; i < count; i++) {
		int r = rank(ev, &views[i]);

		if (r > best) {
			best = r;
			worst = &views[i];
		}
	}
	if (!worst) {
		format_age(now_us - ev->at_us, age, sizeof age);
		snprintf(why, size, "%s ago", age);
		return 0;
	}
	format_age(worst->trouble_us - ev->at_us, age, sizeof age);
	if (worst->health == HEALTH_WATCH && worst->trouble_us + SLACK_US >= now_us)
		snprintf(why, size, "%s ago, %s", age,
			best == 3   ? "touches it"
			: best == 2 ? "same project"
				    : "elsewhere");
	else
		snprintf(why, size, "%s before the trouble%s", age,
			best == 3   ? ", touches it"
			: best == 2 ? ", same project"
				    : "");
	return best;
}

static const char *keep(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

#define TEXTS(ev)                                                                                  \
	{                                                                                          \
		&(ev)->actor, &(ev)->role, &(ev)->via, &(ev)->verb, &(ev)->subject,                \
			&(ev)->project, &(ev)->environment, &(ev)->endpoint, &(ev)->version,       \
			&(ev)->before, &(ev)->after, &(ev)->reason, &(ev)->causes,                 \
			&(ev)->request_id, &(ev)->prev, &(ev)->hash                                \
	}

int event_list_add(void *list, const struct event *ev)
{
	struct event_list *l = list;
	struct event copy = *ev;
	const char **texts[] = TEXTS(&copy);

	if (l->count == l->capacity) {
		l->capacity = l->capacity ? l->capacity * 2 : 32;
		l->rows = xrealloc(l->rows, (size_t)l->capacity, sizeof *l->rows);
	}
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		*texts[i] = keep(*texts[i]);
	l->rows[l->count++] = copy;
	return 0;
}

void event_list_release(struct event_list *list)
{
	for (int n = 0; n < list->count; n++) {
		const char **texts[] = TEXTS(&list->rows[n]);

		for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
			free((void *)(uintptr_t)*texts[i]);
	}
	free(list->rows);
	*list = (struct event_list){0};
}
