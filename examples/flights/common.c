/*
 * common.c: what every program of this example needs: errors that end it
 * with a sentence, allocation, strict numbers and a seeded hash.
 */
#include "common.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say(const char *fmt, va_list ap)
{
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	exit(1);
}

void die_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	exit(2);
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (p == NULL)
		die("out of memory");
	return p;
}

void *xrealloc(void *old, size_t n, size_t size)
{
	void *p = reallocarray(old, n ? n : 1, size ? size : 1);

	if (p == NULL)
		die("out of memory");
	return p;
}

int parse_number(const char *text, double min, double max, double *out)
{
	char *end;
	double v;

	/* strtod also takes "inf", "0x10" and leading blanks: we do not */
	if (*text == '\0' || strspn(text, "0123456789+-.eE") != strlen(text))
		return 0;
	v = strtod(text, &end);
	if (*end != '\0' || !isfinite(v) || v < min || v > max)
		return 0;
	*out = v;
	return 1;
}

FILE *open_file(const char *path, const char *mode)
{
	FILE *f = fopen(path, mode);

	if (f == NULL)
		die("cannot open %s: %s", path, strerror(errno));
	return f;
}

void close_written(FILE *f, const char *path)
{
	int bad = ferror(f);

	if (fclose(f) != 0 || bad)
		die("cannot write %s: %s", path, strerror(errno));
}

uint64_t hash_bytes(uint64_t seed, const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t h = 0xcbf29ce484222325u ^ (seed * 0x9e3779b97f4a7c15u);

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	/* FNV's high bits hardly move over short keys: murmur3's last step */
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53u;
	h ^= h >> 33;
	return h;
}

double hash_share(uint64_t seed, const void *data, size_t len)
{
	return (double)(hash_bytes(seed, data, len) >> 11) / 9007199254740992.0;
}
