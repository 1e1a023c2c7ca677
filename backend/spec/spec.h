/* spec.h: pithead.yaml as typed values. Parsing is whole or nothing: every fault of a file is
 * told at once with file:line:column, and no struct is handed out unless all of it is valid. */
#ifndef PITHEAD_BACKEND_SPEC_SPEC_H
#define PITHEAD_BACKEND_SPEC_SPEC_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/err.h"

#define SPEC_STEPS    16
#define SPEC_SEGMENTS 16
#define SPEC_WINDOWS  8	 /* freeze windows of a tier */
#define SPEC_LIST     32 /* members of a list such as features or role members */
#define SPEC_JUDGED   8	 /* signals that can tell harm, of one rollout */

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

/* A signal of wire/signals.def, or outcome:NAME. Numbers that the text does not name are NAN. */
struct spec_signal {
	char name[64];
	char text[160]; /* "critical worse-by 0.5pp": as written */
	int critical;	/* 0: `watch`, it is told and decides nothing */
	/* OK proves less than worse_by, HARM more than harm_at (NAN: a quarter of worse_by). A
	 * fraction for rates and for latency (0.5pp = .005, 20% = .2), else the value's unit. */
	double worse_by, harm_at;
	double psi;	    /* of shifts: how large a shift must be to matter */
	double low, high;   /* `of LOW..HIGH`: bounds of a value that has none by itself */
	int lower_is_worse; /* outcome:NAME: less of it is harm */
};

struct spec_rollout {
	char pattern[16];      /* canary, shadow, bluegreen, segmented */
	char on_undecided[16]; /* pause, page or abort; "" = as the tier says */
	/* Judged each by itself, in the order of the segmented pattern; or one text `largest N`. */
	char segments[SPEC_SEGMENTS][64];
	int segment_count;
	struct spec_step steps[SPEC_STEPS];
	int step_count;
	int64_t hold_ms, keep_hot_ms;
	int sample_bp;	       /* shadow: part of stable's requests that is copied; 0 = all */
	int64_t shadow_for_ms; /* shadow: least time before the steps begin */
	int differ_bp; /* shadow: how far the scores may be apart in the mean; 0 = not said */
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
	int tls;	       /* `upstream: tls HOST:PORT` */
	char server_name[128]; /* whose certificate it must be; "" = the host's */
	char verify[16];       /* required, or none: the certificate is not looked at */
	int connections;       /* at a time to each of its servers; 0 = any number */
};

/* Where the numbers of an observed endpoint come from. Queries give counters as they are scraped:
 * one series for each server and arm, without rate() or increase(). Of posted requests only the
 * two versions and the times mean something. */
struct spec_metrics {
	char from[16];			       /* prometheus ("" too), or predictions: posted */
	char prometheus[200];		       /* URL */
	char bearer[160], basic[160], ca[160]; /* files: a token; USER:PASSWORD; certificates */
	char arm[64];			       /* the label whose value names the arm */
	char stable[64], candidate[64];	       /* its two values */
	char requests[768], errors[768], latency[768]; /* queries; "" = not given */
	char latency_unit[4];			       /* of the label `le`: s or ms */
	int64_t every_ms, stale_ms;		       /* 0 = not said: see spec_metrics_every() */
};

struct spec_endpoint {
	char name[64], environment[16], mode[16], tier[16], owner[64], runbook[160];
	char listen_host[64]; /* 127.x, 0.0.0.0, [::1] or [::]: fits "%s:%d" */
	int listen_port;
	char serve[512]; /* command line of a replica; "" when every version is upstream */
	struct spec_arm arms[SPEC_LIST]; /* declared upstream versions */
	int arm_count;
	int replicas;
	char health[128]; /* HTTP path, or tcp */
	char host[128];	  /* what servers are asked for, in the Host header; "" = not told */
	char ca[8192];	  /* PEM: who vouches for its upstream servers; "" = the machine's own */
	struct source key, segment, score;
	struct source features[SPEC_LIST];
	int feature_count;
	int64_t timeout_ms, stream_ms;
	char task[16];
	char outcome[64]; /* name; "" = none */
	int64_t outcome_within_ms;
	struct spec_rollout rollout;
	struct spec_metrics metrics; /* mode observe */
	int line;		     /* of its name in the file */
};

struct spec_tier {
	char name[16];
	int approvals;
	char approve[16];		/* what they are for: start, promote, both */
	char freeze[SPEC_WINDOWS][128]; /* as written for the policy */
	int freeze_count;
	int64_t rollback_ms;	     /* how soon a rollback must be done; 0 = not said */
	int64_t soak_ms;	     /* least time on each step; 0 = not said */
	int step_most_bp;	     /* no step may raise the share further than this; 0 = any */
	char signals[SPEC_LIST][64]; /* that its endpoints must judge as critical */
	int signal_count;
	char on_undecided[16];	/* pause, page or abort */
	char late_outcomes[16]; /* allow: promote before outcomes that come late; refuse */
};

/* Accounts that are no person: they act where a role lets them, and never approve. With a list of
 * commands they may nothing else, whatever their roles. */
struct spec_account {
	char name[64];
	char kind[16];		 /* robot or shared */
	char may[SPEC_LIST][64]; /* names of commands */
	int may_count;		 /* 0 = all that their roles allow */
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
	struct spec_account accounts[SPEC_LIST];
	int account_count;
	struct spec_endpoint *endpoints; /* owned */
	int endpoint_count;
};

/* N of `segments: largest N`, 0 where segments are named or not judged by themselves. */
int spec_segments_largest(const struct spec_rollout *r);

/* Whether an endpoint is only looked at (`mode: observe`): somebody else serves it and moves its
 * traffic. How often its metrics are read, and how old they may be, in ms. */
int spec_is_observed(const struct spec_endpoint *ep);
int64_t spec_metrics_every(const struct spec_metrics *m);
int64_t spec_metrics_stale(const struct spec_metrics *m);
/* Whether each request is posted (POST /v1/predictions), and no Prometheus is asked. */
int spec_metrics_is_posted(const struct spec_metrics *m);

/* Whether there is such a rollout pattern; and all of them, for a sentence. */
int spec_pattern_known(const char *word);
const char *spec_patterns(void);

/* The signals of an endpoint that names none: what its task, score and outcome allow. Fills at most
 * `most`, returns their number. They have no text: they stand in no file. */
int spec_signals_default(const struct spec_endpoint *ep, struct spec_signal *out, int most);

/* Between what the values of a signal lie: as its name has it, or as `of LOW..HIGH` says. 0 and 1
 * for rates; the distances of absolute_error begin with 0. */
void spec_signal_bounds(const struct spec_signal *s, double *low, double *high);

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
