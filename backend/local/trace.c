/* trace.c: reads a line of a trace: a flat JSON object, scanned once. See trace.h. */
#include "backend/local/trace.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 32

enum member { M_K, M_T, M_ARM, M_W, M_ERR, M_LAT, M_SCORE, M_Y, M_COUNT };

static const char *const names[M_COUNT] = {"k", "t", "arm", "w", "err", "lat", "score", "y"};

struct value {
	int is_given, is_text;
	double number;
	char text[16];
	long column;
};

struct scan {
	const char *start, *at, *end;
	struct err *e;
};

static int refuse(struct scan *s, const char *expected)
{
	return err_set(s->e, ERR_INVALID, "column %ld: expected %s", (long)(s->at - s->start) + 1,
		expected);
}

static void skip_space(struct scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\r'))
		s->at++;
}

/* One character, with the space around it. */
static int take(struct scan *s, char c)
{
	skip_space(s);
	if (s->at == s->end || *s->at != c)
		return 0;
	s->at++;
	skip_space(s);
	return 1;
}

/* A string into out, cut to fit; an escape stands for a character that no name of ours has. */
static int read_text(struct scan *s, char *out, size_t size)
{
	size_t n = 0;

	if (s->at == s->end || *s->at != '"')
		return refuse(s, "a string in quotes");
	for (s->at++; s->at < s->end && *s->at != '"'; s->at++) {
		char c = *s->at;

		if ((unsigned char)c < ' ')
			return refuse(s, "no control character in a string");
		if (c == '\\' && ++s->at == s->end)
			break;
		if (n + 1 < size)
			out[n++] = c == '\\' ? '?' : c;
	}
	out[n] = '\0';
	if (s->at == s->end)
		return refuse(s, "the quote that ends the string");
	s->at++;
	return 0;
}

/* Whether the word stands here; then it is passed. */
static int take_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
		return 0;
	s->at += n;
	return 1;
}

static int read_number(struct scan *s, double *out)
{
	static locale_t plain; /* the decimal point, whatever the language */
	char digits[64], *stop;
	size_t n = 0;

	while (s->at + n < s->end && s->at[n] && strchr("+-.0123456789eE", s->at[n]))
		n++;
	if (!n || n >= sizeof digits || *s->at == '+' || *s->at == '.')
		return refuse(s, "a value");
	memcpy(digits, s->at, n);
	digits[n] = '\0';
	if (!plain)
		plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	*out = plain ? strtod_l(digits, &stop, plain) : strtod(digits, &stop);
	if (*stop)
		return refuse(s, "a number");
	s->at += n;
	return 0;
}

/* An array or object that is of no use here. */
static int skip_nested(struct scan *s)
{
	char dummy[4];
	int depth = 0;

	do {
		if (s->at == s->end)
			return refuse(s, "the bracket that closes the value");
		if (*s->at == '"') {
			if (read_text(s, dummy, sizeof dummy))
				return ERR_INVALID;
			continue;
		}
		if (*s->at == '{' || *s->at == '[')
			depth++;
		depth -= *s->at == '}' || *s->at == ']';
		if (depth > DEPTH)
			return refuse(s, "a value that is nested less deeply");
		s->at++;
	} while (depth > 0);
	return 0;
}

static int read_value(struct scan *s, struct value *v)
{
	*v = (struct value){.is_given = 1, .column = (long)(s->at - s->start) + 1};
	if (s->at < s->end && *s->at == '"') {
		v->is_text = 1;
		return read_text(s, v->text, sizeof v->text);
	}
	if (s->at < s->end && (*s->at == '{' || *s->at == '[')) {
		v->is_text = 1;
		return skip_nested(s);
	}
	if (take_word(s, "null") || take_word(s, "NaN"))
		v->number = NAN;
	else if (take_word(s, "-Infinity"))
		v->number = -INFINITY;
	else if (take_word(s, "Infinity"))
		v->number = INFINITY;
	else if (take_word(s, "true"))
		v->number = 1;
	else if (take_word(s, "false"))
		v->number = 0;
	else
		return read_number(s, &v->number);
	return 0;
}

static int read_members(struct scan *s, struct value v[M_COUNT])
{
	char name[16];
	int i;

	if (!take(s, '{'))
		return refuse(s, "{ : a line is one JSON object");
	if (take(s, '}'))
		return s->at == s->end ? 0 : refuse(s, "the end of the line");
	do {
		struct value other = {0};

		if (read_text(s, name, sizeof name))
			return ERR_INVALID;
		if (!take(s, ':'))
			return refuse(s, ": after a name");
		for (i = 0; i < M_COUNT && strcmp(name, names[i]) != 0; i++)
			;
		if (read_value(s, i < M_COUNT ? &v[i] : &other))
			return ERR_INVALID;
	} while (take(s, ','));
	if (!take(s, '}'))
		return refuse(s, ", or } after a value");
	return s->at == s->end ? 0 : refuse(s, "the end of the line");
}

static int need_number(const struct value *v, const char *name, double least, double most,
	double *out, struct err *e)
{
	if (!v->is_given)
		return err_set(e, ERR_INVALID, "there is no \"%s\"", name);
	if (v->is_text || !(v->number >= least && v->number <= most))
		return err_set(e, ERR_INVALID, "column %ld: \"%s\" must be a number from %g to %g",
			v->column, name, least, most);
	*out = v->number;
	return 0;
}

/* A number that may be missing: NAN then. */
static int may_number(const struct value *v, const char *name, double *out, struct err *e)
{
	*out = v->is_given ? v->number : (double)NAN;
	if (v->is_text)
		return err_set(
			e, ERR_INVALID, "column %ld: \"%s\" must be a number", v->column, name);
	return 0;
}

static int need_word(const struct value *v, const char *name, const char *no, const char *yes,
	int *out, struct err *e)
{
	if (!v->is_given)
		return err_set(e, ERR_INVALID, "there is no \"%s\"", name);
	*out = strcmp(v->text, yes) == 0;
	if (!v->is_text || (!*out && strcmp(v->text, no) != 0))
		return err_set(e, ERR_INVALID, "column %ld: \"%s\" must be \"%s\" or \"%s\"",
			v->column, name, no, yes);
	return 0;
}

static int read_request(const struct value v[M_COUNT], struct trace_line *out, struct err *e)
{
	double failed;

	if (need_number(&v[M_ERR], "err", 0, 1, &failed, e) ||
		may_number(&v[M_LAT], "lat", &out->latency_s, e) ||
		may_number(&v[M_SCORE], "score", &out->score, e))
		return ERR_INVALID;
	if (failed != 0 && failed != 1)
		return err_set(
			e, ERR_INVALID, "column %ld: \"err\" must be 0 or 1", v[M_ERR].column);
	if (out->latency_s < 0)
		return err_set(e, ERR_INVALID, "column %ld: \"lat\" is below 0", v[M_LAT].column);
	out->failed = failed == 1;
	if (out->failed && isnan(out->latency_s))
		out->latency_s = INFINITY;
	return 0;
}

static int read_outcome(const struct value v[M_COUNT], struct trace_line *out, struct err *e)
{
	if (may_number(&v[M_SCORE], "score", &out->score, e) ||
		may_number(&v[M_Y], "y", &out->y, e))
		return ERR_INVALID;
	if (!isnan(out->y) && out->y != 0 && out->y != 1)
		return err_set(e, ERR_INVALID, "column %ld: \"y\" must be 0 or 1", v[M_Y].column);
	return 0;
}

int trace_parse(const char *text, size_t n, struct trace_line *out, struct err *e)
{
	struct value v[M_COUNT] = {0};
	struct scan s = {text, text, text + n, e};
	struct trace_line line = {.latency_s = NAN, .score = NAN, .y = NAN};

	if (read_members(&s, v) || need_word(&v[M_K], "k", "req", "label", &line.is_outcome, e) ||
		need_number(&v[M_T], "t", -1e15, 1e15, &line.t, e) ||
		need_word(&v[M_ARM], "arm", "stable", "canary", &line.candidate, e) ||
		need_number(&v[M_W], "w", 0, 1, &line.w, e) ||
		(line.is_outcome ? read_outcome(v, &line, e) : read_request(v, &line, e)))
		return ERR_INVALID;
	*out = line;
	return 0;
}
