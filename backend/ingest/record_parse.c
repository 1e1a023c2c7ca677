/* record_parse.c: reads one datagram of the prediction log: a flat JSON object that the gateway's
 * log-format writes. It is scanned once by hand, as this is the data path; the two bodies stay
 * base64 unless the score is in the answer, or somebody asks for them. Pure; called by ingest_drain
 * for every datagram. */
#include "backend/ingest/ingest.h"

#include <math.h>
#include <string.h>

#include "backend/base/digest.h"
#include "backend/base/gzip.h"
#include "backend/base/xalloc.h"
#include "backend/ingest/ingest_priv.h"

struct span {
	const char *at; /* NULL = the member is not there */
	size_t n;
};

enum member {
	M_V,
	M_LC,
	M_PID,
	M_TS,
	M_ID,
	M_EP,
	M_ENV,
	M_VER,
	M_RO,
	M_ARM,
	M_BKT,
	M_SHARE,
	M_KEYED,
	M_KEY,
	M_SEG,
	M_SU,
	M_ST,
	M_US,
	M_TR,
	M_TA,
	M_TSX,
	M_SRV,
	M_SCORE,
	M_RES,
	/* Read by record_bodies_parse only. */
	M_MT,
	M_PATH,
	M_CT,
	M_REQ,
	M_COUNT
};

static const char *const member_names[M_COUNT] = {"v", "lc", "pid", "ts", "id", "ep", "env", "ver",
	"ro", "arm", "bkt", "share", "keyed", "key", "seg", "su", "st", "us", "tr", "ta", "tsx",
	"srv", "score", "res", "mt", "path", "ct", "req"};

static int member_find(const char *name, size_t n)
{
	for (int i = 0; i < M_COUNT; i++)
		if (member_names[i][0] == *name && strlen(member_names[i]) == n &&
			memcmp(member_names[i], name, n) == 0)
			return i;
	return -1;
}

/* A string of the format has no escapes and only printable ASCII: nothing in it can reach a
 * terminal as a command. Returns the byte after it, NULL when it is another thing. */
static const char *string_read(const char *p, const char *end, struct span *s)
{
	const char *quote = memchr(p + 1, '"', (size_t)(end - p - 1));

	if (!quote)
		return NULL;
	*s = (struct span){p + 1, (size_t)(quote - p - 1)};
	if (memchr(s->at, '\\', s->n))
		return NULL;
	return quote + 1;
}

static const char *member_read(const char *p, const char *end, struct span m[M_COUNT])
{
	struct span name, value;
	const char *after;
	int id;

	if (p == end || *p != '"' || !(p = string_read(p, end, &name)))
		return NULL;
	if (end - p < 2 || *p != ':')
		return NULL;
	p++;
	id = name.n ? member_find(name.at, name.n) : -1;
	if (id < 0)
		return json_skip_value(p, end);
	if (id > M_PID) {
		after = *p == '"' ? string_read(p, end, &value) : NULL;
	} else {
		after = json_skip_value(p, end);
		value = (struct span){p, after ? (size_t)(after - p) : 0};
	}
	if (after)
		m[id] = value;
	return after;
}

/* Reads the members until the end or the first fault; 1 = all of it was one object. */
static int members_read(const char *p, size_t n, struct span m[M_COUNT])
{
	const char *end = p + n;

	while (end > p && (end[-1] == '\n' || end[-1] == '\0' || end[-1] == ' '))
		end--;
	if (p == end || *p != '{')
		return 0;
	do {
		p = member_read(p + 1, end, m);
	} while (p && p < end && *p == ',');
	return p && p == end - 1 && *p == '}';
}

static int is_absent(struct span s)
{
	return !s.at || s.n == 0 || (s.n == 1 && *s.at == '-');
}

/* Whole number in [least, most]; `absent` when it is not there. 0, or -1 when it is garbage. */
static int int_read(struct span s, int64_t least, int64_t most, int64_t absent, int64_t *out)
{
	int64_t v = 0;
	size_t i = 0;
	int minus;

	*out = absent;
	if (is_absent(s))
		return 0;
	minus = s.at[0] == '-';
	i += minus || s.at[0] == '+';
	if (i == s.n || s.n - i > 18)
		return -1;
	for (; i < s.n; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return -1;
		v = v * 10 + (s.at[i] - '0');
	}
	v = minus ? -v : v;
	if (v < least || v > most)
		return -1;
	*out = v;
	return 0;
}

static int text_read(struct span s, char *out, size_t size)
{
	if (is_absent(s))
		s.n = 0;
	if (s.n >= size)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.at[i] < 0x20 || s.at[i] > 0x7e)
			return -1;
		out[i] = s.at[i];
	}
	out[s.n] = '\0';
	return 0;
}

static int key_read(struct span s, char out[17])
{
	if (text_read(s, out, 17) != 0 || strspn(out, "0123456789abcdef") != strlen(out))
		return -1;
	return out[0] == '\0' || out[16 - 1] != '\0' ? 0 : -1;
}

/* A segment that is not of the allowed form is an unread one, not a bad record: it comes from the
 * client. */
static void segment_read(struct span s, char out[64])
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-";
	char raw[64];
	long n = is_absent(s) || s.n > 80 ? -1 : base64_decode(s.at, s.n, raw);

	out[0] = '\0';
	if (n <= 0 || n > 60 || memchr(raw, '\0', (size_t)n))
		return;
	raw[n] = '\0';
	if (strspn(raw, allowed) == (size_t)n)
		memcpy(out, raw, (size_t)n + 1);
}

static const struct ingest_endpoint *endpoint_find(
	const struct ingest_endpoint *eps, int count, const char *id)
{
	for (int i = 0; i < count; i++)
		if (strcmp(eps[i].id, id) == 0)
			return &eps[i];
	return NULL;
}

static void score_from_header(struct span s, struct record *out)
{
	char raw[64];
	long n = is_absent(s) || s.n > 80 ? -1 : base64_decode(s.at, s.n, raw);

	out->read = n > 0 && number_parse(raw, (size_t)n, &out->score);
}

static void score_from_body(struct span s, const char *path, struct record *out)
{
	char body[INGEST_DATAGRAM];
	long n = is_absent(s) || s.n > sizeof body ? -1 : base64_decode(s.at, s.n, body);

	if (n > 0 && gzip_is(body, (size_t)n)) {
		char packed[INGEST_DATAGRAM];

		memcpy(packed, body, (size_t)n);
		n = gzip_read(packed, (size_t)n, body, sizeof body);
	}
	out->read = n > 0;
	if (n > 0)
		json_number_at(body, (size_t)n, path, &out->score);
}

static void score_read(
	const struct ingest_endpoint *ep, const struct span m[M_COUNT], struct record *out)
{
	out->score = (double)NAN;
	if (ep && ep->score_kind == 1) {
		score_from_header(m[M_SCORE], out);
	} else if (ep && ep->score_kind == 2) {
		score_from_body(m[M_RES], ep->score_name, out);
		/* A stream, or another form: its server may tell the number beside it. */
		if (!isfinite(out->score) && !is_absent(m[M_SCORE])) {
			int read = out->read;

			score_from_header(m[M_SCORE], out);
			out->read |= read;
		}
	} else
		out->read = !is_absent(m[M_RES]);
}

/* Whether the client left before its request was whole: in phase R of the gateway's termination
 * state, or in phase D without an answer, while a longer body was on its way to the server. */
static int client_left(const struct span tsx)
{
	return tsx.n >= 2 &&
	       (tsx.at[1] == 'R' || ((tsx.at[0] == 'C' || tsx.at[0] == 'c') && tsx.at[1] == 'D'));
}

/* What became of the request. Where the client left there was no answer, and that is nobody's
 * failure. */
static int outcome_read(const struct span m[M_COUNT], struct record *out)
{
	const struct span tsx = m[M_TSX];
	int64_t status, us, tr, ta;

	if (int_read(m[M_ST], -1, 999, 0, &status) != 0 ||
		int_read(m[M_US], -1, INT64_MAX, -1, &us) != 0 ||
		int_read(m[M_TR], -1, INT64_MAX, -1, &tr) != 0 ||
		int_read(m[M_TA], -1, INT64_MAX, -1, &ta) != 0)
		return -1;
	out->status = (int)status;
	out->total_ms = (double)ta;
	out->answer_ms = us >= 0 ? (double)us / 1000 : (double)tr;
	out->failed = status >= 500 || (status <= 0 && !client_left(tsx));
	out->backend_down = status == 503 && tsx.n >= 2 && memcmp(tsx.at, "SC", 2) == 0;
	return 0;
}

/* Where the split sent the request. */
static int route_read(const struct span m[M_COUNT], struct record *out)
{
	int64_t arm, bucket, share, keyed, unknown;

	if (int_read(m[M_RO], 0, INT64_MAX, 0, &out->rollout) != 0 ||
		int_read(m[M_ARM], ARM_STABLE, ARM_CANDIDATE, ARM_STABLE, &arm) != 0 ||
		int_read(m[M_BKT], 0, 9999, 0, &bucket) != 0 ||
		int_read(m[M_SHARE], 0, 10000, 0, &share) != 0 ||
		int_read(m[M_KEYED], 0, 1, 0, &keyed) != 0 ||
		int_read(m[M_SU], 0, 1, 0, &unknown) != 0)
		return -1;
	out->arm = arm == ARM_CANDIDATE ? ARM_CANDIDATE : ARM_STABLE;
	out->bucket = (int)bucket;
	out->share_bp = (int)share;
	out->keyed = (int)keyed;
	out->segment_unknown = (int)unknown;
	segment_read(m[M_SEG], out->segment);
	return key_read(m[M_KEY], out->key);
}

int record_parse(const char *text, size_t n, const struct ingest_endpoint *eps, int ep_count,
	struct record *out, int64_t *pid, int64_t *seq)
{
	struct span m[M_COUNT] = {{NULL, 0}};
	int whole = members_read(text, n, m);
	int64_t version;

	memset(out, 0, sizeof *out);
	out->score = (double)NAN;
	if (int_read(m[M_PID], 1, INT32_MAX, -1, pid) != 0 ||
		int_read(m[M_LC], 0, UINT32_MAX, -1, seq) != 0)
		whole = 0;
	if (text_read(m[M_EP], out->endpoint, sizeof out->endpoint) != 0) {
		out->endpoint[0] = '\0';
		whole = 0;
	}
	if (!whole || *pid < 0 || *seq < 0 || !out->endpoint[0] ||
		int_read(m[M_V], 1, 1, 0, &version) != 0 || version != 1 ||
		int_read(m[M_TS], 1, INT64_MAX, 0, &out->routed_us) != 0 ||
		text_read(m[M_ID], out->id, sizeof out->id) != 0 ||
		text_read(m[M_ENV], out->environment, sizeof out->environment) != 0 ||
		text_read(m[M_VER], out->version, sizeof out->version) != 0 ||
		text_read(m[M_SRV], out->server, sizeof out->server) != 0 ||
		route_read(m, out) != 0 || outcome_read(m, out) != 0)
		return -1;
	score_read(endpoint_find(eps, ep_count, out->endpoint), m, out);
	return 0;
}

/* Decodes into *room and moves it on. All members fit into as many bytes as their line has: one is
 * never shorter than its bytes and a NUL, as it stands between quotes. */
static const unsigned char *body_decode(struct span s, char **room, size_t *n)
{
	char *at = *room;
	long len = is_absent(s) ? -1 : base64_decode(s.at, s.n, at);

	*n = len > 0 ? (size_t)len : 0;
	*room += *n;
	return *n ? (const unsigned char *)at : NULL;
}

/* A text of which `most` bytes are logged: so many are taken for cut. NULL when it is, or holds
 * what could end a header's line. */
static const char *text_checked(const char *text, size_t n, size_t most, char **room)
{
	char *at = *room;

	if (n == 0 || n >= most)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return NULL;
	memmove(at, text, n);
	at[n] = '\0';
	*room += n + 1;
	return at;
}

static const char *text_decode(struct span s, size_t most, char **room)
{
	char *at = *room;
	long len = is_absent(s) ? -1 : base64_decode(s.at, s.n, at);

	return text_checked(at, len > 0 ? (size_t)len : 0, most, room);
}

void record_bodies_parse(const char *text, size_t n, char *room, struct record_bodies *out)
{
	struct span m[M_COUNT] = {{NULL, 0}};

	memset(out, 0, sizeof *out);
	if (!members_read(text, n, m))
		return;
	out->request = body_decode(m[M_REQ], &room, &out->request_len);
	out->answer = body_decode(m[M_RES], &room, &out->answer_len);
	if (!is_absent(m[M_MT]))
		out->method = text_checked(m[M_MT].at, m[M_MT].n, 8, &room);
	out->path = text_decode(m[M_PATH], 512, &room);
	if (out->path && (*out->path != '/' || strchr(out->path, ' ')))
		out->path = NULL;
	out->content_type = text_decode(m[M_CT], 96, &room);
	if (m[M_CT].at && is_absent(m[M_CT]))
		out->content_type = "";
}
