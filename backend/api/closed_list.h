/* closed_list.h: accounts whose project lists the only commands that they may use (accounts: NAME:
 * may: in pithead.yaml). The list is of commands; what is guarded is every route that they use. */
#ifndef PITHEAD_BACKEND_API_CLOSED_LIST_H
#define PITHEAD_BACKEND_API_CLOSED_LIST_H

#include "backend/api/request.h"

/* 0, or ERR_DENIED naming the list: where the project of the request lists commands for the caller,
 * that list holds; else the caller may do what any project lists; without a list, anything. The
 * engine's own user has none. */
int closed_list_check(const struct request *rq, struct err *e);

/* Calls fn with each command that the caller is held to, in all projects; the number of projects
 * that list some (0 = the caller is not held to any). */
int closed_list_each(const struct world *w, const struct caller *c,
	void (*fn)(void *arg, const char *command), void *arg);

/* Whether the command uses the route. Both as they stand in their tables. */
int closed_list_uses(const char *command, const char *method, const char *pattern);

#endif
