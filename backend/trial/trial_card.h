/* trial_card.h: the verdict card: what stands in a trial, in the units that people read, with the
 * limits, the evidence and one sentence. The same struct is shown live, kept at the end of each
 * step, and copied into the audit event that it causes. Pure. */
#ifndef PITHEAD_BACKEND_TRIAL_TRIAL_CARD_H
#define PITHEAD_BACKEND_TRIAL_TRIAL_CARD_H

#include "backend/trial/trial.h"

#define TRIAL_CARD_SIGNALS                                                                         \
	(4 * JUDGE_MOST_SIGNALS) /* all traffic, and the worst three segments                      \
				  */
#define TRIAL_CARD_SHIFTS JUDGE_SHIFTS

struct trial_signal_card {
	char name[32], unit[8], effect_unit[8];
	char segment[64]; /* "" = all traffic */
	int decimals, critical, late;
	int lower; /* two-sided: the candidate's is the lower one */
	enum judge_verdict verdict;
	double stable, candidate;     /* in `unit`, this step; NAN = no data */
	double effect, low, high;     /* candidate - stable with its 95 % band, in effect_unit */
	double limit_ok, limit_harm;  /* in effect_unit; NAN = none */
	double n[2];		      /* observations, whole rollout */
	double budget_spent, left;    /* of false aborts; requests until OK, NAN = unknown */
	double evidence, evidence_ok; /* log E over what is needed: 1 = proven */
	int64_t missing_since;	      /* second; 0 = not missing */
};

struct trial_segment_card {
	char name[64];
	enum judge_verdict verdict;
	double counted[2], evidence;
};

struct trial_shift_card {
	double psi, evidence, limit; /* limit: psi that matters, 0 = it is told only */
	double bins[2][10];
};

/* Two answers to one request, of a shadow rollout. */
#define TRIAL_EXAMPLES 5
struct trial_example {
	char id[40];
	double score[2]; /* stable, candidate; NAN = unread */
	int status[2];	 /* 0 = no answer */
};

struct trial_card {
	enum judge_verdict verdict;
	char why[320];
	int64_t tick, decided, step_tick; /* seconds; 0 = none yet */
	double share;
	int step, looks;
	double budget, budget_spent;
	char worst[32];
	double counted[2], step_counted[2], late[2], dropped[2];
	struct trial_signal_card signals[TRIAL_CARD_SIGNALS];
	int signal_count;
	struct trial_segment_card segments[TRIAL_PARTS];
	int segment_count;
	struct trial_shift_card shifts[TRIAL_CARD_SHIFTS];
	int shift_count;
	double ratio_requests, ratio_scores, ratio_outcomes; /* 1 = the arms are not fed alike */
	struct trial_example examples[TRIAL_EXAMPLES];	     /* those that differ most come first */
	int example_count;
	char replicas[320];  /* what is said of an arm's servers; "" = nothing */
	int replicas_differ; /* one of them stands out */
};

/* Fills the card with what stands now. */
void trial_read(const struct trial *t, struct trial_card *out);

/* The card as JSON text (its members: docs/openapi.json, VerdictCard), for API, store and audit.
 * `kind` is live, shadow, step, end or late. The caller frees it. */
char *trial_card_format(const struct trial_card *c, const char *kind, int64_t at_us);

/* A point of the chart of a band: the signals' effect, band and limits only. */
char *trial_point_format(const struct trial_card *c, int64_t at_us);

#endif
