/* roles.c: names of the roles, from roles.def. Used by theme files and messages. */
#include "tui/roles.h"

#include <string.h>

static const char *const role_names[ROLE_COUNT] = {
#define ROLE(name, use) #name,
#include "tui/roles.def"
#undef ROLE
};

const char *color_role_name(enum role r)
{
	return role_names[r];
}

int role_find(const char *name)
{
	for (int i = 0; i < ROLE_COUNT; i++) {
		if (strcmp(role_names[i], name) == 0)
			return i;
	}
	return -1;
}
