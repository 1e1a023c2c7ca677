/* codec_local.h: what local commands print with --json, each one object on one line to stdout, and
 * the JSON that the event of a restore keeps. Only used inside backend/local/. */
#ifndef PITHEAD_BACKEND_LOCAL_CODEC_LOCAL_H
#define PITHEAD_BACKEND_LOCAL_CODEC_LOCAL_H

#include "backend/audit/verify.h"
#include "backend/intake/intake.h"
#include "backend/judge/rollout_judge.h"
#include "backend/local/checks.h"
#include "backend/spec/spec.h"

/* {"file","valid","faults":[{"line","column","message"}]} */
void codec_print_faults(const char *file, const struct spec_faults *faults);

/* {"home","finding","whole","events","signed_seq","exposed","first_bad_seq","sentence"} */
void codec_print_report(const char *home, const struct audit_report *r);

/* {"ok","checks":[{"level","what","text","remedy"}]} */
void codec_print_checks(const struct checks *c);

/* {"home","file","event","restored_seq","lost","bundles","aside","sentence"} */
struct restored;
void codec_print_restored(const struct restored *r);

/* {"tick","w","verdict","logE_harm","per_metric":{},"logE_ok":{},"srm","shift_logE","psi_adj",
 * "worst","n_canary","n_stable","n_canary_step","missing":[],"why"}: natural logs. */
void codec_print_judgement(const struct judge_card *card, const char *verdict);

/* {"file","project","endpoints":[{"name","listen","score","key","segment","task","health"}],"text"}:
 * null for what was only suggested; file is null when it was not written. */
void codec_print_proposal(const char *file, const struct intake *in, const char *text);

/* {"text": text} as JSON; the caller frees it. */
char *codec_format_text(const char *text);

#endif
