/* ingest_ring.c: the bounded queue between the receiving thread and the engine's loop. Datagrams
 * lie whole and one after another in an arena; when it is full the newest is dropped. One pushing
 * and one popping thread only. */
#include "backend/ingest/ingest_priv.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

#define ALIGN 8u

struct slot {
	uint32_t size;	  /* bytes of the datagram, or SKIP: the rest of the arena is unused */
	uint32_t dropped; /* before this one */
};
#define SKIP UINT32_MAX

struct ring {
	char *arena; /* owned */
	size_t bytes;
	int64_t records;
	/* Positions only grow; modulo bytes they are places. */
	_Atomic size_t head, tail; /* next to write, next to read */
	_Atomic int64_t pushed, popped;
	uint32_t dropped; /* sender's: since the last push */
};

struct ring *ring_new(size_t bytes, int64_t records)
{
	struct ring *r = xcalloc(1, sizeof *r);

	must(bytes >= 2 * INGEST_DATAGRAM && records > 0);
	for (r->bytes = ALIGN; r->bytes < bytes;)
		r->bytes *= 2;
	r->arena = xcalloc(1, r->bytes);
	r->records = records;
	return r;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	free(r->arena);
	free(r);
}

static size_t slot_size(size_t n)
{
	return (sizeof(struct slot) + n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

int ring_push(struct ring *r, const void *data, size_t n)
{
	size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	size_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
	int64_t pushed = atomic_load_explicit(&r->pushed, memory_order_relaxed);
	size_t at = head & (r->bytes - 1), need = slot_size(n);
	size_t skip = r->bytes - at < need ? r->bytes - at : 0;
	struct slot s = {(uint32_t)n, r->dropped};

	must(n < INGEST_DATAGRAM + 1);
	if (pushed - atomic_load_explicit(&r->popped, memory_order_acquire) >= r->records ||
		r->bytes - (head - tail) < need + skip) {
		r->dropped++;
		return 0;
	}
	if (skip) {
		const struct slot end = {SKIP, 0};
		memcpy(r->arena + at, &end, sizeof end);
		at = 0;
	}
	memcpy(r->arena + at, &s, sizeof s);
	memcpy(r->arena + at + sizeof s, data, n);
	r->dropped = 0;
	atomic_store_explicit(&r->pushed, pushed + 1, memory_order_relaxed);
	atomic_store(&r->head, head + skip + need);
	return 1;
}

/* The slot at the reading end, beyond a skipped rest; NULL when the ring is empty. */
static const char *slot_oldest(struct ring *r, struct slot *s)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	size_t at = tail & (r->bytes - 1);

	if (atomic_load(&r->head) == tail)
		return NULL;
	memcpy(s, r->arena + at, sizeof *s);
	if (s->size == SKIP) {
		atomic_store_explicit(&r->tail, tail + r->bytes - at, memory_order_release);
		at = 0;
		memcpy(s, r->arena, sizeof *s);
	}
	return r->arena + at;
}

const char *ring_peek(struct ring *r, size_t *n, int64_t *dropped)
{
	struct slot s;
	const char *p = slot_oldest(r, &s);

	if (!p)
		return NULL;
	*n = s.size;
	*dropped = s.dropped;
	return p + sizeof s;
}

void ring_pop(struct ring *r)
{
	struct slot s;
	const char *p = slot_oldest(r, &s);
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	must(p != NULL);
	atomic_fetch_add_explicit(&r->popped, 1, memory_order_release);
	atomic_store_explicit(&r->tail, tail + slot_size(s.size), memory_order_release);
}
