/* ingest_gaps.c: how many numbers of the gateway's counters never arrived. Pure: it is told what
 * came and when. Each stream keeps the last 512 numbers open, as two threads of the gateway send
 * a little out of order; a number is settled when it leaves that window, or after a second. */
#include "backend/ingest/ingest_priv.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

#define REORDER	  512
#define STREAMS	  256 /* old processes are forgotten by least recent use */
#define SETTLE_US 1000000
#define STEP_BACK 4096	    /* further back than this is a new process with an old pid */
#define STEP_ON	  100000000 /* further on than this as well */
/* Numbers that came twice before the one that they replace is missed: at most one per thread. */
#define CREDIT 64

struct stream {
	int64_t pid;
	uint64_t key;
	int64_t start;	    /* numbers before it are none of our business */
	int64_t floor, top; /* [floor, top] is open; all before floor is settled */
	int64_t balance;    /* settled numbers less arrivals */
	int64_t newest_us;
	int64_t mark, mark_us; /* top as it was at mark_us */
	unsigned char count[REORDER];
};

struct gaps {
	gaps_is_fresh is_fresh;
	void *arg;			 /* borrowed */
	struct stream *streams[STREAMS]; /* owned; most recently used first */
	int stream_count;
	int64_t lost_before; /* by streams that are forgotten */
	int64_t excused;
};

struct gaps *gaps_new(gaps_is_fresh fn, void *arg)
{
	struct gaps *g = xcalloc(1, sizeof *g);

	g->is_fresh = fn;
	g->arg = arg;
	return g;
}

void gaps_free(struct gaps *g)
{
	for (int i = 0; g && i < g->stream_count; i++)
		free(g->streams[i]);
	free(g);
}

/* FNV-1a; a clash would only mix the counts of two endpoints of one process. */
static uint64_t key_of(const char *text)
{
	uint64_t h = 14695981039346656037u;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211u;
	return h;
}

static int64_t missing_open(const struct stream *s)
{
	int64_t missing = s->top - s->floor + 1;

	for (int64_t n = s->floor; n <= s->top; n++)
		missing -= s->count[n % REORDER];
	return missing;
}

static int64_t stream_lost(const struct stream *s, int all)
{
	int64_t lost = s->balance + (all ? missing_open(s) : 0);

	return lost > 0 ? lost : 0;
}

static void settle_until(struct stream *s, int64_t end)
{
	for (; s->floor < end; s->floor++) {
		s->balance += 1 - s->count[s->floor % REORDER];
		s->count[s->floor % REORDER] = 0;
		if (s->balance < -CREDIT)
			s->balance = -CREDIT;
	}
}

static void stream_begin(struct stream *s, int64_t first, int64_t now_us)
{
	memset(s->count, 0, sizeof s->count);
	s->start = s->floor = s->mark = first;
	s->top = first - 1;
	s->balance = 0;
	s->mark_us = now_us;
}

static struct stream *stream_new(struct gaps *g, int64_t pid, uint64_t key)
{
	struct stream *s;

	if (g->stream_count == STREAMS) {
		s = g->streams[--g->stream_count];
		g->lost_before += stream_lost(s, 1);
		free(s);
	}
	s = xcalloc(1, sizeof *s);
	s->pid = pid;
	s->key = key;
	g->stream_count++;
	return s;
}

/* Finds or makes the stream and moves it to the front; *known tells which. */
static struct stream *stream_get(struct gaps *g, int64_t pid, uint64_t key, int *known)
{
	struct stream *s = NULL;
	int i = 0;

	while (i < g->stream_count && (g->streams[i]->pid != pid || g->streams[i]->key != key))
		i++;
	*known = i < g->stream_count;
	if (*known) {
		s = g->streams[i];
	} else {
		s = stream_new(g, pid, key);
		i = g->stream_count - 1;
	}
	memmove(&g->streams[1], &g->streams[0], (size_t)i * sizeof g->streams[0]);
	g->streams[0] = s;
	return s;
}

static void stream_restart(struct gaps *g, struct stream *s, int64_t first, int64_t now_us)
{
	g->lost_before += stream_lost(s, 1);
	stream_begin(s, first, now_us);
}

/* Opens the window up to n. Numbers that never were in it are missing at once. */
static void stream_advance(struct stream *s, int64_t n)
{
	settle_until(s, n - REORDER + 1 < s->top + 1 ? n - REORDER + 1 : s->top + 1);
	if (n - REORDER + 1 > s->floor) {
		s->balance += n - REORDER + 1 - s->floor;
		s->floor = n - REORDER + 1;
	}
	s->top = n;
}

void gaps_add(struct gaps *g, int64_t pid, const char *stream, int64_t seq, int64_t now_us)
{
	int known;
	struct stream *s = stream_get(g, pid, key_of(stream), &known);
	int64_t n, step;

	if (!known)
		stream_begin(s, seq < STEP_ON && g->is_fresh(g->arg, pid) ? 0 : seq, now_us);
	/* The gateway's counter has 32 bits and wraps; ours goes on. */
	step = (int32_t)((uint32_t)seq - (uint32_t)s->top);
	n = s->top + step;
	if (step > STEP_ON || step < -STEP_BACK) {
		stream_restart(g, s, seq, now_us);
		n = seq;
	}
	s->newest_us = now_us;
	if (n > s->top)
		stream_advance(s, n);
	if (n >= s->floor) {
		if (s->count[n % REORDER] < UINT8_MAX)
			s->count[n % REORDER]++;
	} else if (n >= s->start && s->balance > -CREDIT) {
		s->balance--;
	}
	if (now_us - s->mark_us >= SETTLE_US) {
		settle_until(s, s->mark);
		s->mark = s->top + 1;
		s->mark_us = now_us;
	}
}

void gaps_excuse(struct gaps *g, int64_t n)
{
	g->excused += n;
}

int64_t gaps_lost(const struct gaps *g, int64_t now_us)
{
	int64_t lost = g->lost_before - g->excused;

	for (int i = 0; i < g->stream_count; i++) {
		const struct stream *s = g->streams[i];
		lost += stream_lost(s, now_us - s->newest_us >= SETTLE_US);
	}
	return lost > 0 ? lost : 0;
}
