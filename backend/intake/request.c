/* request.c: what a request tells beside what the model makes of it: its features, the part of the
 * traffic that it belongs to, and what keeps a client on one version. Chosen by names, checked
 * against the values. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/base/host.h"
#include "backend/base/xalloc.h"
#include "backend/intake/leaves.h"

#define SEGMENT_MOST 20 /* bytes of a text that looks like one of few */

/* Whom a key should keep on one version, the best first. */
static const struct {
	const char *words, *what;
	int alone; /* the word by itself is a name of one: user, not device */
} owners[] = {
	{"user username userid uid customer customerid client clientid member subscriber account "
	 "accountid patient driver passenger player visitor",
		"it names who asks", 1},
	{"session sessionid sid cookie", "it names a session", 1},
	{"device deviceid card cardid vehicle phone flight", "it names a thing", 0},
	{"email mail iban imei msisdn", "it names who asks", 1},
};
/* What names one request only: no one stays on a version by it, but every request counts. */
#define REQUEST_WORDS                                                                              \
	"id uuid guid request requestid transaction transactionid order orderid booking trace "    \
	"correlation ref reference"
/* A word of owners is a key only where the name has one of these, or nothing else. */
#define ID_WORDS "id uid uuid guid key no number num hash token ref code name"

/* Small sets of texts, the likeliest to tell parts of a traffic apart first. */
static const char *const segments[] = {
	"country countries nation",
	"origin region area zone market geo territory province city airport station",
	"segment cohort tier plan cluster bucket",
	"device platform os browser channel medium source app",
	"tenant brand store shop site product category carrier airline merchant vendor",
	"language lang locale currency state type kind class group",
};

static int is_alone(const char *name, const char *words)
{
	/* "customer" is one word, "customer_age" has another. */
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) || (p > name && isupper((unsigned char)*p)))
			return 0;
	return intake_has_word(name, words);
}

/* 0 = no key; smaller is better. hints: the names of the objects around it, too: customer.id. */
static int key_rank(const char *name, const char *hints)
{
	int count = (int)(sizeof owners / sizeof owners[0]);
	int only_id = is_alone(name, "id uid uuid guid key");

	for (int i = 0; i < count; i++)
		if ((owners[i].alone && is_alone(name, owners[i].words)) ||
			(intake_has_word(name, owners[i].words) &&
				intake_has_word(name, ID_WORDS)) ||
			(only_id && intake_has_word(hints, owners[i].words)))
			return i + 1;
	if (is_alone(name, REQUEST_WORDS) ||
		(intake_has_word(name, REQUEST_WORDS) && intake_has_word(name, "id uuid guid")))
		return count + 1;
	/* An id of something: which, its name does not say in words known here. */
	return intake_has_word(name, "id") ? count + 1 : 0;
}

static const char *key_reason(int rank)
{
	int count = (int)(sizeof owners / sizeof owners[0]);

	return rank <= count ? owners[rank - 1].what
			     : "it names one request: nobody is kept on a version by it";
}

static int key_value_fits(const struct leaf *l)
{
	if (l->row > 0 || l->place > 0)
		return 0;
	return (l->kind == LEAF_TEXT && l->text[0]) ||
	       (l->kind == LEAF_NUMBER && l->number == (double)(long long)l->number);
}

/* The name of "Name: value" into out when it may be a header in the spec. */
static int header_name(const char *line, char *out, size_t size)
{
	size_t n = strcspn(line, ":");

	if (n == 0 || n >= size)
		return 0;
	memcpy(out, line, n);
	out[n] = '\0';
	return out[strspn(out, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			       "_-")] == '\0' &&
	       !intake_has_word(out, "authorization cookie token secret");
}

static void key_propose(const struct leaves *r, const char *const *headers, int header_count,
	struct intake_endpoint *ep)
{
	char best[INTAKE_PATH + 24] = "", other[INTAKE_PATH] = "", name[INTAKE_PATH];
	int least = 100;

	for (int i = 0; i < header_count; i++) {
		int rank = header_name(headers[i], name, sizeof name) ? key_rank(name, "") : 0;

		if (rank && rank < least) {
			least = rank;
			snprintf(best, sizeof best, "header %s", name);
		}
	}
	for (int i = 0; i < r->count; i++) {
		const struct leaf *l = &r->list[i];
		int rank = key_value_fits(l) ? key_rank(l->name, l->hints) : 0;

		if (rank && rank < least) {
			least = rank;
			snprintf(best, sizeof best, "json %s", l->path);
		} else if (rank) {
			str_copy(other, sizeof other, l->path);
		}
	}
	if (!best[0]) {
		intake_choose(&ep->key, "header X-User-Id else random",
			"nothing in the request names who asks: each is drawn by itself");
		ep->key.off = 1;
		return;
	}
	snprintf(best + strlen(best), sizeof best - strlen(best), " else random");
	intake_choose(&ep->key, best, "%s%s%s", key_reason(least), other[0] ? "; also there: " : "",
		other);
	/* Random is as good, and does not put a request that is sent again on the same version. */
	ep->key.off = least > (int)(sizeof owners / sizeof owners[0]);
}

/* Such texts come in a few kinds: DE, mobile, gold-2. */
static int segment_fits(const struct leaf *l)
{
	size_t n = strlen(l->text), digits = 0;

	for (size_t i = 0; i < n; i++)
		digits += isdigit((unsigned char)l->text[i]) != 0;
	return l->kind == LEAF_TEXT && l->row == 0 && !l->cut && n > 0 && n <= SEGMENT_MOST &&
	       digits <= n / 2 &&
	       l->text[strspn(l->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789_.:-")] == '\0' &&
	       !key_rank(l->name, l->hints);
}

/* How likely it is that the texts of such a name are few; 0 = nothing says so. Smaller is better.
 */
static int segment_rank(const struct leaf *l)
{
	for (size_t i = 0; i < sizeof segments / sizeof segments[0]; i++)
		if (intake_has_word(l->name, segments[i]))
			return (int)i + 1;
	return 0;
}

static void segment_propose(const struct leaves *r, struct intake_endpoint *ep)
{
	const struct leaf *best = NULL, *any = NULL;
	struct buf others = {0};
	char value[INTAKE_PATH + 8], text[48];

	for (int i = 0; i < r->count; i++) {
		const struct leaf *l = &r->list[i];
		int rank = segment_fits(l) ? segment_rank(l) : 0;

		if (segment_fits(l) && !any)
			any = l;
		if (rank && (!best || rank < segment_rank(best)))
			best = l;
	}
	for (int i = 0; i < r->count && others.len < 80; i++)
		if (segment_fits(&r->list[i]) && &r->list[i] != (best ? best : any))
			buf_addf(&others, "%s%s",
				others.len ? ", " : "; also there: ", r->list[i].path);
	if (best || any) {
		leaf_format(best ? best : any, text, sizeof text);
		snprintf(value, sizeof value, "json %s", best ? best->path : any->path);
		intake_choose(&ep->segment, value, "%s%s%s",
			best ? "was " : "if it has few values; was ", text, buf_text(&others));
		ep->segment.off = !best;
	}
	buf_release(&others);
}

static int feature_fits(const struct leaf *l)
{
	/* Ids say nothing of a request's kind, long texts too much. */
	return l->row == 0 && !l->cut && strcmp(l->path, ".") != 0 &&
	       !(key_value_fits(l) && key_rank(l->name, l->hints)) &&
	       !(l->kind == LEAF_TEXT && strchr(l->text, '\n'));
}

static int stands(const struct intake_endpoint *ep, const char *source)
{
	for (int i = 0; i < ep->feature_count; i++)
		if (strcmp(ep->feature[i], source) == 0)
			return 1;
	return 0;
}

static void features_propose(const struct leaves *r, struct intake_endpoint *ep)
{
	int more = r->left_out;

	for (int i = 0; i < r->count; i++) {
		char source[INTAKE_PATH + 8];

		snprintf(source, sizeof source, "json %s", r->list[i].path);
		if (!feature_fits(&r->list[i]) || stands(ep, source))
			continue;
		if (ep->feature_count == INTAKE_FEATURES)
			more++;
		else
			str_copy(ep->feature[ep->feature_count++], sizeof source, source);
	}
	intake_choose(&ep->features, "", "what is kept of a request");
	if (r->rows > 1)
		intake_choose(&ep->features, "",
			"what is kept of a request: the first of its %d rows", r->rows);
	if (more)
		intake_choose(
			&ep->features, "", "%d more are left out: name those that matter", more);
	if (r->unnamed[0])
		intake_choose(&ep->features, "", "left out as no path can name it: %s", r->unnamed);
}

/* A Host of the caller's own: the server is told it by the gateway as well. */
static void host_propose(const char *const *headers, int count, struct intake_endpoint *ep)
{
	for (int i = 0; i < count; i++) {
		const char *value = headers[i] + 5;

		if (strncasecmp(headers[i], "host:", 5) != 0)
			continue;
		value += strspn(value, " ");
		if (host_is_valid(value) && !host_is_address(value))
			intake_choose(&ep->host, value, "the Host header of the sample");
	}
}

void request_propose(const struct leaves *r, const char *const *headers, int header_count,
	struct intake_endpoint *ep)
{
	host_propose(headers, header_count, ep);
	key_propose(r, headers, header_count, ep);
	segment_propose(r, ep);
	features_propose(r, ep);
}
