/* key_filter.c: the keys that were counted. See key_filter.h. */
#include "backend/judge/key_filter.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/judge/visit.h"

#define MAGIC	     0x314b4c4850ull /* "PHLK1" */
#define ON_CANDIDATE 255u
#define STATE	     255u

/* Spreads the key's bits, for sampling and for the slot: two halves that share nothing. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* 56 bits, never 0. */
static uint64_t fingerprint(uint64_t key)
{
	uint64_t f = mix(key) >> 8;

	return f ? f : 1;
}

static int in_sample(const struct key_filter *f, uint64_t print)
{
	uint64_t bits = mix(print);

	return (bits & ((1ull << f->sample_bits) - 1)) == 0;
}

static uint64_t *slot_find(const struct key_filter *f, uint64_t print)
{
	uint32_t at = (uint32_t)print & (f->capacity - 1);

	while (f->slots[at] && f->slots[at] >> 8 != print)
		at = (at + 1) & (f->capacity - 1);
	return &f->slots[at];
}

void key_filter_init(struct key_filter *f, uint32_t slots)
{
	must(slots >= 64 && (slots & (slots - 1)) == 0);
	*f = (struct key_filter){.capacity = slots};
	f->slots = xcalloc(slots, sizeof *f->slots);
	f->changes = xcalloc(KEY_FILTER_CHANGES, sizeof *f->changes);
}

void key_filter_release(struct key_filter *f)
{
	xfree(f->slots);
	xfree(f->changes);
	f->capacity = f->used = 0;
}

/* Drops the keys that no longer count until there is room. */
static void make_room(struct key_filter *f)
{
	while (f->used >= f->capacity / 4 * 3) {
		uint64_t *old = f->slots;

		f->sample_bits++;
		f->slots = xcalloc(f->capacity, sizeof *f->slots);
		f->used = 0;
		for (uint32_t i = 0; i < f->capacity; i++) {
			if (!old[i] || !in_sample(f, old[i] >> 8))
				continue;
			*slot_find(f, old[i] >> 8) = old[i];
			f->used++;
		}
		free(old);
		f->changes_lost = 1; /* what was dropped is no change of a slot */
	}
}

static void slot_write(struct key_filter *f, uint64_t *slot, uint64_t value)
{
	f->used += !*slot;
	*slot = value;
	if (f->change_count < KEY_FILTER_CHANGES)
		f->changes[f->change_count++] = value;
	else
		f->changes_lost = 1;
}

/* The number of a share; the last one stands for all when a rollout has had too many. */
static int share_number(struct key_filter *f, double share)
{
	for (int i = 0; i < f->share_count; i++)
		if (f->shares[i] == share)
			return i;
	if (f->share_count == KEY_FILTER_SHARES)
		return -1;
	f->shares[f->share_count] = share;
	f->changes_lost = 1;
	return f->share_count++;
}

double key_filter_see(struct key_filter *f, uint64_t key, double share, int candidate)
{
	uint64_t print = fingerprint(key), *slot, state;
	int number = share_number(f, share);
	double seen_at, w = share;

	if (number < 0 || !in_sample(f, print))
		return 0;
	slot = slot_find(f, print);
	state = *slot & STATE;
	if (*slot) {
		if (state == ON_CANDIDATE)
			return 0;
		seen_at = f->shares[state];
		if (share <= seen_at)
			return 0;
		w = (share - seen_at) / (1 - seen_at);
	}
	slot_write(f, slot, print << 8 | (candidate ? ON_CANDIDATE : (uint64_t)number));
	make_room(f);
	return w;
}

int key_filter_take_changes(struct key_filter *f, uint64_t *out)
{
	int n = f->changes_lost ? -1 : f->change_count;

	if (n > 0)
		memcpy(out, f->changes, (size_t)n * sizeof *out);
	f->change_count = f->changes_lost = 0;
	return n;
}

static void walk(struct visit *v, struct key_filter *f)
{
	uint64_t magic = MAGIC;

	visit_u64(v, &magic);
	v->failed |= magic != MAGIC;
	visit_u32(v, &f->capacity);
	visit_u32(v, &f->used);
	visit_u32(v, &f->sample_bits);
	visit_int(v, &f->share_count);
	v->failed |= f->share_count < 0 || f->share_count > KEY_FILTER_SHARES;
	if (!v->failed)
		visit_doubles(v, f->shares, f->share_count);
}

void key_filter_save(const struct key_filter *f, struct buf *out)
{
	struct key_filter copy = *f;
	struct visit v = {.out = out};
	size_t start = out->len;
	uint64_t sum;

	walk(&v, &copy);
	for (uint32_t i = 0; i < f->capacity; i++)
		if (f->slots[i])
			visit_u64(&v, &f->slots[i]);
	sum = visit_sum(out->data + start, out->len - start);
	visit_u64(&v, &sum);
}

int key_filter_load(struct key_filter *f, const void *data, size_t n, struct err *e)
{
	struct visit v = {.at = data, .left = n};
	struct key_filter loaded = {0};
	uint64_t value;

	walk(&v, &loaded);
	if (v.failed || loaded.used >= loaded.capacity || v.left != ((size_t)loaded.used + 1) * 8 ||
		loaded.sample_bits > 56)
		return err_set(e, ERR_INVALID, "the saved keys of a rollout are damaged");
	v.at += v.left - 8;
	v.left = 8;
	visit_u64(&v, &value);
	if (value != visit_sum(data, n - 8))
		return err_set(e, ERR_INVALID, "the saved keys of a rollout are damaged");
	if (loaded.capacity != f->capacity)
		return err_set(e, ERR_INVALID, "the saved keys are for %u slots, not %u",
			loaded.capacity, f->capacity);
	memset(f->slots, 0, f->capacity * sizeof *f->slots);
	loaded.slots = f->slots;
	loaded.changes = f->changes;
	*f = loaded;
	v = (struct visit){.at = (const unsigned char *)data + n - 8 * ((size_t)f->used + 1),
		.left = 8 * (size_t)f->used};
	for (uint32_t i = 0; i < loaded.used; i++) {
		visit_u64(&v, &value);
		*slot_find(f, value >> 8) = value;
	}
	return 0;
}

void key_filter_apply(struct key_filter *f, const uint64_t *changes, int count)
{
	for (int i = 0; i < count; i++) {
		uint64_t *slot = slot_find(f, changes[i] >> 8);

		f->used += !*slot;
		*slot = changes[i];
		make_room(f);
	}
}
