/* roles.h: the roles of roles.def as an enum, and their names in theme files. No colours here:
 * those are in theme.h. */
#ifndef PITHEAD_TUI_ROLES_H
#define PITHEAD_TUI_ROLES_H

enum role {
#define ROLE(name, use) ROLE_##name,
#include "tui/roles.def"
#undef ROLE
	ROLE_COUNT
};

/* The name of a role as written in theme files ("stable_arm"). */
const char *color_role_name(enum role r);

/* The role of a name, or -1. */
int role_find(const char *name);

#endif
