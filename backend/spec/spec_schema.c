/* spec_schema.c: the one table of everything that may stand in pithead.yaml. The parser, the
 * formatter's order of keys, the JSON of the store and the JSON Schema for editors all walk these
 * rows; a new key is one row here. The order of rows is the canonical order of keys. */
#include "backend/spec/spec_priv.h"

#include <string.h>

#include "backend/base/xalloc.h"

/* offset and size of a member */
#define AT(type, member)                                                                           \
	.offset = offsetof(struct type, member), .size = sizeof((struct type *)0)->member
#define ARRAY(type, member, counter)                                                               \
	.items = offsetof(struct type, member), .count = offsetof(struct type, counter)
#define SECTION(rows)                                                                              \
	{                                                                                          \
		rows, sizeof(rows) / sizeof((rows)[0])                                             \
	}
#define SECOND INT64_C(1000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

const char *const spec_role_words[] = {
	"admin", "operator", "approver", "developer", "auditor", "service", NULL};
const char *const spec_tier_words[] = {"low", "medium", "high", NULL};
static const char *const environments[] = {"sandbox", "staging", "production", NULL};
static const char *const modes[] = {"online", "observe", NULL};
static const char *const modes_later[] = {"batch", "async", NULL};
static const char *const tasks[] = {"binary", "multiclass", "regression", "ranking", NULL};
static const char *const patterns[] = {"canary", "shadow", "bluegreen", "segmented", NULL};
static const char *const patterns_later[] = {"phased", NULL};
static const char *const undecided_words[] = {"pause", "page", "abort", NULL};
static const char *const approve_words[] = {"start", "promote", "both", NULL};
static const char *const latency_units[] = {"s", "ms", NULL};
static const char *const metrics_sources[] = {"prometheus", "predictions", NULL};
static const char *const late_words[] = {"allow", "refuse", NULL};
static const char *const verify_words[] = {"required", "none", NULL};
static const char *const account_words[] = {"robot", "shared", NULL};

static int step_admit(const void *items, int count, struct err *e)
{
	const struct spec_step *s = items;

	if (count < 2 || s[count - 1].share_bp > s[count - 2].share_bp)
		return 0;
	return err_set(e, ERR_INVALID, "expected a larger share than the step before it");
}

static int source_admit(const void *items, int count, struct err *e)
{
	const struct source *s = items, *now = &s[count - 1];

	for (int i = 0; i < count - 1; i++)
		if (s[i].kind == now->kind && strcmp(s[i].name, now->name) == 0)
			return err_set(e, ERR_INVALID, "which stands in this list already");
	return 0;
}

/* Whether the newest of count texts stands among the others. */
static int text_twice(const void *items, int count)
{
	const char(*m)[64] = items;

	for (int i = 0; i < count - 1; i++)
		if (strcmp(m[i], m[count - 1]) == 0)
			return 1;
	return 0;
}

static int member_admit(const void *items, int count, struct err *e)
{
	if (text_twice(items, count))
		return err_set(e, ERR_INVALID, "who stands in this list already");
	return 0;
}

static int command_admit(const void *items, int count, struct err *e)
{
	if (text_twice(items, count))
		return err_set(e, ERR_INVALID, "which stands in this list already");
	return 0;
}

static int segment_admit(const void *items, int count, struct err *e)
{
	const char(*m)[64] = items;

	if (text_twice(items, count))
		return err_set(e, ERR_INVALID, "which stands in this list already");
	if (count > 1 && (strchr(m[0], ' ') || strchr(m[count - 1], ' ')))
		return err_set(e, ERR_INVALID, "expected either names or `largest N`");
	return 0;
}

/* The signals that a tier asks for must be able to be critical. */
static int tier_signal_admit(const void *items, int count, struct err *e)
{
	const char(*m)[64] = items;

	if (text_twice(items, count))
		return err_set(e, ERR_INVALID, "which stands in this list already");
	if (signal_row_find(m[count - 1])->kind == SIGNAL_COUNT)
		return err_set(e, ERR_INVALID, "which cannot decide and so is never critical");
	return 0;
}

static void tier_start(void *item)
{
	struct spec_tier *t = item;

	for (int i = 0; spec_tier_words[i]; i++)
		if (strcmp(t->name, spec_tier_words[i]) == 0)
			*t = spec_tier_default(i);
}

static const struct spec_array steps_array = {ARRAY(spec_rollout, steps, step_count),
	.element = sizeof(struct spec_step), .least = 1, .most = SPEC_STEPS, .admit = step_admit};
static const struct spec_field step_item = {.type = &type_step};

static const struct spec_array signals_array = {ARRAY(spec_rollout, signals, signal_count),
	.element = sizeof(struct spec_signal), .most = SPEC_LIST, .name_what = "signal",
	.name_type = &type_signal_name};
static const struct spec_field signal_item = {.type = &type_signal, AT(spec_signal, text)};

static const struct spec_field segment_item = {.type = &type_segment, .size = 64};
static const struct spec_array segments_array = {ARRAY(spec_rollout, segments, segment_count),
	.element = 64, .least = 1, .most = SPEC_SEGMENTS, .admit = segment_admit};

static const struct spec_field rollout_rows[] = {
	{.key = "pattern",
		.type = &type_word,
		AT(spec_rollout, pattern),
		.words = patterns,
		.later = patterns_later,
		.fallback = "canary",
		.help = "How traffic moves to a new version."},
	{.key = "steps",
		.kind = FIELD_LIST,
		.item = &step_item,
		.array = &steps_array,
		.fallback = "1% 2m, 5% 5m, 25% 5m, 50% 5m",
		.inline_text = 1,
		.help = "Rising shares, each with the shortest time spent on it: 5% 5m."},
	{.key = "sample",
		.type = &type_share,
		AT(spec_rollout, sample_bp),
		.help = "Shadow: part of stable's requests that the candidate answers as well; all "
			"unless told."},
	{.key = "shadow-for",
		.type = &type_duration,
		AT(spec_rollout, shadow_for_ms),
		.min = 0,
		.max = 30 * DAY,
		.fallback = "2m",
		.help = "Shadow: the least time before the steps begin."},
	{.key = "differ",
		.type = &type_share,
		AT(spec_rollout, differ_bp),
		.help = "Shadow: how far the scores of both may be apart in the mean, of their "
			"range; "
			"20% unless told."},
	{.key = "hold",
		.type = &type_duration,
		AT(spec_rollout, hold_ms),
		.min = SECOND,
		.max = 30 * DAY,
		.fallback = "30m",
		.help = "How long a step may stay undecided; then `on-undecided` says what "
			"happens."},
	{.key = "on-undecided",
		.type = &type_word,
		AT(spec_rollout, on_undecided),
		.words = undecided_words,
		.help = "After `hold`: pause (and page), page and stay, or abort; the tier's "
			"unless "
			"told."},
	{.key = "segments",
		.kind = FIELD_LIST,
		.item = &segment_item,
		.array = &segments_array,
		.inline_text = 1,
		.help = "Judged by themselves as well: a list of names, or `largest 16`."},
	{.key = "keep-hot",
		.type = &type_duration,
		AT(spec_rollout, keep_hot_ms),
		.min = 0,
		.max = 90 * DAY,
		.fallback = "24h",
		.help = "How long the version before stays ready after a promotion."},
	{.key = "false-abort",
		.type = &type_rate,
		AT(spec_rollout, false_abort),
		.min = 1,
		.max = 2000,
		.fallback = "1%",
		.help = "Chance that a whole rollout of a good version is taken back."},
	{.key = "signals",
		.kind = FIELD_NAMED,
		.item = &signal_item,
		.array = &signals_array,
		.help = "What is compared between candidate and stable, and how much worse is "
			"harm."},
};
static const struct spec_section rollout_section = SECTION(rollout_rows);

static const struct spec_field arm_rows[] = {
	{.key = "upstream",
		.type = &type_upstream,
		.required = 1,
		.list_text = 1,
		.help = "Servers that somebody else runs: HOST:PORT, HOST:PORT or tls HOST:PORT, "
			"or a list."},
	{.key = "server-name",
		.type = &type_host,
		AT(spec_arm, server_name),
		.help = "tls: the name that is asked for and that the certificate must have; the "
			"host unless told."},
	{.key = "verify",
		.type = &type_word,
		AT(spec_arm, verify),
		.words = verify_words,
		.help = "tls: whether the certificate is checked: required, or none."},
	{.key = "connections",
		.type = &type_int,
		AT(spec_arm, connections),
		.min = 1,
		.max = 100000,
		.help = "How many requests each server gets at a time; others wait for 1s, then "
			"fail."},
};
static const struct spec_section arm_section = SECTION(arm_rows);
static const struct spec_field arm_item = {.kind = FIELD_MAP, .sub = &arm_section};
static const struct spec_array arms_array = {ARRAY(spec_endpoint, arms, arm_count),
	.element = sizeof(struct spec_arm), .most = SPEC_LIST, .name_what = "version"};

static const struct spec_field metrics_rows[] = {
	{.key = "from",
		.type = &type_word,
		AT(spec_metrics, from),
		.words = metrics_sources,
		.help = "A prometheus, which is asked; or predictions: whoever serves posts each "
			"request to /v1/predictions. The first unless told."},
	{.key = "prometheus",
		.type = &type_url,
		AT(spec_metrics, prometheus),
		.help = "Address of a Prometheus, or of what speaks its query API."},
	{.key = "bearer",
		.type = &type_text,
		AT(spec_metrics, bearer),
		.help = "File with a token for it, an absolute path."},
	{.key = "basic",
		.type = &type_text,
		AT(spec_metrics, basic),
		.help = "File with USER:PASSWORD for it, an absolute path."},
	{.key = "ca",
		.type = &type_text,
		AT(spec_metrics, ca),
		.help = "File with the certificates to trust, instead of the system's."},
	{.key = "arm",
		.type = &type_label,
		AT(spec_metrics, arm),
		.help = "The label whose value tells stable from candidate."},
	{.key = "stable",
		.type = &type_text,
		AT(spec_metrics, stable),
		.help = "Its value for the stable version; of posted requests their version."},
	{.key = "candidate",
		.type = &type_text,
		AT(spec_metrics, candidate),
		.help = "Its value for the candidate."},
	{.key = "every",
		.type = &type_duration,
		AT(spec_metrics, every_ms),
		.min = SECOND,
		.max = HOUR,
		.help = "How often the metrics are read, at least as long as a scrape interval; "
			"15s unless told."},
	{.key = "stale",
		.type = &type_duration,
		AT(spec_metrics, stale_ms),
		.min = SECOND,
		.max = DAY,
		.help = "Without new numbers for so long they are missing; 8 times `every` unless "
			"told."},
	{.key = "requests",
		.type = &type_text,
		AT(spec_metrics, requests),
		.help = "Query for the counters of all requests, one series a server: no rate()."},
	{.key = "errors",
		.type = &type_text,
		AT(spec_metrics, errors),
		.help = "Query for the counters of those that failed: signal error_rate."},
	{.key = "latency",
		.type = &type_text,
		AT(spec_metrics, latency),
		.help = "Query for the buckets of a histogram, with label `le`: signals "
			"latency_*."},
	{.key = "latency-unit",
		.type = &type_word,
		AT(spec_metrics, latency_unit),
		.words = latency_units,
		.help = "Of the label `le`: s, or ms; s unless told."},
};
static const struct spec_section metrics_section = SECTION(metrics_rows);

static const struct spec_field feature_item = {.type = &type_source};
static const struct spec_array features_array = {ARRAY(spec_endpoint, features, feature_count),
	.element = sizeof(struct source), .most = SPEC_LIST, .admit = source_admit};

static const struct spec_field endpoint_rows[] = {
	{.key = "environment",
		.type = &type_word,
		AT(spec_endpoint, environment),
		.words = environments,
		.required = 1,
		.help = "Whose secrets, data, gates and budgets hold."},
	{.key = "mode",
		.type = &type_word,
		AT(spec_endpoint, mode),
		.words = modes,
		.later = modes_later,
		.fallback = "online",
		.help = "How requests come: online, through the gateway; observe, elsewhere: it is "
			"only looked at."},
	{.key = "tier",
		.type = &type_word,
		AT(spec_endpoint, tier),
		.words = spec_tier_words,
		.required = 1,
		.help = "The risk class: it sets approvals and limits."},
	{.key = "owner",
		.type = &type_text,
		AT(spec_endpoint, owner),
		.help = "The team that answers for it; the project's owner when absent."},
	{.key = "runbook",
		.type = &type_text,
		AT(spec_endpoint, runbook),
		.help = "What to read at 3 a.m.: a path or an address."},
	{.key = "listen",
		.type = &type_listen,
		.help = "HOST:PORT where the gateway takes requests."},
	{.key = "serve",
		.type = &type_text,
		AT(spec_endpoint, serve),
		.help = "Command line of a replica, run in the version's bundle."},
	{.key = "versions",
		.kind = FIELD_NAMED,
		.item = &arm_item,
		.array = &arms_array,
		.help = "Versions that somebody else serves, by name."},
	{.key = "replicas",
		.type = &type_int,
		AT(spec_endpoint, replicas),
		.min = 1,
		.max = 16,
		.fallback = "1",
		.help = "How many processes serve each version."},
	{.key = "health",
		.type = &type_health,
		AT(spec_endpoint, health),
		.fallback = "/healthz",
		.help = "HTTP path that answers 200 when a server can take requests, or tcp: it "
			"takes connections."},
	{.key = "host",
		.type = &type_host,
		AT(spec_endpoint, host),
		.help = "The Host header that servers are asked with, by requests and health "
			"checks; clients' own and localhost unless told."},
	{.key = "ca",
		.type = &type_certificates,
		AT(spec_endpoint, ca),
		.help = "Certificates in PEM form, of those who vouch for the upstream servers; "
			"the "
			"machine's unless told."},
	{.key = "key",
		.type = &type_key,
		AT(spec_endpoint, key),
		.help = "What keeps a client on one version: header NAME or json PATH [else "
			"random]."},
	{.key = "segment",
		.type = &type_source,
		AT(spec_endpoint, segment),
		.help = "What part of the traffic a request belongs to: header NAME or json PATH."},
	{.key = "timeout",
		.type = &type_duration,
		AT(spec_endpoint, timeout_ms),
		.min = 100,
		.max = 60 * SECOND,
		.fallback = "2s",
		.help = "How long an answer may take before it counts as failed."},
	{.key = "stream-timeout",
		.type = &type_duration,
		AT(spec_endpoint, stream_ms),
		.min = SECOND,
		.max = DAY,
		.fallback = "5m",
		.help = "How long a server may be silent where a request asks for a stream: it "
			"accepts text/event-stream, or has \"stream\": true."},
	{.key = "score",
		.type = &type_source,
		AT(spec_endpoint, score),
		.help = "The model's number in the answer: json PATH or header NAME."},
	{.key = "features",
		.kind = FIELD_LIST,
		.item = &feature_item,
		.array = &features_array,
		.help = "What is kept of a request: json PATH or header NAME."},
	{.key = "task",
		.type = &type_word,
		AT(spec_endpoint, task),
		.words = tasks,
		.help = "What the model does: it chooses the signals."},
	{.key = "outcome",
		.type = &type_outcome,
		.min = SECOND,
		.max = 90 * DAY,
		.help = "The label that comes later: NAME within DURATION."},
	{.key = "metrics",
		.kind = FIELD_MAP,
		AT(spec_endpoint, metrics),
		.sub = &metrics_section,
		.help = "Where the numbers of an endpoint with `mode: observe` come from."},
	{.key = "rollout",
		.kind = FIELD_MAP,
		AT(spec_endpoint, rollout),
		.sub = &rollout_section,
		.help = "How a new version takes over."},
};
const struct spec_section spec_endpoint_section = SECTION(endpoint_rows);

static const struct spec_field member_item = {.type = &type_member, .size = 64};
static const struct spec_array members_array = {ARRAY(spec_role, members, member_count),
	.element = 64, .most = SPEC_LIST, .admit = member_admit};
static const struct spec_field role_item = {
	.kind = FIELD_LIST, .item = &member_item, .array = &members_array};
static const struct spec_array roles_array = {ARRAY(spec, roles, role_count),
	.element = sizeof(struct spec_role), .most = 8, .names = spec_role_words,
	.name_what = "role"};

/* Windows are kept as written: the policy that reads them is not part of this folder. */
static const struct spec_field window_item = {.type = &type_text, .size = 128};
static const struct spec_array windows_array = {
	ARRAY(spec_tier, freeze, freeze_count), .element = 128, .most = SPEC_WINDOWS};
static const struct spec_field tier_signal_item = {.type = &type_signal_name, .size = 64};
static const struct spec_array tier_signals_array = {ARRAY(spec_tier, signals, signal_count),
	.element = 64, .most = SPEC_LIST, .admit = tier_signal_admit};

static const struct spec_field tier_rows[] = {
	{.key = "approvals",
		.type = &type_int,
		AT(spec_tier, approvals),
		.min = 0,
		.max = 5,
		.help = "How many people must approve a change (low 0, medium 1, high 2)."},
	{.key = "approve",
		.type = &type_word,
		AT(spec_tier, approve),
		.words = approve_words,
		.fallback = "start",
		.help = "What they approve: that a rollout starts, that it is promoted, or both."},
	{.key = "freeze",
		.kind = FIELD_LIST,
		.item = &window_item,
		.array = &windows_array,
		.inline_text = 1,
		.help = "When no rollout starts, such as Fri 16:00 .. Mon 08:00 Europe/London."},
	{.key = "rollback",
		.type = &type_duration,
		AT(spec_tier, rollback_ms),
		.min = 100,
		.max = HOUR,
		.help = "How soon a rollback must be done: refused where no version is kept hot."},
	{.key = "soak",
		.type = &type_duration,
		AT(spec_tier, soak_ms),
		.min = 0,
		.max = 30 * DAY,
		.help = "The least time on each step, whatever the rollout says."},
	{.key = "step-most",
		.type = &type_share,
		AT(spec_tier, step_most_bp),
		.help = "No act may raise the candidate's share by more than this."},
	{.key = "signals",
		.kind = FIELD_LIST,
		.item = &tier_signal_item,
		.array = &tier_signals_array,
		.inline_text = 1,
		.help = "Signals that each of its endpoints must judge as critical."},
	{.key = "on-undecided",
		.type = &type_word,
		AT(spec_tier, on_undecided),
		.words = undecided_words,
		.fallback = "pause",
		.help = "What an undecided rollout does when its hold is over."},
	{.key = "late-outcomes",
		.type = &type_word,
		AT(spec_tier, late_outcomes),
		.words = late_words,
		.help = "Whether a rollout may be promoted before outcomes that come after its "
			"steps (allow; tier high: refuse)."},
};
static const struct spec_section tier_section = SECTION(tier_rows);
static const struct spec_field tier_item = {.kind = FIELD_MAP, .sub = &tier_section};
static const struct spec_array tiers_array = {ARRAY(spec, tiers, tier_count),
	.element = sizeof(struct spec_tier), .most = 8, .names = spec_tier_words,
	.name_what = "tier", .start = tier_start};

static const struct spec_field endpoint_item = {.kind = FIELD_MAP, .sub = &spec_endpoint_section};
static const struct spec_array endpoints_array = {ARRAY(spec, endpoints, endpoint_count),
	.element = sizeof(struct spec_endpoint), .most = SPEC_ENDPOINTS_MOST, .owned = 1,
	.line = offsetof(struct spec_endpoint, line), .name_what = "endpoint"};

static const struct spec_field may_item = {.type = &type_command, .size = 64};
static const struct spec_array may_array = {ARRAY(spec_account, may, may_count), .element = 64,
	.least = 1, .most = SPEC_LIST, .admit = command_admit};
static const struct spec_field account_rows[] = {
	{.key = "kind",
		.type = &type_word,
		AT(spec_account, kind),
		.words = account_words,
		.required = 1,
		.help = "What it is instead of a person."},
	{.key = "may",
		.kind = FIELD_LIST,
		.item = &may_item,
		.array = &may_array,
		.help = "The only commands that it may use, whatever its roles; all that they "
			"allow "
			"unless told."},
};
static const struct spec_section account_section = SECTION(account_rows);
static const struct spec_field account_item = {
	.kind = FIELD_MAP, .sub = &account_section, .bare = "kind"};
static const struct spec_array accounts_array = {ARRAY(spec, accounts, account_count),
	.element = sizeof(struct spec_account), .most = SPEC_LIST, .name_what = "account",
	.name_type = &type_user};

/* datasets and pipelines belong to later parts: here each must be a mapping of names to mappings,
 * and what stands inside is accepted unread. */
static const struct spec_field top_rows[] = {
	{.key = "project",
		.type = &type_name,
		AT(spec, project),
		.required = 1,
		.help = "The project's name."},
	{.key = "owner", .type = &type_text, AT(spec, owner), .help = "The team that owns it."},
	{.key = "access",
		.kind = FIELD_NAMED,
		.item = &role_item,
		.array = &roles_array,
		.help = "Who may do what: unix users and \"@group\"s by role."},
	{.key = "datasets", .kind = FIELD_LOOSE, .help = "Data by name."},
	{.key = "pipelines", .kind = FIELD_LOOSE, .help = "Pipelines by name."},
	{.key = "endpoints",
		.kind = FIELD_NAMED,
		.item = &endpoint_item,
		.array = &endpoints_array,
		.help = "Served models by name."},
	{.key = "tiers",
		.kind = FIELD_NAMED,
		.item = &tier_item,
		.array = &tiers_array,
		.help = "What each risk class asks for."},
	{.key = "accounts",
		.kind = FIELD_NAMED,
		.item = &account_item,
		.array = &accounts_array,
		.help = "Accounts that are no person, robot or shared: they never approve. `ci: "
			"robot`, or a mapping."},
};
const struct spec_section spec_top = SECTION(top_rows);

int spec_pattern_known(const char *word)
{
	for (int i = 0; patterns[i]; i++)
		if (strcmp(patterns[i], word) == 0)
			return 1;
	return 0;
}

const char *spec_patterns(void)
{
	return "canary, shadow, bluegreen or segmented";
}
