/* stage.c: see stage.h. Pure: rows in, rows out. */
#include "backend/acts/stage.h"

#include <stdio.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/base/xalloc.h"

static int segments_read(const char *text, struct stages *out, struct err *e)
{
	char copy[sizeof((struct rollout_row *)0)->segments], *rest = copy, *word;

	str_copy(copy, sizeof copy, text);
	while (*text && (word = strsep(&rest, ","))) {
		word += strspn(word, " ");
		if (out->segment_count == SPEC_SEGMENTS ||
			!str_copy(out->segments[out->segment_count++], NAME_SIZE, word))
			return err_set(e, ERR_INVALID, "the segments of the rollout are too many");
	}
	return 0;
}

int stages_read(const struct rollout_row *r, struct stages *out, struct err *e)
{
	int count;

	memset(out, 0, sizeof *out);
	count = *r->steps ? spec_steps_parse(r->steps, out->steps, e) : 0;
	if (count < 0)
		return count;
	out->step_count = count;
	return segments_read(r->segments, out, e);
}

int stages_count(const struct stages *s)
{
	return s->segment_count ? (s->segment_count + 1) * s->step_count : s->step_count;
}

const char *stages_segment(const struct stages *s, int i)
{
	int k = s->step_count ? i / s->step_count : 0;

	if (!s->segment_count)
		return "";
	return k < s->segment_count ? s->segments[k] : STAGE_OTHER;
}

const struct spec_step *stages_step(const struct stages *s, int i)
{
	static const struct spec_step none = {0, 0};

	if (i < 0 || i >= stages_count(s))
		return &none;
	return &s->steps[s->segment_count ? i % s->step_count : i];
}

int stages_base_bp(const struct stages *s, int i)
{
	return s->segment_count && i < s->segment_count * s->step_count
		       ? 0
		       : stages_step(s, i)->share_bp;
}

int stages_segment_bp(const struct stages *s, int i, const char *segment)
{
	for (int k = 0; k < s->segment_count; k++) {
		if (strcmp(s->segments[k], segment) != 0)
			continue;
		if (i < k * s->step_count)
			return -1;
		return i / s->step_count == k ? stages_step(s, i)->share_bp
					      : s->steps[s->step_count - 1].share_bp;
	}
	return -1;
}

int stages_next(const struct stages *s, const struct rollout_row *r)
{
	if (s->segment_count)
		return r->step + 1 < stages_count(s) ? r->step + 1 : -1;
	for (int i = 0; i < s->step_count; i++)
		if (s->steps[i].share_bp > r->share_bp)
			return i;
	return -1;
}

void stages_enter(const struct stages *s, int i, struct rollout_row *r, struct endpoint_row *row,
	struct override_row *out)
{
	const char *segment = stages_segment(s, i);

	r->step = i;
	r->share_bp = stages_step(s, i)->share_bp;
	row->share_bp = stages_base_bp(s, i);
	row->gate = 1;
	*out = (struct override_row){.rollout = r->id, .share_bp = r->share_bp};
	str_copy(out->endpoint, sizeof out->endpoint, r->endpoint);
	if (strcmp(segment, STAGE_OTHER) != 0)
		str_copy(out->segment, sizeof out->segment, segment);
}

void stage_describe(const struct rollout_row *r, char *out, size_t size)
{
	struct stages s;
	char share[16];

	share_format(r->share_bp, share, sizeof share);
	if (!r->segments[0] || stages_read(r, &s, NULL) < 0 || !r->share_bp)
		str_copy(out, size, share);
	else
		snprintf(out, size, "%s in segment %.60s", share, stages_segment(&s, r->step));
}
