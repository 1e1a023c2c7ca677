/* judge.h: the seam for the statistical judge. The engine's tick hands over what both arms did;
 * a judge answers with one verdict per signal. `judge_counts` is what stands there today: it
 * reports the signals' values and says `undecided` for all, so that only people and the guard
 * act. */
#ifndef PITHEAD_BACKEND_JUDGE_JUDGE_H
#define PITHEAD_BACKEND_JUDGE_JUDGE_H

#include "backend/ingest/window.h"

enum verdict { VERDICT_MISSING, VERDICT_UNDECIDED, VERDICT_OK, VERDICT_HARM };

#define JUDGE_SIGNALS 8

struct signal_value {
	const char *name;	  /* "error_rate" */
	const char *unit;	  /* "%", "ms", "" */
	double stable, candidate; /* NAN = no data */
	int64_t stable_n, candidate_n;
	enum verdict verdict;
};

/* What a judge is: reads arm counts, writes at most JUDGE_SIGNALS values, returns their number. */
struct judge_ops {
	const char *name;
	int (*judge)(const struct arm_counts arms[ARM_COUNT], struct signal_value *out);
};

extern const struct judge_ops judge_counts;

/* "ok", "harm", "undecided" or "missing". */
const char *verdict_name(enum verdict v);

#endif
