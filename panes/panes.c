/* panes.c: the list of panes.def as an array. */
#include "panes/panes.h"

#include <stddef.h>

#define PANE(name) &name##_pane,
const struct pane_ops *const panes_all[] = {
#include "panes/panes.def"
	NULL};
