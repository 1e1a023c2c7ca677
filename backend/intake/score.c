/* score.c: which number of an answer is the model's, and what kind of model gives such numbers.
 * Names count most, then the value; the reasons and what else there was go into the comment, so
 * that a person sees in a second whether it is right. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/intake/leaves.h"

#define SUM_SLACK 0.02 /* probabilities are printed rounded */
#define NOT_IT	  (-1000)

/* The best row that a name holds a word of. */
static const struct {
	const char *words;
	int points;
} names[] = {
	{"probability probabilities proba probas prob probs likelihood propensity", 60},
	{"score scores risk", 50},
	{"confidence confidences certainty", 45},
	{"prediction predictions predicted predict pred preds yhat hat estimate estimates "
	 "estimated forecast forecasts output outputs result results inference",
		40},
	{"value values price amount eta y target label labels class classes demand logit logits "
	 "data mean rating rank answer",
		30},
};

/* What stands beside a prediction in answers and is none. */
#define OTHER_WORDS                                                                                \
	"id ids uuid time times took latency elapsed duration ms millis seconds sec timestamp ts " \
	"date datetime version revision build code status count counts rows row shape index "      \
	"offset seed size limit threshold cutoff token tokens usage port pid uptime ttl epoch "    \
	"created page pages cached batch length len requests total num"

#define POSITIVE_WORDS                                                                             \
	"1 true yes positive pos fraud churn spam late default bad risk click toxic approve"
#define TRUTH_WORDS                                                                                \
	"true false yes no positive negative pos neg 0 1 good bad fraud legit legitimate genuine " \
	"spam ham churn stay retained accept accepted reject rejected approve approved deny "      \
	"denied decline declined allow allowed block blocked pass fail late ontime "               \
	"default toxic safe unsafe normal anomaly click noclick"

/* Numbers of one group that add up to 1, as probabilities of classes do. */
struct shares {
	int count;
	int first, last, chosen; /* indexes of leaves */
};

static int name_points(const struct leaf *l)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (intake_has_word(l->name, names[i].words))
			return names[i].points;
	/* The names on the way say less. */
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (intake_has_word(l->hints, names[i].words))
			return names[i].points - 8;
	return 0;
}

static int is_share(const struct leaf *l)
{
	return l->kind == LEAF_NUMBER && l->number >= 0 && l->number <= 1;
}

/* The group of the leaf at i, when it is one of shares. A list as long as the request has rows
 * holds an answer to each. */
static int shares_find(const struct leaves *a, int rows, int i, struct shares *out)
{
	double sum = 0;

	*out = (struct shares){.first = -1, .chosen = -1};
	for (int k = 0; k < a->count; k++) {
		const struct leaf *l = &a->list[k];

		if (l->group != a->list[i].group)
			continue;
		if (!is_share(l))
			return 0;
		sum += l->number;
		out->first = out->first < 0 ? k : out->first;
		out->last = k;
		out->count++;
		if (l->place < 0 && intake_has_word(l->name, POSITIVE_WORDS))
			out->chosen = k;
	}
	if (out->count < 2 || fabs(sum - 1) > SUM_SLACK || a->made_up ||
		(a->list[i].place >= 0 && out->count == rows))
		return 0;
	/* Of two, the second is that of class 1; of many, any one shows a shift. */
	if (out->chosen < 0)
		out->chosen = out->count == 2 ? out->last : out->first;
	return 1;
}

static int value_points(const struct leaves *a, const struct leaf *l)
{
	if (a->made_up)
		return 0;
	if (l->number > 0 && l->number < 1)
		return 25;
	if (l->number != floor(l->number))
		return 10;
	return l->number == 0 || l->number == 1 ? -15 : 0;
}

static int points(const struct leaves *a, int i, const struct shares *s)
{
	const struct leaf *l = &a->list[i];
	int total;

	if (l->kind != LEAF_NUMBER)
		return NOT_IT;
	total = name_points(l) + value_points(a, l) - 2 * l->depth;
	if (intake_has_word(l->name, OTHER_WORDS))
		total -= intake_has_word(l->name, names[3].words) ? 30 : 100;
	if (s->count)
		total += i == s->chosen ? 35 : -20;
	else if (l->place > 0)
		total -= l->place + 1;
	return total;
}

/* The index of the best, or -1. */
static int best_find(const struct leaves *a, int rows, struct shares *s)
{
	int best = -1, most = NOT_IT;

	for (int i = 0; i < a->count; i++) {
		struct shares own;

		if (!shares_find(a, rows, i, &own))
			own.count = 0;
		if (points(a, i, &own) <= most)
			continue;
		most = points(a, i, &own);
		best = i;
		*s = own;
	}
	/* A lone number with a name like took_ms is no score; a bare one of an unknown name may be.
	 */
	return most < -20 ? -1 : best;
}

/* "; also there: PATH VALUE, ..." of other numbers, three at most. */
static void others_format(const struct leaves *a, int best, struct buf *out)
{
	const struct leaf *b = &a->list[best];
	int told = 0;

	for (int i = 0; i < a->count && told < 3; i++) {
		const struct leaf *l = &a->list[i];
		char value[48];

		if (i == best || l->kind == LEAF_TEXT || (b->place >= 0 && l->group == b->group))
			continue;
		leaf_format(l, value, sizeof value);
		buf_addf(out, "%s%s %s", told++ ? ", " : "; also there: ", l->path, value);
	}
}

/* The text of {"label": TEXT, "score": l} in a list of such; NULL = it is none. */
static const char *label_beside(const struct leaves *a, const struct leaf *l)
{
	for (int i = 0; i < a->count && a->rows > 1; i++)
		if (a->list[i].kind == LEAF_TEXT && a->list[i].group == l->group &&
			intake_has_word(a->list[i].name, "label class"))
			return a->list[i].text;
	return NULL;
}

/* How many numbers the list of the leaf has that were looked at; 0 = it is in none. */
static int list_length(const struct leaves *a, int i)
{
	int n = 0;

	for (int k = 0; k < a->count; k++)
		n += a->list[k].group == a->list[i].group;
	return a->list[i].place < 0 ? 0 : n;
}

static void say_score(const struct leaves *a, int best, const struct shares *s, struct buf *out)
{
	const struct leaf *l = &a->list[best];
	char value[48];

	leaf_format(l, value, sizeof value);
	if (a->made_up)
		buf_adds(out, "from the document, no answer was seen");
	else
		buf_addf(out, "was %s", value);
	if (s->count == 2)
		buf_addf(out, ", of two that add up to 1: %s",
			l->place >= 0 ? "that of class 1" : l->name);
	else if (s->count > 2)
		buf_addf(out, ", the first of %d that add up to 1: each class has its own",
			s->count);
	if (label_beside(a, l))
		buf_addf(out, ", that of \"%.24s\": of another label where the list is sorted",
			label_beside(a, l));
	else if (a->rows > 1)
		buf_addf(out, "; of %d rows only the first is read", a->rows);
	else if (list_length(a, best) > 1 && !s->count)
		buf_addf(out, ", one of a list of %s%d numbers", a->left_out ? "over " : "",
			list_length(a, best));
	others_format(a, best, out);
}

static const char *label_text(const struct leaves *a)
{
	for (int i = 0; i < a->count; i++)
		if (a->list[i].kind == LEAF_TEXT &&
			intake_has_word(a->list[i].name, "prediction predictions predicted label "
							 "labels class classes category"))
			return a->list[i].text;
	return NULL;
}

/* A probability times a hundred. */
static int is_percentage(const struct leaf *l)
{
	return intake_has_word(l->hints, "percent percentage pct") ||
	       (l->number > 1 && l->number <= 100 && l->number != floor(l->number) &&
		       intake_has_word(l->hints, names[0].words));
}

static void task_single(const struct leaves *a, const struct leaf *l, struct intake_choice *task)
{
	const char *label = label_text(a);
	int whole = l->number == floor(l->number);
	int named = intake_has_word(l->hints, names[0].words) ||
		    intake_has_word(l->hints, names[1].words) ||
		    intake_has_word(l->hints, names[2].words);

	if (label && is_share(l) && !intake_has_word(label, TRUTH_WORDS))
		intake_choose(
			task, "multiclass", "likely: it answers with a class (\"%.24s\")", label);
	else if (a->made_up)
		intake_choose(task, named ? "binary" : "regression",
			"unsure: by its name only; else binary, multiclass, regression, ranking");
	else if (is_percentage(l))
		intake_choose(task, "regression",
			"unsure: a percentage? what is judged as binary is a number from 0 to 1");
	else if (is_share(l) && !whole && named)
		intake_choose(task, "binary", "likely: a number from 0 to 1, of such a name");
	else if (is_share(l) && !whole)
		intake_choose(task, "binary", "unsure: one number from 0 to 1; else regression");
	else if (is_share(l))
		intake_choose(task, "binary",
			"unsure: it may be a class, 0 or 1, rather than a probability");
	else if (whole && intake_has_word(l->hints, "label labels class classes"))
		intake_choose(task, "multiclass", "unsure: the number of a class; else regression");
	else
		intake_choose(task, "regression", "%s: a number beyond 0 to 1",
			whole ? "unsure, it may be a class" : "likely");
}

static void say_none(const struct leaves *a, struct intake_choice *score)
{
	char value[48], seen[120] = "";

	for (int i = 0; i < a->count; i++) {
		char *end;

		if (a->list[i].kind == LEAF_TEXT && a->list[i].text[0] &&
			(strtod(a->list[i].text, &end), *end == '\0')) {
			intake_choose(score, "header X-Pithead-Score",
				"%s is a number written as text, which is not read: let the server "
				"send it as a number, or in this header",
				a->list[i].path);
			score->off = 1;
			return;
		}
	}
	if (a->count) {
		leaf_format(&a->list[0], value, sizeof value);
		snprintf(seen, sizeof seen, " (it has %.60s %s)", a->list[0].path, value);
	}
	intake_choose(score, "json PATH",
		"the answer has no number that looks like the model's%s%s%s; the server can tell "
		"one in the header X-Pithead-Score",
		a->unnamed[0] ? " and that a path can name: " : "", a->unnamed, seen);
	score->off = 1;
}

void score_propose(const struct leaves *a, int rows, struct intake_endpoint *ep)
{
	struct shares s = {0};
	int best = best_find(a, rows, &s);
	struct buf why = {0};
	char value[INTAKE_PATH + 8];

	if (best < 0) {
		say_none(a, &ep->score);
		intake_choose(&ep->task, "binary",
			"unsure: no number was seen; else multiclass, regression, ranking");
		ep->task.off = 1;
		return;
	}
	snprintf(value, sizeof value, "json %s", a->list[best].path);
	say_score(a, best, &s, &why);
	intake_choose(&ep->score, value, "%s", buf_text(&why));
	buf_release(&why);
	if (s.count > 2)
		intake_choose(
			&ep->task, "multiclass", "sure: %d numbers that add up to 1", s.count);
	else if (s.count == 2)
		intake_choose(&ep->task, "binary", "sure: two numbers that add up to 1");
	else
		task_single(a, &a->list[best], &ep->task);
}
