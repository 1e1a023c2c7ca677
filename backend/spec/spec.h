/* spec.h: pithead.yaml as typed values. Parsing is whole or nothing: every fault of a file is
 * told at once with file:line:column, and no struct is handed out unless all of it is valid. */
#ifndef PITHEAD_BACKEND_SPEC_SPEC_H
#define PITHEAD_BACKEND_SPEC_SPEC_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/err.h"

#define SPEC_STEPS 16
#define SPEC_LIST  32 /* members of a list such as features or role members */

/* Where a value of a request or an answer is read from. */
enum source_kind { SOURCE_NONE, SOURCE_HEADER, SOURCE_JSON };
struct source {
	enum source_kind kind;
	char name[96];	 /* header name, or dotted JSON path without "$." */
	int else_random; /* key: `header X else random` */
};

struct spec_step {
	int share_bp;	  /* 1..10000 */
	int64_t least_ms; /* shortest time on the step */
};

struct spec_signal {
	char name[64];
	char text[160]; /* "critical worse-by 0.5pp": kept as written for the judge */
};

struct spec_rollout {
	char pattern[16]; /* canary (others come later) */
	struct spec_step steps[SPEC_STEPS];
	int step_count;
	int64_t hold_ms, keep_hot_ms;
	char false_abort[16];
	struct spec_signal signals[SPEC_LIST];
	int signal_count;
};

/* One server address of an upstream arm. */
struct spec_upstream {
	char host[128]; /* name, IPv4, or IPv6 in brackets */
	int port;
};

/* A version that somebody else serves: `versions: NAME: upstream: HOST:PORT, …` */
struct spec_arm {
	char name[64];
	struct spec_upstream servers[8];
	int server_count;
	int tls; /* `upstream: tls HOST:PORT` */
};

struct spec_endpoint {
	char name[64], environment[16], mode[16], tier[16], owner[64], runbook[160];
	char listen_host[64]; /* 127.x, 0.0.0.0, [::1] or [::]: fits "%s:%d" */
	int listen_port;
	char serve[512]; /* command line of a replica; "" when every version is upstream */
	struct spec_arm arms[SPEC_LIST]; /* declared upstream versions */
	int arm_count;
	int replicas;
	char health[128]; /* HTTP path */
	struct source key, segment, score;
	struct source features[SPEC_LIST];
	int feature_count;
	int64_t timeout_ms;
	char task[16];
	char outcome[64]; /* name; "" = none */
	int64_t outcome_within_ms;
	struct spec_rollout rollout;
	int line; /* of its name in the file */
};

struct spec_tier {
	char name[16];
	int approvals;
	char freeze[128];    /* kept as written for the policy; "" = none */
	int64_t rollback_ms; /* how soon a rollback must be done; 0 = not said */
};

struct spec_role { /* access: who may do what */
	char role[16];
	char members[SPEC_LIST][64]; /* unix users, or @group */
	int member_count;
};

struct spec {
	char project[64], owner[64];
	struct spec_role roles[8];
	int role_count;
	struct spec_tier tiers[8];
	int tier_count;
	struct spec_endpoint *endpoints; /* owned */
	int endpoint_count;
};

/* A fault of the file. line and column count from 1. */
struct spec_fault {
	int line, column;
	char message[400]; /* what stands there, what was expected, did-you-mean */
};
struct spec_faults {
	struct spec_fault *list; /* owned */
	int count;
};

/* Parses text (name is used in messages only). The spec, ended by spec_free, or NULL with every
 * fault in *faults (released by spec_faults_release) and the first as a sentence in *e. */
struct spec *spec_parse(
	const char *text, size_t n, const char *name, struct spec_faults *faults, struct err *e);
void spec_free(struct spec *s);
void spec_faults_release(struct spec_faults *f);

/* The file in its canonical form: known order of keys, two-space indent, comments kept. Parses
 * to the same spec. 0 or negative ERR_*. */
int spec_format(const char *text, size_t n, const char *name, struct buf *out, struct err *e);

/* One endpoint as JSON and back, for the store (stable key order). */
char *spec_endpoint_format_json(const struct spec_endpoint *ep);
int spec_endpoint_parse_json(const char *json, struct spec_endpoint *out, struct err *e);

/* The access and tiers sections as JSON and back (endpoints are not in it). */
char *spec_access_format_json(const struct spec *s);
struct spec *spec_access_parse_json(const char *json, struct err *e);

/* "1% 2m, 5% 5m" into steps and back. Count, or ERR_INVALID. */
int spec_steps_parse(const char *text, struct spec_step steps[SPEC_STEPS], struct err *e);
void spec_steps_format(const struct spec_step *steps, int count, struct buf *out);

/* "5%", "0.25%", "500bp" as basis points 0..10000; ERR_INVALID otherwise. */
int share_parse(const char *text, struct err *e);

/* The schema's rows, for the manual, editors and tests: appended as JSON Schema. */
void spec_format_schema(struct buf *out);

#endif
