/* haproxy_rows.c: names and map rows of the gateway as text and back. The reader takes any text:
 * what HAProxy holds may have been changed by somebody's hand. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/adapters/haproxy_config.h"
#include "backend/base/xalloc.h"

#define ROW_FIELDS 8

static int all_of(const char *s, size_t least, size_t most, const char *others)
{
	size_t n = strlen(s);

	if (n < least || n > most)
		return 0;
	for (; *s; s++)
		if (!isascii((unsigned char)*s) ||
			(!isalnum((unsigned char)*s) && !strchr(others, *s)))
			return 0;
	return 1;
}

int haproxy_segment_valid(const char *segment)
{
	return all_of(segment, 1, 60, "_.:-");
}

int haproxy_endpoint_valid(const char *id)
{
	const char *slash = strchr(id, '/');

	return slash && slash != id && slash[1] && !strchr(slash + 1, '/') &&
	       all_of(id, 3, 129, "._-/");
}

void haproxy_backend_name(const char *endpoint, int slot, char out[HAPROXY_BACKEND_SIZE])
{
	char *slash;

	snprintf(out, HAPROXY_BACKEND_SIZE, "%.129s:%d", endpoint, slot);
	slash = strchr(out, '/');
	if (slash)
		*slash = ':';
}

int haproxy_backend_slot(const char *endpoint, const char *backend)
{
	char want[HAPROXY_BACKEND_SIZE];
	char *colon, *end;
	long slot;

	haproxy_backend_name(endpoint, 0, want);
	colon = strrchr(want, ':');
	colon[1] = '\0';
	if (strncmp(want, backend, strlen(want)) != 0)
		return -1;
	backend += strlen(want);
	if (!isdigit((unsigned char)*backend))
		return -1;
	slot = strtol(backend, &end, 10);
	return *end == '\0' && slot < 1000 ? (int)slot : -1;
}

static int route_valid(const struct gateway_route *r, struct err *e)
{
	if (r->share_bp < 0 || r->share_bp > 10000)
		return err_set(e, ERR_INVALID, "a share of %d is not within 0..10000", r->share_bp);
	if (!all_of(r->stable_version, 0, 63, "._-+") ||
		!all_of(r->candidate_version, 0, 63, "._-+"))
		return err_set(e, ERR_INVALID, "a version's name is of letters, digits and ._-+");
	return 0;
}

int haproxy_route_format(const char *endpoint, const struct gateway_route *r,
	char out[HAPROXY_ROW_SIZE], struct err *e)
{
	char stable[HAPROXY_BACKEND_SIZE] = "-", candidate[HAPROXY_BACKEND_SIZE] = "-";

	if (!haproxy_endpoint_valid(endpoint))
		return err_set(e, ERR_INVALID, "\"%s\" is not an endpoint PROJECT/NAME", endpoint);
	if (route_valid(r, e) < 0)
		return ERR_INVALID;
	if (r->stable_slot >= 0)
		haproxy_backend_name(endpoint, r->stable_slot, stable);
	if (r->candidate_slot >= 0)
		haproxy_backend_name(endpoint, r->candidate_slot, candidate);
	snprintf(out, HAPROXY_ROW_SIZE, "%d|%s|%s|%d|%lld|%d|%s|%s", r->share_bp, stable, candidate,
		r->gate ? 1 : 0, (long long)r->rollout, r->overrides ? 1 : 0,
		r->stable_version[0] ? r->stable_version : "-",
		r->candidate_version[0] ? r->candidate_version : "-");
	return 0;
}

static int number_of(const char *s, int64_t least, int64_t most, int64_t *out)
{
	char *end;
	long long v = strtoll(s, &end, 10);

	if (!*s || *end || v < least || v > most)
		return -1;
	*out = v;
	return 0;
}

static int slot_of(const char *endpoint, const char *backend, int *out)
{
	*out = -1;
	if (strcmp(backend, "-") == 0)
		return 0;
	*out = haproxy_backend_slot(endpoint, backend);
	return *out < 0 ? -1 : 0;
}

int haproxy_route_parse(
	const char *endpoint, const char *row, struct gateway_route *out, struct err *e)
{
	char text[HAPROXY_ROW_SIZE], *field[ROW_FIELDS] = {0}, *rest = text;
	struct gateway_route r = {0};
	int64_t share, gate, overrides;
	int n = 0;

	if (!str_copy(text, sizeof text, row))
		goto bad;
	while (n < ROW_FIELDS && rest)
		field[n++] = strsep(&rest, "|");
	if (n != ROW_FIELDS || rest)
		goto bad;
	if (number_of(field[0], 0, 10000, &share) < 0 || number_of(field[3], 0, 1, &gate) < 0 ||
		number_of(field[4], 0, INT64_MAX, &r.rollout) < 0 ||
		number_of(field[5], 0, 1, &overrides) < 0 ||
		slot_of(endpoint, field[1], &r.stable_slot) < 0 ||
		slot_of(endpoint, field[2], &r.candidate_slot) < 0)
		goto bad;
	r.share_bp = (int)share;
	r.gate = (int)gate;
	r.overrides = (int)overrides;
	str_copy(r.stable_version, sizeof r.stable_version, strcmp(field[6], "-") ? field[6] : "");
	str_copy(r.candidate_version, sizeof r.candidate_version,
		strcmp(field[7], "-") ? field[7] : "");
	*out = r;
	return 0;
bad:
	err_set(e, ERR_GATEWAY, "the gateway's row of %s is not one of ours: \"%.200s\"", endpoint,
		row);
	err_hint(e, "somebody changed it by hand; any move of this endpoint writes it anew");
	return ERR_GATEWAY;
}

void haproxy_override_key(
	const char *endpoint, int64_t rollout, const char *segment, char out[HAPROXY_ROW_SIZE])
{
	snprintf(out, HAPROXY_ROW_SIZE, "%s|%lld|%s", endpoint, (long long)rollout, segment);
}

int64_t haproxy_override_rollout(const char *endpoint, const char *key)
{
	size_t n = strlen(endpoint);
	char *end;
	long long rollout;

	if (strncmp(key, endpoint, n) != 0 || key[n] != '|')
		return -1;
	rollout = strtoll(key + n + 1, &end, 10);
	return end > key + n + 1 && *end == '|' && rollout >= 0 ? rollout : -1;
}
