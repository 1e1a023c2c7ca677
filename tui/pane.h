/* pane.h: what a pane is: a view on a few resources of the engine and a selection. A pane sends no
 * act and knows no key: keys are command lines (keymap.conf), commands are rows of commands.def,
 * and the app fetches what feeds() names. One pane a file, one line in panes/panes.def. */
#ifndef PITHEAD_TUI_PANE_H
#define PITHEAD_TUI_PANE_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/err.h"
#include "tui/canvas.h"
#include "tui/client/snapshot.h"
#include "tui/timefmt.h"
#include "tui/widget/help.h"

enum { PANE_FEEDS = 8 };

struct pane;

/* What a command line's %id, %change, %rollout, %endpoint, %server, %alert stand for; "" = nothing.
 */
struct selection {
	char id[64];	    /* of the change or event; %change is the same */
	char rollout[32];   /* that can be acted on */
	char looked_at[32]; /* whose charts and cards are meant, ended or not; "": rollout */
	char endpoint[132];
	char version[64];
	char server[132]; /* VERSION/NAME */
	char proposal[32];
	char alert[32];	 /* the newest that nobody has acknowledged */
	char place[160]; /* what Enter opens: "rollout/40" */
};

/* What the app lends to a pane. now_us is the time to reckon ages from. */
struct pane_host {
	void *app;
	int64_t now_us;
	enum timefmt_zone zone;
	char project[64]; /* "" = all projects */
	bool up;	  /* the engine answers */
	/* Fetches path for a slot of the pane's feeds; on_snapshot follows. A request under way for
	 * the same slot is dropped. */
	void (*fetch)(struct pane_host *h, struct pane *p, int slot, const char *path);
	/* Calls the pane's on_timer after ms, once; a later call replaces an earlier one. */
	void (*timer)(struct pane_host *h, struct pane *p, int ms);
};

/* Which slot of which pane an answer belongs to; the app's. */
struct pane_slot {
	struct pane *pane;
	int slot;
};

struct pane {
	const struct pane_ops *ops;
	struct pane_host *host;
	void *state;			   /* owned: state_size zeroed bytes */
	struct snapshot *data[PANE_FEEDS]; /* owned: the newest of each slot */
	char failed[PANE_FEEDS][200];	   /* why a slot could not be fetched; "" */
	char argument[160];		   /* of a detail: "flights/delay"; "" for a tab */
	int request[PANE_FEEDS];	   /* under way; 0 = none. The app's. */
	struct pane_slot self[PANE_FEEDS]; /* the app's */
	int64_t timer_ms;		   /* when on_timer is due; 0 = none. The app's. */
	bool asked;			   /* feeds were fetched since it was opened */
};

struct pane_ops {
	const char *name;  /* "rollouts": `pane rollouts`, and the section of the keymap */
	const char *title; /* of the tab */
	const char *place; /* details: the word before the "/" that opens it; NULL = a tab */
	const char *kind;  /* the section of moves: "list" or "detail" */
	bool live;	   /* refreshed while traffic flows, not only on changes */
	size_t state_size;
	const struct help_hint *hints; /* ended by {NULL, NULL}; "%id" as in the keymap */
	void (*open)(struct pane *p);
	/* Appends the path of a slot; false when the slot is not fetched (now). */
	bool (*feed)(struct pane *p, int slot, struct buf *path);
	/* New data in p->data[slot]. The pane may take the snapshot (and set the slot to NULL). */
	void (*on_snapshot)(struct pane *p, int slot);
	void (*on_timer)(struct pane *p);
	void (*draw)(struct pane *p, struct canvas *c, struct rect r);
	/* Runs "move down", "sort", "focus next" …; false when it does not know it. */
	bool (*command)(struct pane *p, const char *command);
	/* Filters by a regex; the sentence of a bad one in *e. NULL: cannot be filtered. */
	int (*filter)(struct pane *p, const char *regex, struct err *e);
	/* The filter in force, "" for none; for the person to see it. */
	const char *(*filtered)(const struct pane *p);
	void (*select)(const struct pane *p, struct selection *out);
	/* Whether a hint's command can be done with the selected thing as it is now. NULL: all can.
	 * For what is offered only; what may be done is for the engine to say. */
	bool (*offers)(const struct pane *p, const char *command);
	void (*close)(struct pane *p);
};

/* The root of a slot's data, or NULL when there is none yet. */
static inline const struct node *pane_root(const struct pane *p, int slot)
{
	return p->data[slot] ? snapshot_root(p->data[slot]) : NULL;
}

#endif
