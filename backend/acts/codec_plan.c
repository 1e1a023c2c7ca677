/* codec_plan.c: compares two configurations given as JSON, value by value, into plan rows. */
#include "backend/acts/plan_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/digest.h"
#include "backend/base/json.h"
#include "backend/base/xalloc.h"

struct plan_row *plan_row_add(struct spec_plan *plan, const char *path)
{
	struct plan_row *r;

	plan->rows = xrealloc(plan->rows, (size_t)plan->row_count + 1, sizeof *plan->rows);
	r = &plan->rows[plan->row_count++];
	*r = (struct plan_row){.mark = '='};
	str_copy(r->path, sizeof r->path, path);
	return r;
}

static void value_text(const cJSON *v, char *out, size_t size)
{
	char *text, hex[DIGEST_HEX];

	/* Lines, such as certificates: told apart by all of them, and long to read. */
	if (cJSON_IsString(v) && strchr(v->valuestring, '\n')) {
		digest_hex(v->valuestring, strlen(v->valuestring), hex);
		snprintf(out, size, "a text of %zu bytes, %.12s", strlen(v->valuestring), hex);
		return;
	}
	if (cJSON_IsString(v)) {
		str_copy(out, size, v->valuestring);
		return;
	}
	text = v ? json_format(v) : xstrdup("");
	str_copy(out, size, text);
	free(text);
}

static void compare(struct spec_plan *plan, const char *path, const cJSON *want, const cJSON *have)
{
	struct plan_row *r;
	const cJSON *v;

	if ((cJSON_IsObject(want) || !want) && (cJSON_IsObject(have) || !have)) {
		cJSON_ArrayForEach(v, want) {
			char *deeper = xasprintf("%s.%s", path, v->string);
			compare(plan, deeper, v, json_get(have, v->string));
			free(deeper);
		}
		cJSON_ArrayForEach(v, have) {
			char *deeper = xasprintf("%s.%s", path, v->string);
			if (!json_get(want, v->string))
				compare(plan, deeper, NULL, v);
			free(deeper);
		}
		return;
	}
	r = plan_row_add(plan, path);
	value_text(want, r->desired, sizeof r->desired);
	value_text(have, r->recorded, sizeof r->recorded);
	r->mark = !have ? '+' : !want ? '-' : strcmp(r->desired, r->recorded) ? '~' : '=';
}

void plan_compare(struct spec_plan *plan, const char *path, const char *want, const char *have)
{
	cJSON *w = want ? cJSON_Parse(want) : NULL;
	cJSON *h = have ? cJSON_Parse(have) : NULL;

	/* What the path says already, and where it stood in the file, are no values of it. */
	cJSON_DeleteItemFromObject(w, "name");
	cJSON_DeleteItemFromObject(h, "name");
	cJSON_DeleteItemFromObject(w, "line");
	cJSON_DeleteItemFromObject(h, "line");
	if (w || h)
		compare(plan, path, w, h);
	cJSON_Delete(w);
	cJSON_Delete(h);
}
