/* spec_signal_text.c: `error_rate: critical worse-by 0.5pp` as numbers. One table of the words that
 * may stand there, each with the kinds of signal that it is for; in any order, each once. */
#include "backend/spec/spec_priv.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

#define OF(kind) (1u << SIGNAL_##kind)
#define JUDGED	 (OF(ERRORS) | OF(LATENCY) | OF(MEAN) | OF(TWO_SIDED))
#define BOUNDED	 (1u << 16) /* signals whose bounds the text may name */
#define POSTED	 (1u << 17) /* outcome:NAME */

/* The next word, or NULL at the end; *rest is what follows it. */
static char *word_next(char **rest)
{
	char *word;

	do
		word = strsep(rest, " ");
	while (word && !*word);
	return word;
}

/* A plain number; 0 when it is none. */
static int number_read(const char *text, double *out)
{
	char *end;

	if (!text || !*text || strspn(text, "0123456789.-") != strlen(text))
		return 0;
	*out = strtod(text, &end);
	return *end == '\0' && isfinite(*out);
}

static const char *example_of(enum signal_kind kind)
{
	return kind == SIGNAL_ERRORS ? "0.5pp" : kind == SIGNAL_LATENCY ? "20%" : "0.01";
}

/* "0.5pp", "20%" or "0.01", as the kind of signal has it. */
static int amount_read(enum signal_kind kind, const char *text, double *out, struct err *e)
{
	int rate = kind == SIGNAL_ERRORS;
	char number[32];
	size_t n = text ? strlen(text) : 0, unit = 0;

	if (rate && n > 2 && strcmp(text + n - 2, "pp") == 0)
		unit = 2;
	else if ((rate || kind == SIGNAL_LATENCY) && n > 1 && text[n - 1] == '%')
		unit = 1;
	if (n && n - unit < sizeof number && (unit || !(rate || kind == SIGNAL_LATENCY))) {
		memcpy(number, text, n - unit);
		number[n - unit] = '\0';
		if (number_read(number, out) && *out >= 0 && (!rate || *out < 100)) {
			*out /= unit ? 100 : 1;
			return 0;
		}
	}
	*out = (double)NAN;
	return err_set(e, ERR_INVALID, "expected %s, such as worse-by %s",
		rate			 ? "a difference below 100 points"
		: kind == SIGNAL_LATENCY ? "a part of stable's time"
					 : "a number from 0 up",
		example_of(kind));
}

typedef int word_reader(struct spec_signal *s, enum signal_kind kind, char **rest, struct err *e);

static int critical_read(struct spec_signal *s, enum signal_kind kind, char **rest, struct err *e)
{
	(void)kind, (void)rest, (void)e;
	s->critical = 1;
	return 0;
}

static int watch_read(struct spec_signal *s, enum signal_kind kind, char **rest, struct err *e)
{
	(void)kind, (void)rest, (void)e;
	s->critical = 0;
	return 0;
}

static int worse_by_read(struct spec_signal *s, enum signal_kind kind, char **rest, struct err *e)
{
	return amount_read(kind, word_next(rest), &s->worse_by, e);
}

static int harm_at_read(struct spec_signal *s, enum signal_kind kind, char **rest, struct err *e)
{
	return amount_read(kind, word_next(rest), &s->harm_at, e);
}

static int psi_read(struct spec_signal *s, enum signal_kind kind, char **rest, struct err *e)
{
	(void)kind;
	if (number_read(word_next(rest), &s->psi) && s->psi > 0)
		return 0;
	s->psi = (double)NAN;
	return err_set(e, ERR_INVALID, "expected a number above 0, such as psi 0.2");
}

static int bounds_read(struct spec_signal *s, enum signal_kind kind, char **rest, struct err *e)
{
	char *text = word_next(rest), *dots = text ? strstr(text, "..") : NULL;

	(void)kind;
	if (dots) {
		*dots = '\0';
		if (number_read(text, &s->low) && number_read(dots + 2, &s->high) &&
			s->low < s->high)
			return 0;
	}
	s->low = s->high = (double)NAN;
	return err_set(
		e, ERR_INVALID, "expected two bounds, the lower one first, such as of 0..60");
}

static int lower_read(struct spec_signal *s, enum signal_kind kind, char **rest, struct err *e)
{
	(void)kind, (void)rest, (void)e;
	s->lower_is_worse = 1;
	return 0;
}

enum { CRITICAL, WATCH, WORSE_BY, HARM_AT, PSI, BOUNDS, LOWER, WORD_COUNT };
static const struct word {
	const char *name, *value; /* what follows it, as shown */
	unsigned fits;
	word_reader *read;
} words[WORD_COUNT] = {
	[CRITICAL] = {"critical", "", JUDGED | OF(SHIFT), critical_read},
	[WATCH] = {"watch", "", JUDGED | OF(SHIFT) | OF(COUNT), watch_read},
	[WORSE_BY] = {"worse-by", " AMOUNT", JUDGED, worse_by_read},
	[HARM_AT] = {"harm-at", " AMOUNT", JUDGED, harm_at_read},
	[PSI] = {"psi", " NUMBER", OF(SHIFT), psi_read},
	[BOUNDS] = {"of", " LOW..HIGH", BOUNDED, bounds_read},
	[LOWER] = {"lower-is-worse", "", POSTED, lower_read},
};

static unsigned row_fits(const struct signal_row *row)
{
	return 1u << row->kind | (signal_takes_bounds(row) ? BOUNDED : 0) |
	       (signal_is_posted(row) ? POSTED : 0);
}

/* A word that means nothing, or nothing for this signal. */
static int word_refuse(const struct signal_row *row, const char *word, struct err *e)
{
	const char *fitting[WORD_COUNT + 1], *near;
	struct buf all = {0};
	char shown[64];
	int n = 0;

	for (int i = 0; i < WORD_COUNT; i++) {
		if (!(words[i].fits & row_fits(row)))
			continue;
		buf_addf(&all, "%s%s%s", n ? ", " : "", words[i].name, words[i].value);
		fitting[n++] = words[i].name;
	}
	fitting[n] = NULL;
	near = spec_nearest(word, fitting);
	err_set(e, ERR_INVALID, "where `%s` stands, expected %s%s%s%s%s", spec_quote(word, shown),
		row->kind == SIGNAL_COUNT ? "nothing but " : "any of ", buf_text(&all),
		row->kind == SIGNAL_COUNT ? ": it cannot decide" : "",
		near ? ", did you mean " : "", near ? near : "");
	buf_release(&all);
	return ERR_INVALID;
}

/* Reads one word and what belongs to it; *seen has a bit of each word so far. */
static int word_read(struct spec_signal *s, const struct signal_row *row, const char *word,
	char **rest, unsigned *seen, struct err *e)
{
	int i = 0;

	while (i < WORD_COUNT && strcmp(words[i].name, word) != 0)
		i++;
	if (i == WORD_COUNT || !(words[i].fits & row_fits(row)))
		return word_refuse(row, word, e);
	if (*seen & 1u << i)
		return err_set(e, ERR_INVALID, "where `%s` stands twice", word);
	*seen |= 1u << i;
	if (*seen & 1u << CRITICAL && *seen & 1u << WATCH)
		return err_set(e, ERR_INVALID, "expected either critical or watch");
	return words[i].read(s, row->kind, rest, e);
}

/* A margin as wide as all values that there are would be OK whatever happens. */
static int width_check(const struct spec_signal *s, const struct signal_row *row, struct err *e)
{
	double low, high;

	spec_signal_bounds(s, &low, &high);
	if (row->kind == SIGNAL_LATENCY || isnan(s->worse_by) || s->worse_by < high - low)
		return 0;
	return err_set(e, ERR_INVALID, "expected worse-by below %g, its values lie in %g..%g%s",
		high - low, low, high,
		signal_takes_bounds(row) ? " unless `of LOW..HIGH` says others" : "");
}

/* What the words say together. */
static int signal_check(const struct spec_signal *s, const struct signal_row *row, struct err *e)
{
	if (s->critical && signal_is_judged(row) && isnan(s->worse_by))
		return err_set(e, ERR_INVALID,
			"expected how much worse is too much, such as critical worse-by %s",
			example_of(row->kind));
	if (s->critical && row->kind == SIGNAL_SHIFT && isnan(s->psi))
		return err_set(e, ERR_INVALID,
			"expected how large a shift is too much, such as critical psi 0.2");
	if (s->worse_by <= 0)
		return err_set(e, ERR_INVALID, "expected worse-by above 0");
	if (!isnan(s->harm_at) && !(s->harm_at <= s->worse_by))
		return err_set(e, ERR_INVALID,
			"expected harm-at not above worse-by, which must stand beside it");
	if (strcmp(row->name, "absolute_error") == 0 && isnan(s->low))
		return err_set(e, ERR_INVALID,
			"which needs the bounds of score and outcome, such as of 0..60");
	return width_check(s, row, e);
}

static int signal_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	struct spec_signal *s =
		(void *)((char *)at - offsetof(struct spec_signal, text)); /* its member */
	const struct signal_row *row = signal_row_find(s->name);
	char *copy, *rest, *word;
	unsigned seen = 0;
	int rc = 0;

	must(row);
	s->worse_by = s->harm_at = s->psi = s->low = s->high = (double)NAN;
	if (text[strspn(text, " ")] == '\0')
		return err_set(e, ERR_INVALID, "expected a text such as %s",
			row->kind == SIGNAL_COUNT   ? "watch"
			: row->kind == SIGNAL_SHIFT ? "psi 0.2"
						    : "critical worse-by 0.5pp");
	if (!str_copy(at, f->size, text))
		return err_set(e, ERR_INVALID, "expected at most %zu bytes", f->size - 1);
	copy = rest = xstrdup(text);
	while (rc == 0 && (word = word_next(&rest)))
		rc = word_read(s, row, word, &rest, &seen, e);
	free(copy);
	if (!(seen & (1u << CRITICAL | 1u << WATCH)) && seen & 1u << WORSE_BY)
		s->critical = 1;
	return rc ? rc : signal_check(s, row, e);
}

static int signal_format(const struct spec_field *f, const void *at, struct buf *out)
{
	const char *text = at;

	(void)f;
	buf_adds(out, text);
	return text[0] != '\0';
}

#define NUMBER "[0-9.]+"
const struct spec_type type_signal = {signal_parse, signal_format,
	"^ *((critical|watch|lower-is-worse|(worse-by|harm-at) +" NUMBER "(pp|%)?|psi +" NUMBER
	"|of +-?" NUMBER "\\.\\.-?" NUMBER ")( +|$))+$",
	0};
