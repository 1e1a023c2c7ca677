/* routes.c: every route of the API, one row each. Router, permissions, OpenAPI and the tests of
 * who may do what read this table. */
#include "backend/api/routes.h"

#include <stddef.h>

#include "backend/api/router.h"

#define END                                                                                        \
	{                                                                                          \
		NULL, FIELD_TEXT, 0, NULL                                                          \
	}
#define REASON                                                                                     \
	{                                                                                          \
		"reason", FIELD_REASON, 0, "why, for those who read it later"                      \
	}
#define SHARE_HELP "basis points, 0 to 10000"
#define LIMIT                                                                                      \
	{                                                                                          \
		"limit", FIELD_INT, 0, "how many at most, 1 to 1000; 100 unless told"              \
	}
#define MATCH                                                                                      \
	{                                                                                          \
		"match", FIELD_REGEX, 0, "regular expression that the item's text must match"      \
	}

static const struct field body_reason[] = {REASON, END};
static const struct field body_stop[] = {
	REASON, {"all", FIELD_BOOL, 0, "stop the gateway and the replicas too"}, END};
static const struct field body_hold[] = {
	REASON, {"choose", FIELD_NAME, 1, "\"stored\" or \"observed\""}, END};
static const struct field body_serve[] = {
	REASON, {"to", FIELD_NAME, 1, "the version that gets all traffic"}, END};
static const struct field body_rollback[] = {
	REASON, {"to", FIELD_NAME, 0, "the version; the previous stable unless told"}, END};
static const struct field body_start[] = {REASON, {"to", FIELD_NAME, 1, "the candidate version"},
	{"pattern", FIELD_NAME, 0,
		"canary, shadow, bluegreen or segmented; the spec's unless told"},
	{"share_bp", FIELD_SHARE, 0, "a first share instead of steps: " SHARE_HELP},
	{"steps", FIELD_TEXT, 0, "like \"1% 2m, 5% 5m\"; the spec's unless told"}, END};
static const struct field body_override[] = {REASON,
	{"segment", FIELD_SEGMENT, 1, "the segment that is pinned"},
	{"share_bp", FIELD_SHARE_NULL, 1, "0 = stable, 10000 = candidate, null = remove"}, END};
static const struct field body_server[] = {REASON,
	{"server", FIELD_TEXT, 1, "its name, or HOST:PORT as in the spec"},
	{"version", FIELD_NAME, 0, "which, where several versions have it"}, END};
static const struct field body_advance[] = {
	REASON, {"share_bp", FIELD_SHARE, 0, "the next step unless told: " SHARE_HELP}, END};
static const struct field body_plan[] = {{"spec", FIELD_TEXT, 1, "the text of pithead.yaml"},
	{"commit", FIELD_TEXT, 0, "the git commit that it comes from"},
	{"dirty", FIELD_BOOL, 0, "the work tree had uncommitted changes"}, END};
static const struct field body_apply[] = {REASON,
	{"spec", FIELD_TEXT, 1, "the text of pithead.yaml"},
	{"commit", FIELD_TEXT, 0, "the git commit that it comes from"},
	{"dirty", FIELD_BOOL, 0, "the work tree had uncommitted changes"},
	{"base", FIELD_INT, 0, "spec_seq of the plan that was seen"}, END};
static const struct field body_line[] = {REASON,
	{"endpoint", FIELD_ID, 0, "only this endpoint; all unless told"},
	{"all", FIELD_BOOL, 0, "all endpoints, said aloud: not beside one"}, END};
static const struct field body_override_freeze[] = {
	REASON, {"for_ms", FIELD_INT, 1, "how long, in milliseconds: 1 minute to 7 days"}, END};
static const struct field body_what_if[] = {{"spec", FIELD_TEXT, 1, "the text of pithead.yaml"},
	{"endpoint", FIELD_ID, 0, "only this endpoint; all of the project unless told"}, END};
static const struct field body_outcomes[] = {
	{"outcomes", FIELD_OUTCOMES, 1, "at most 1000 of {\"id\", \"name\", \"value\"}"}, END};
static const struct field body_predictions[] = {
	{"predictions", FIELD_PREDICTIONS, 1,
		"at most 1000 of {\"id\", \"score\"}, or of {\"endpoint\", \"version\", "
		"\"status\", \"ms\", \"time\"} of an endpoint with `from: predictions`"},
	END};

static const struct field query_series[] = {
	{"span", FIELD_INT, 0, "seconds per point, 1 to 900; 10 unless told"},
	{"points", FIELD_INT, 0, "how many points, 1 to 900; 90 unless told"}, END};
static const struct field query_rollouts[] = {
	{"active", FIELD_BOOL, 0, "1 = only those that have not ended"},
	{"endpoint", FIELD_ID, 0, "only of this endpoint"},
	{"after", FIELD_INT, 0, "`next` of the page before"}, LIMIT, MATCH, END};
static const struct field query_changes[] = {{"endpoint", FIELD_ID, 0, "only of this endpoint"},
	{"since_us", FIELD_INT, 0, "only since then"},
	{"actor", FIELD_TEXT, 0, "only by this user"},
	{"after", FIELD_INT, 0, "`next` of the page before"}, LIMIT, MATCH, END};
static const struct field query_audit[] = {{"after", FIELD_INT, 0, "`next` of the page before"},
	LIMIT, MATCH, {"actor", FIELD_TEXT, 0, "only by this user"},
	{"verb", FIELD_TEXT, 0, "only this verb; may end in .*"},
	{"subject", FIELD_TEXT, 0, "only about this"},
	{"endpoint", FIELD_ID, 0, "only of this endpoint"},
	{"rollout", FIELD_INT, 0, "only of this rollout"},
	{"since_us", FIELD_INT, 0, "only since then"},
	{"until_us", FIELD_INT, 0, "only until then"},
	{"ascending", FIELD_BOOL, 0, "1 = oldest first"}, END};
static const struct field query_versions[] = {{"project", FIELD_NAME, 0, "only of this project"},
	{"after", FIELD_INT, 0, "`next` of the page before"}, LIMIT, END};
static const struct field query_version_add[] = {{"project", FIELD_NAME, 1, "whose version it is"},
	{"name", FIELD_NAME, 1, "the version's short name"},
	{"reason", FIELD_REASON, 0, "why, for those who read it later"}, END};
static const struct field query_upgrade[] = {
	{"reason", FIELD_REASON, 0, "why, for those who read it later"}, END};
static const struct field query_band[] = {
	{"signal", FIELD_TEXT, 0, "which signal; the first unless told"},
	{"segment", FIELD_TEXT, 0, "of one segment; of all traffic unless told"}, END};
static const struct field query_journal[] = {
	{"after", FIELD_INT, 0, "`next` of the page before"}, END};
static const struct field query_alerts[] = {{"open", FIELD_BOOL, 0, "1 = only open ones"}, END};
static const struct field query_policy[] = {
	{"action", FIELD_NAME, 0, "such as promote; what comes next unless told"}, END};
static const struct field query_proposals[] = {
	{"open", FIELD_BOOL, 0, "1 = only those that wait"}, LIMIT, END};
static const struct field query_events[] = {
	{"after", FIELD_INT, 0, "answer when the head is past this event"},
	{"wait", FIELD_INT, 0, "seconds to wait at most, 0 to 60; 0 unless told"}, END};

#define ANYONE	(PERM_ALL) /* any permission at all: not a stranger */
#define GET	"GET"
#define POST	"POST"
#define UNDOERS (PERM_LOWER | PERM_RELEASE | PERM_APPLY | PERM_ADMIN)
#define ROLLOUT_ACT(verb, permission, text)                                                        \
	{                                                                                          \
		POST, "/v1/rollouts/{n}/" verb, permission, SCOPE_ROLLOUT, 1, handle_rollout_verb, \
			NULL, text, body_reason, NULL, "Act", 0, 0                                 \
	}

const struct route routes[] = {
	{GET, "/v1/engine", PERM_READ, SCOPE_ALL, 0, handle_engine, NULL, "the engine itself", NULL,
		NULL, "Engine", 0, 0},
	{POST, "/v1/engine/stop", PERM_ADMIN, SCOPE_ALL, 1, handle_stop, NULL,
		"stop the engine; traffic goes on unless all", body_stop, NULL, "Act", 0, 0},
	{POST, "/v1/engine/upgrade", PERM_ADMIN, SCOPE_ALL, 1, handle_upgrade, NULL,
		"give the engine another program, which is the body; root and its own user only",
		NULL, query_upgrade, "Act", 2, 0},
	{POST, "/v1/engine/hold", PERM_ADMIN, SCOPE_ALL, 1, handle_hold, NULL,
		"end the hold after a restore", body_hold, NULL, "Act", 0, 0},
	{GET, "/v1/whoami", ANYONE, SCOPE_ALL, 0, handle_whoami, NULL,
		"who the kernel says you are, and what you may do", NULL, NULL, "Whoami", 0, 0},
	{GET, "/v1/projects", PERM_READ, SCOPE_ALL, 0, handle_projects, NULL,
		"the projects and their applied specs", NULL, NULL, "Projects", 0, 0},
	{GET, "/v1/now", PERM_READ, SCOPE_ALL, 0, handle_now, NULL,
		"endpoints worst first, rollouts, alerts, and changes by suspicion", NULL, NULL,
		"Now", 0, 0},
	{GET, "/v1/endpoints", PERM_READ, SCOPE_ALL, 0, handle_endpoints, NULL, "all endpoints",
		NULL, NULL, "Endpoints", 0, 0},
	{GET, "/v1/endpoints/{e}", PERM_READ, SCOPE_ENDPOINT, 0, handle_endpoint, NULL,
		"one endpoint with servers and overrides", NULL, NULL, "Endpoint", 0, 1},
	{GET, "/v1/endpoints/{e}/series", PERM_READ, SCOPE_ENDPOINT, 0, handle_series, NULL,
		"both arms over time, for charts", NULL, query_series, "Series", 0, 0},
	{POST, "/v1/endpoints/{e}/serve", PERM_RELEASE, SCOPE_ENDPOINT, 1, handle_serve, NULL,
		"send all traffic to a version at once", body_serve, NULL, "Act", 0, 0},
	{POST, "/v1/endpoints/{e}/rollback", PERM_LOWER | PERM_RELEASE, SCOPE_ENDPOINT, 1,
		handle_rollback, need_rollback, "return to an earlier version", body_rollback, NULL,
		"Act", 0, 0},
	{POST, "/v1/endpoints/{e}/rollouts", PERM_RELEASE, SCOPE_ENDPOINT, 1, handle_start, NULL,
		"start a rollout", body_start, NULL, "Act", 0, 0},
	{POST, "/v1/endpoints/{e}/overrides", PERM_LOWER | PERM_RELEASE, SCOPE_ENDPOINT, 1,
		handle_override, need_override, "pin a segment to one arm, or end that",
		body_override, NULL, "Act", 0, 0},
	{POST, "/v1/endpoints/{e}/drain", PERM_LOWER, SCOPE_ENDPOINT, 1, handle_server, NULL,
		"send no new requests to an upstream server", body_server, NULL, "Act", 0, 0},
	{POST, "/v1/endpoints/{e}/ready", PERM_RELEASE, SCOPE_ENDPOINT, 1, handle_server, NULL,
		"end the drain of an upstream server", body_server, NULL, "Act", 0, 0},
	{GET, "/v1/rollouts", PERM_READ, SCOPE_ALL, 0, handle_rollouts, NULL,
		"rollouts, newest first", NULL, query_rollouts, "Rollouts", 0, 0},
	{GET, "/v1/rollouts/{n}", PERM_READ, SCOPE_ROLLOUT, 0, handle_rollout, NULL,
		"one rollout with approvals, signals and events", NULL, NULL, "Rollout", 0, 1},
	{GET, "/v1/rollouts/{n}/cards", PERM_READ, SCOPE_ROLLOUT, 0, handle_cards, NULL,
		"the verdict cards that were frozen, oldest first", NULL, NULL, "VerdictCards", 0,
		1},
	{GET, "/v1/rollouts/{n}/band", PERM_READ, SCOPE_ROLLOUT, 0, handle_band, NULL,
		"a signal's difference with its band over time", NULL, query_band, "Band", 0, 0},
	{GET, "/v1/rollouts/{n}/journal", PERM_READ, SCOPE_ROLLOUT, 0, handle_journal, NULL,
		"what the judge was fed, for a replay", NULL, query_journal, "Journal", 0, 1},
	{POST, "/v1/rollouts/{n}/advance", PERM_RELEASE, SCOPE_ROLLOUT, 1, handle_rollout_verb,
		NULL, "give the candidate its next share", body_advance, NULL, "Act", 0, 0},
	ROLLOUT_ACT("pause", PERM_LOWER, "stop moving on"),
	ROLLOUT_ACT("resume", PERM_RELEASE, "go on after a pause"),
	ROLLOUT_ACT("promote", PERM_RELEASE, "make the candidate stable"),
	ROLLOUT_ACT("abort", PERM_LOWER, "take all traffic back to stable"),
	ROLLOUT_ACT("approve", PERM_APPROVE, "approve a rollout's start or promotion"),
	ROLLOUT_ACT("reject", PERM_LOWER, "refuse a waiting rollout"),
	{GET, "/v1/changes", PERM_READ, SCOPE_ALL, 0, handle_changes, NULL,
		"what changed, newest first", NULL, query_changes, "Changes", 0, 0},
	{GET, "/v1/changes/{seq}", PERM_READ, SCOPE_CHANGE, 0, handle_change, NULL,
		"one change, its undo as a plan, and what came later", NULL, NULL, "Change", 0, 1},
	{POST, "/v1/changes/{seq}/undo", UNDOERS, SCOPE_CHANGE, 1, handle_undo, need_undo,
		"undo a change", body_reason, NULL, "Act", 0, 0},
	{GET, "/v1/versions", PERM_READ, SCOPE_ALL, 0, handle_versions, NULL,
		"versions, newest first", NULL, query_versions, "Versions", 0, 0},
	{POST, "/v1/versions", PERM_VERSION, SCOPE_PROJECT, 1, handle_version_add, NULL,
		"add a version: the body is a tar file of the bundle", NULL, query_version_add,
		"VersionAdded", 1, 0},
	{GET, "/v1/versions/{v}", PERM_READ, SCOPE_VERSION, 0, handle_version, NULL,
		"one version (PROJECT~NAME) with its manifest", NULL, NULL, "Version", 0, 1},
	{POST, "/v1/plan", PERM_READ, SCOPE_ALL, 0, handle_plan, NULL,
		"what applying a spec would change", body_plan, NULL, "SpecPlan", 0, 0},
	{POST, "/v1/apply", PERM_APPLY, SCOPE_SPEC, 1, handle_apply, NULL, "apply a spec",
		body_apply, NULL, "Act", 0, 0},
	{GET, "/v1/rollouts/{n}/policy", PERM_READ, SCOPE_ROLLOUT, 0, handle_rollout_policy, NULL,
		"what the policy says of an action on a rollout under way, rule by rule", NULL,
		query_policy, "Explanation", 0, 0},
	{GET, "/v1/endpoints/{e}/policy", PERM_READ, SCOPE_ENDPOINT, 0, handle_policy, NULL,
		"what the policy says of an action, rule by rule", NULL, query_policy,
		"Explanation", 0, 0},
	{POST, "/v1/policy/what-if", PERM_READ, SCOPE_ALL, 0, handle_what_if, NULL,
		"what the policy would say under another spec", body_what_if, NULL, "WhatIf", 0, 0},
	{GET, "/v1/holds", PERM_READ, SCOPE_ALL, 0, handle_holds, NULL,
		"where the line is stopped, and which freezes are overridden", NULL, NULL, "Holds",
		0, 0},
	{POST, "/v1/freeze", PERM_LOWER, SCOPE_LINE, 1, handle_freeze, NULL,
		"stop the line: nothing moves, guards and rollbacks go on", body_line, NULL, "Act",
		0, 0},
	{POST, "/v1/unfreeze", PERM_RELEASE | PERM_APPROVE, SCOPE_LINE, 1, handle_unfreeze,
		need_unfreeze, "let the line go on; two people where a tier is high", body_line,
		NULL, "Act", 0, 0},
	{POST, "/v1/endpoints/{e}/override-freeze", PERM_RELEASE | PERM_APPROVE, SCOPE_ENDPOINT, 1,
		handle_override_freeze, NULL,
		"override the freeze windows for a while, when two people want it",
		body_override_freeze, NULL, "Act", 0, 0},
	{GET, "/v1/proposals", PERM_READ, SCOPE_ALL, 0, handle_proposals, NULL,
		"what waits for other people, newest first", NULL, query_proposals, "Proposals", 0,
		0},
	{GET, "/v1/proposals/{n}", PERM_READ, SCOPE_PROPOSAL, 0, handle_proposal, NULL,
		"one proposal with its approvals", NULL, NULL, "Proposal", 0, 1},
	{POST, "/v1/proposals/{n}/approve", PERM_APPROVE | PERM_RELEASE, SCOPE_PROPOSAL, 1,
		handle_proposal_approve, need_proposal,
		"approve a proposal; the last approval carries it out", body_reason, NULL, "Act", 0,
		0},
	{POST, "/v1/proposals/{n}/reject", PERM_LOWER, SCOPE_PROPOSAL, 1, handle_proposal_reject,
		NULL, "refuse a proposal", body_reason, NULL, "Act", 0, 0},
	{GET, "/v1/alerts", PERM_READ, SCOPE_ALL, 0, handle_alerts, NULL, "alerts, newest first",
		NULL, query_alerts, "Alerts", 0, 0},
	{POST, "/v1/alerts/{n}/ack", PERM_LOWER, SCOPE_ALERT, 1, handle_ack, NULL,
		"take note of an alert", body_reason, NULL, "Act", 0, 0},
	{GET, "/v1/audit", PERM_READ, SCOPE_ALL, 0, handle_audit, NULL, "the audit log", NULL,
		query_audit, "Audit", 0, 1},
	{POST, "/v1/outcomes", PERM_POST, SCOPE_ALL, 1, handle_outcomes, NULL,
		"what really happened, joined to predictions by X-Request-ID", body_outcomes, NULL,
		"Outcomes", 0, 0},
	{POST, "/v1/predictions", PERM_POST, SCOPE_ALL, 1, handle_predictions, NULL,
		"scores of answers that could not be read, joined by X-Request-ID",
		body_predictions, NULL, "Predictions", 0, 0},
	{GET, "/v1/events", PERM_READ, SCOPE_ALL, 0, handle_events, NULL,
		"wait until something has happened", NULL, query_events, "Events", 0, 0},
	{GET, "/v1/settings", PERM_READ, SCOPE_ALL, 0, handle_settings, NULL,
		"the engine's tunables and their ranges", NULL, NULL, "Settings", 0, 0},
	{POST, "/v1/backup", PERM_ADMIN, SCOPE_ALL, 1, handle_backup, NULL,
		"a tar file of databases, bundles, keys and configuration", body_reason, NULL, "",
		0, 0},
	{GET, "/v1/openapi.json", ANYONE, SCOPE_ALL, 0, handle_openapi, NULL, "this description",
		NULL, NULL, "OpenApi", 0, 0},
	{GET, "/metrics", PERM_READ, SCOPE_ALL, 0, handle_metrics, NULL, "Prometheus text", NULL,
		NULL, "", 0, 0},
	{NULL, NULL, 0, SCOPE_ALL, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0},
};
