/* policy.h: what a tier lets happen, and why not. Pure: facts in, an answer with every rule that
 * was looked at out. Three-valued: a rule whose evidence is missing denies and names what is
 * missing. Abort, rollback, pause and reject are never blocked by anything. */
#ifndef PITHEAD_BACKEND_POLICY_POLICY_H
#define PITHEAD_BACKEND_POLICY_POLICY_H

#include <stdint.h>

#include "backend/base/err.h"
#include "backend/store/rows.h"

enum policy_action {
	POLICY_START,	/* a rollout is recorded; nothing moves yet */
	POLICY_BEGIN,	/* its first traffic moves */
	POLICY_ADVANCE, /* the candidate's share changes */
	POLICY_RESUME,
	POLICY_PROMOTE,
	POLICY_APPROVE,
	POLICY_OVERRIDE, /* a segment is pinned, or a pin ends */
	POLICY_SERVE,	 /* the first version of an endpoint */
	POLICY_APPLY,	 /* a spec */
	POLICY_ABORT,
	POLICY_ROLLBACK,
	POLICY_PAUSE,
	POLICY_REJECT,
	POLICY_ACTION_COUNT
};

enum policy_result { POLICY_ALLOW, POLICY_DENY, POLICY_UNKNOWN };

enum policy_freeze { FREEZE_NONE, FREEZE_HOLDS, FREEZE_UNREADABLE };

/* What is known when the question is asked. Texts are "" when there is nothing to say. */
struct policy_facts {
	enum policy_action action;
	char subject[160]; /* "rollout #12", "endpoint flights/delay" */
	char tier[16];
	int lowers; /* the act takes traffic off the candidate */
	int by_engine;

	int stopped; /* stop-the-line holds here */
	char stopped_by[160];
	enum policy_freeze freeze;
	char window[160], freeze_until[80]; /* the window as written; until when it holds */
	char overridden[200];		    /* by which two people, until when */

	int approvals_needed, approvals_valid; /* of the purpose that the action has */
	char lapsed[200];		       /* whose approval no longer counts, and why */
	int approves_this;		       /* APPROVE: the tier asks for approval now */
	int is_author, is_account;	       /* of who asks */
	int is_hidden;			       /* whose login session it is cannot be told */
	char account_kind[16];		       /* robot or shared */

	char verdict[16]; /* missing, undecided, ok, harm, invalid; "" = nothing is judged */
	char why[240];	  /* the verdict's sentence */
	char signals_absent[240];  /* required by the tier, not judged by the endpoint */
	char signals_missing[240]; /* required by the tier, and without data */
	char signals_late[240];	   /* whose outcomes come after the steps */
	int late_refused;

	int64_t rollback_ms; /* how soon the tier wants a rollback done; 0 = not said */
	int64_t hot_ms;	     /* how long the version before stays ready; -1 = always */
	int64_t soak_left_us;
	int step_most_bp;	 /* 0 = any */
	int rise_bp;		 /* by how much the share would rise, at most */
	char rise_text[120];	 /* "from 5 % to 50 %" */
	int loosens;		 /* APPLY: how many differences loosen */
	char loosens_first[200]; /* the first of them */
};

#define POLICY_RULES 16
struct policy_looked {
	const char *id, *text; /* the rule's name and what it asks for */
	enum policy_result result;
	char sentence[320]; /* what was found */
};
struct policy_answer {
	enum policy_result result; /* ALLOW, or that of the rule that decided */
	const char *rule;	   /* its name; "" when nothing is against it */
	char sentence[320], hint[240];
	struct policy_looked rules[POLICY_RULES];
	int rule_count;
};

/* Looks at every rule that is about the action. A denial goes before missing evidence, which goes
 * before a yes; among equals the first rule of the table decides. */
void policy_decide(const struct policy_facts *f, struct policy_answer *out);

/* ERR_DENIED with the answer's sentence and hint. */
int policy_refuse(const struct policy_answer *a, struct err *e);

/* "allow", "deny", "unknown". */
const char *policy_result_name(enum policy_result r);

/* "promote"; and the action of a name, or -1. */
const char *policy_action_name(enum policy_action a);
int policy_action_find(const char *name);

/* Whether an action is one that nothing blocks. */
int policy_action_lowers(enum policy_action a);

/* What an approval was given for, and how things stand now. */
struct approval_evidence {
	const char *verdict;	    /* the live verdict's word */
	const char *version_digest; /* of the candidate; "" of an upstream version */
	int64_t spec_seq;	    /* of the endpoint's configuration */
};

/* Whether an approval no longer counts; why (in words) goes to out. One for the start lapses with
 * the version's bytes or the configuration; one for the promotion also when the verdict is another
 * one; both when it is harm or invalid. */
int approval_lapsed(const struct approval_row *given, const struct approval_evidence *now,
	char *out, unsigned size);

#endif
