/* json_number.c: finds one number in a JSON text without building a tree, for bodies that models
 * answer with. It checks only what it walks over. record_parse.c calls it for every record. */
#include "backend/ingest/ingest_priv.h"

#include <math.h>
#include <string.h>

#define DEPTH 64

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* Reads digits into *mantissa while they fit; the others only move the exponent. */
static const char *read_digits(
	const char *p, const char *end, uint64_t *mantissa, int *exponent, int step)
{
	for (; p < end && is_digit(*p); p++) {
		if (*mantissa < (UINT64_MAX - 9) / 10) {
			*mantissa = *mantissa * 10 + (uint64_t)(*p - '0');
			*exponent += step;
		} else {
			*exponent += step + 1;
		}
	}
	return p;
}

static const char *read_exponent(const char *p, const char *end, int *exponent)
{
	int minus, value = 0;

	if (p == end || (*p != 'e' && *p != 'E'))
		return p;
	p++;
	minus = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (p == end || !is_digit(*p))
		return NULL;
	for (; p < end && is_digit(*p); p++)
		value = value < 100000 ? value * 10 + (*p - '0') : value;
	*exponent += minus ? -value : value;
	return p;
}

int number_parse(const char *text, size_t n, double *out)
{
	const char *p = text, *end = text + n, *first;
	uint64_t mantissa = 0;
	int exponent = 0, minus = n > 0 && *text == '-';
	double v;

	p += minus;
	first = p;
	p = read_digits(p, end, &mantissa, &exponent, 0);
	if (p == first || (*first == '0' && p - first > 1))
		return 0;
	if (p < end && *p == '.') {
		first = ++p;
		p = read_digits(p, end, &mantissa, &exponent, -1);
		if (p == first)
			return 0;
	}
	p = read_exponent(p, end, &exponent);
	if (p != end)
		return 0;
	/* In two steps, as 10^-320 alone would be cut to few digits. */
	v = (double)mantissa;
	if (mantissa && exponent < -300) {
		v *= 1e-300;
		exponent += 300;
	}
	if (mantissa && exponent < 0)
		v /= pow(10, -exponent);
	else if (mantissa)
		v *= pow(10, exponent);
	if (!isfinite(v))
		return 0;
	*out = minus ? -v : v;
	return 1;
}

/* The byte after the closing quote of the string that begins at p. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end;) {
		const char *quote = memchr(p, '"', (size_t)(end - p));
		const char *escape = quote ? memchr(p, '\\', (size_t)(quote - p)) : NULL;
		if (!quote)
			return NULL;
		if (!escape)
			return quote + 1;
		if (end - escape < 2)
			return NULL;
		p = escape + 2;
	}
	return NULL;
}

static const char *skip_scalar(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && (is_digit(*p) || (*p >= 'a' && *p <= 'z') || *p == 'E' || *p == '+' ||
				  *p == '-' || *p == '.'))
		p++;
	return p == start ? NULL : p;
}

const char *json_skip_value(const char *p, const char *end)
{
	int depth = 0;

	while (p && p < end) {
		if (*p == '"') {
			p = skip_string(p, end);
		} else if (*p == '{' || *p == '[') {
			if (++depth > DEPTH)
				return NULL;
			p++;
		} else if (*p == '}' || *p == ']') {
			if (--depth < 0)
				return NULL;
			p++;
		} else if (depth && (*p == ',' || *p == ':')) {
			p++;
		} else {
			p = skip_scalar(p, end);
		}
		if (p && depth == 0)
			return p;
		p = p ? skip_space(p, end) : NULL;
	}
	return NULL;
}

/* The value of the member `name` of the object at p. */
static const char *find_member(const char *p, const char *end, const char *name, size_t n)
{
	for (p = skip_space(p + 1, end); p < end && *p == '"'; p = skip_space(p + 1, end)) {
		const char *key = p + 1, *after = skip_string(p, end);
		if (!after)
			return NULL;
		p = skip_space(after, end);
		if (p == end || *p != ':')
			return NULL;
		p = skip_space(p + 1, end);
		if ((size_t)(after - 1 - key) == n && memcmp(key, name, n) == 0)
			return p;
		p = json_skip_value(p, end);
		if (!p)
			return NULL;
		p = skip_space(p, end);
		if (p == end || *p != ',')
			return NULL;
	}
	return NULL;
}

/* The element of the array at p whose number is written in `index`. */
static const char *find_element(const char *p, const char *end, const char *index, size_t n)
{
	long at = 0;

	if (n == 0 || n > 6)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(index[i]))
			return NULL;
		at = at * 10 + (index[i] - '0');
	}
	for (p = skip_space(p + 1, end); at > 0; at--) {
		p = json_skip_value(p, end);
		p = p ? skip_space(p, end) : NULL;
		if (!p || p == end || *p != ',')
			return NULL;
		p = skip_space(p + 1, end);
	}
	return p;
}

int json_number_at(const char *text, size_t n, const char *path, double *out)
{
	const char *end = text + n, *p = skip_space(text, end), *stop;

	path += strcmp(path, ".") == 0; /* all of it */
	while (*path) {
		size_t len = strcspn(path, ".");
		if (!p || p == end)
			return 0;
		if (*p == '{')
			p = find_member(p, end, path, len);
		else if (*p == '[')
			p = find_element(p, end, path, len);
		else
			return 0;
		path += len + (path[len] == '.');
	}
	if (!p || p == end)
		return 0;
	stop = json_skip_value(p, end);
	return stop && *p != '"' && number_parse(p, (size_t)(stop - p), out);
}
