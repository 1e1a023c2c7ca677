/* trial_setup.h: from what pithead.yaml says of an endpoint, and what was known of stable when the
 * rollout began, to what is judged and with which limits. The setup is kept as JSON beside the
 * journal, so that a replay begins where the engine began. Pure. */
#ifndef PITHEAD_BACKEND_TRIAL_TRIAL_SETUP_H
#define PITHEAD_BACKEND_TRIAL_TRIAL_SETUP_H

#include "backend/spec/spec.h"
#include "backend/trial/trial.h"

/* What stable showed before the rollout: any value is valid, a good one saves requests. */
struct trial_prior {
	double n, mean, sd; /* n = 0: nothing is known */
};

struct trial_setup {
	struct spec_endpoint *endpoint; /* owned */
	char steps[512];		/* of this rollout, as the spec writes them */
	char pattern[16];
	char segments[TRIAL_SEGMENTS][64]; /* judged by themselves; chosen at the start */
	int segment_count;
	double speed; /* divides how long steps last; 1 but in drills */
	struct trial_prior errors, score, brier;
};

/* An empty setup for a copy of ep; ended by trial_setup_release. */
void trial_setup_init(struct trial_setup *s, const struct spec_endpoint *ep);
void trial_setup_release(struct trial_setup *s);

/* What is judged. ERR_INVALID with a sentence when it cannot be (such as too many signals). */
int trial_setup_config(const struct trial_setup *s, struct trial_config *out, struct err *e);

/* The signals in force: those of the spec, or the defaults of task and endpoint. Their number. */
int trial_setup_signals(const struct spec_endpoint *ep, struct spec_signal out[SPEC_LIST]);

/* Whether a signal's outcomes come later than the longest step lasts. */
int trial_setup_is_late(const struct trial_setup *s);

/* As JSON and back (the caller frees the text / releases the setup). */
char *trial_setup_format(const struct trial_setup *s);
int trial_setup_parse(const char *json, struct trial_setup *out, struct err *e);

#endif
