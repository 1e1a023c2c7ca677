/* event.h: one event of the audit log, as it is written and as it is read back. */
#ifndef PITHEAD_BACKEND_AUDIT_EVENT_H
#define PITHEAD_BACKEND_AUDIT_EVENT_H

#include <stdint.h>

/* What an act says of itself. Strings are borrowed; NULL = absent. The canonical form has the
 * keys sorted, with integers and strings only; before/after/causes are JSON texts kept as strings.
 */
struct event {
	int64_t seq;	   /* set by the append */
	int64_t at_us;	   /* UTC */
	int64_t actor_uid; /* -1 = the engine itself */
	int64_t login_uid; /* of the session, -1 = unknown */
	const char *actor; /* name, or "uid 1234" for one without a passwd entry, or "engine" */
	const char *role;
	const char *via;     /* console, command, api, engine */
	const char *verb;    /* "rollout.start"; a name of wire/verbs.def */
	const char *subject; /* "endpoint:flights/delay", "rollout:41" */
	const char *project, *environment, *endpoint, *version; /* endpoint: PROJECT/NAME */
	int64_t rollout;					/* 0 = none */
	const char *before, *after;				/* JSON of what was and what is */
	const char *reason;
	const char *causes; /* JSON array: ["alert:7", "guard:41"] */
	const char *request_id;
	int64_t undo_of;	 /* the change that this one undoes, 0 = none */
	int change;		 /* 1 = it altered something: listed among the changes */
	const char *prev, *hash; /* hex; set by the append */
};

#endif
