/* panes.h: the list of panes, for the composition root. */
#ifndef PITHEAD_PANES_PANES_H
#define PITHEAD_PANES_PANES_H

#include "tui/pane.h"

#define PANE(name) extern const struct pane_ops name##_pane;
#include "panes/panes.def"
#undef PANE

/* All of panes.def in its order, ended by NULL. */
extern const struct pane_ops *const panes_all[];

#endif
