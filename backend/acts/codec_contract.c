/* codec_contract.c: see contract.h. */
#include "backend/acts/contract.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/json.h"

/* The value at a dotted path; numbers are indices of arrays. */
static const cJSON *value_at(const cJSON *v, const char *path)
{
	while (v && *path) {
		size_t n = strcspn(path, ".");
		char name[96];

		if (n >= sizeof name)
			return NULL;
		memcpy(name, path, n);
		name[n] = '\0';
		v = cJSON_IsArray(v) ? cJSON_GetArrayItem(v, (int)strtol(name, NULL, 10))
				     : cJSON_GetObjectItemCaseSensitive(v, name);
		path += n + (path[n] == '.');
	}
	return v;
}

static cJSON *parse(const struct contract_answer *a)
{
	return a->body && a->len ? cJSON_ParseWithLength(a->body, a->len) : NULL;
}

static double score_of(const struct spec_endpoint *ep, const cJSON *root)
{
	const cJSON *v = ep->score.kind == SOURCE_JSON ? value_at(root, ep->score.name) : NULL;

	return cJSON_IsNumber(v) && isfinite(v->valuedouble) ? v->valuedouble : (double)NAN;
}

double contract_score(const struct spec_endpoint *ep, const void *body, size_t n)
{
	struct contract_answer a = {200, body, n};
	cJSON *root = ep->score.kind == SOURCE_JSON ? parse(&a) : NULL;
	double score = score_of(ep, root);

	cJSON_Delete(root);
	return score;
}

static const char *type_name(const cJSON *v)
{
	return cJSON_IsNumber(v)   ? "number"
	       : cJSON_IsString(v) ? "string"
	       : cJSON_IsBool(v)   ? "true or false"
	       : cJSON_IsArray(v)  ? "list"
	       : cJSON_IsObject(v) ? "object"
				   : "null";
}

static int check_members(const cJSON *was, const cJSON *now, char *why, size_t size)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, was) {
		const cJSON *own = cJSON_GetObjectItemCaseSensitive(now, item->string);

		if (!own) {
			snprintf(why, size, "its answer has no `%.40s`", item->string);
			return 1;
		}
		/* A value that may be missing says nothing of its type. */
		if (cJSON_IsNull(item) || strcmp(type_name(item), type_name(own)) == 0)
			continue;
		snprintf(why, size, "`%.40s` of its answer is a %s and was a %s", item->string,
			type_name(own), type_name(item));
		return 1;
	}
	return 0;
}

static int check_bodies(
	const struct spec_endpoint *ep, const cJSON *was, const cJSON *now, char *why, size_t size)
{
	if (cJSON_IsObject(was) && !cJSON_IsObject(now)) {
		snprintf(why, size, "its answer is no JSON object");
		return 1;
	}
	if (isfinite(score_of(ep, was)) && !isfinite(score_of(ep, now))) {
		snprintf(why, size, "its answer has no score at `%s`", ep->score.name);
		return 1;
	}
	return cJSON_IsObject(was) ? check_members(was, now, why, size) : 0;
}

int contract_check(const struct spec_endpoint *ep, const struct contract_answer *was,
	const struct contract_answer *now, char *why, size_t size)
{
	cJSON *a, *b;
	int rc;

	if (now->status <= 0 || now->status / 100 != was->status / 100) {
		if (now->status <= 0)
			snprintf(why, size, "no answer");
		else
			snprintf(why, size, "status %d instead of %d", now->status, was->status);
		return 1;
	}
	a = parse(was);
	b = parse(now);
	rc = a ? check_bodies(ep, a, b, why, size) : 0;
	cJSON_Delete(a);
	cJSON_Delete(b);
	return rc;
}
