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

/* What takes a risk away is not what one looks for. */
static int lowers(const char *verb)
{
	static const char *const verbs[] = {"rollout.abort", "rollout.pause", "rollout.reject",
		"rollout.approve", "rollout.guard", "rollout.harm", "rollout.undecided",
		"rollout.lapse", "alert.ack", NULL};

	for (int i = 0; verb && verbs[i]; i++)
		if (strcmp(verb, verbs[i]) == 0)
			return 1;
	return 0;
}

/* 3, 2, 1 or 0 against one endpoint in trouble. A version that was only registered cannot hurt
 * where it does not serve. While a rollout goes on, what belongs to it comes before what was. */
static int rank(const struct event *ev, const struct endpoint_view *v)
{
	const struct endpoint_row *ep = &v->ep->row;
	int64_t before = v->trouble_us - ev->at_us;

	if (!v->trouble_us || before < -SLACK_US || before > NEAR_US)
		return 0;
	if (equal(ev->verb, "version.add"))
		return equal(ev->project, ep->project) && (equal(ev->version, ep->stable) ||
								  equal(ev->version, ep->candidate))
			       ? 1
			       : 0;
	if (equal(ev->verb, "engine.restore")) /* touches all there is */
		return 3;
	if (equal(ev->endpoint, ep->id))
		return lowers(ev->verb) || (ep->rollout && ev->rollout != ep->rollout) ? 2 : 3;
	/* Of another endpoint, or of the whole project. */
	return equal(ev->project, ep->project) && !(ev->endpoint && *ev->endpoint) ? 2 : 1;
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
	/* While a share is only watched there is no trouble yet to reckon from. */
	if (worst->health == HEALTH_WATCH && worst->trouble_us + SLACK_US >= now_us) {
		format_age(now_us - ev->at_us, age, sizeof age);
		snprintf(why, size, "%s ago%s", age, best == 3 ? ", touches it" : "");
	} else if (worst->trouble_us < ev->at_us) {
		snprintf(why, size, "with the trouble%s", best == 3 ? ", touches it" : "");
	} else {
		format_age(worst->trouble_us - ev->at_us, age, sizeof age);
		snprintf(
			why, size, "%s before the trouble%s", age, best == 3 ? ", touches it" : "");
	}
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
