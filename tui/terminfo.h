/* terminfo.h: what the machine's terminal descriptions say. Apart from term.c because the library's
 * header has a struct term of its own. For term.c alone. */
#ifndef PITHEAD_TUI_TERMINFO_H
#define PITHEAD_TUI_TERMINFO_H

/* 1 when a description of type exists here, 0 when not, -1 when there are no descriptions. */
int terminfo_known(const char *type);

/* A capability of the terminal that is open, or "". Borrowed from the library. */
const char *terminfo_string(const char *capability);

#endif
