/* terminfo.c: asks ncurses for terminal descriptions; sends nothing. Used by term.c. */
#include "tui/terminfo.h"

#include <unistd.h>

#include <curses.h>
#include <term.h>

int terminfo_known(const char *type)
{
	int status = 0;

	if (setupterm(type, STDOUT_FILENO, &status) != OK)
		return status < 0 ? -1 : 0;
	del_curterm(cur_term);
	return 1;
}

const char *terminfo_string(const char *capability)
{
	const char *s = tigetstr(capability);

	return s && s != (const char *)-1 ? s : "";
}
