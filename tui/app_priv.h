/* app_priv.h: the console's whole state, shared by the app_*.c files and by tests. */
#ifndef PITHEAD_TUI_APP_PRIV_H
#define PITHEAD_TUI_APP_PRIV_H

#include "backend/base/clock.h"
#include "tui/app.h"
#include "tui/client/conn.h"
#include "tui/client/home.h"
#include "tui/command.h"
#include "tui/keymap.h"
#include "tui/pane.h"
#include "tui/term.h"
#include "tui/theme.h"
#include "tui/widget/dialog.h"
#include "tui/widget/help.h"
#include "tui/widget/prompt.h"

enum { APP_TABS = 12, APP_DEPTH = 8 };

enum link { LINK_CONNECTING, LINK_UP, LINK_DOWN };
enum prompt_use { PROMPT_NONE, PROMPT_FILTER, PROMPT_PALETTE, PROMPT_PROJECT };
enum act_state { ACT_NONE, ACT_PLANNING, ACT_PLANNED, ACT_SENDING, ACT_OVER };

/* One act on its way: from the command to its plan, the person's Enter, and the answer. */
struct act_flow {
	enum act_state state;
	const struct command *command;
	char *path;	  /* owned, without the query */
	char *body;	  /* owned: members without the reason, "{…}" */
	int64_t revision; /* that the plan was made at: sent as If-Match */
	char idempotency[40];
	char endpoint[132];    /* that it is about, as far as the console knows; "" */
	struct dialog *dialog; /* owned */
	bool unseen;	       /* the dialog's text has not been on the terminal yet */
	int request;
};

struct app {
	const struct console_options *options;
	struct term *term;     /* owned; NULL in tests */
	struct canvas *canvas; /* owned */
	struct keys *keys;     /* owned */
	struct keymap *keymap; /* owned */
	struct theme theme;
	struct clock clock;
	struct pane_host host;

	char socket[HOME_PATH_SIZE]; /* chosen by --socket or by connect; "" = as it is found */
	struct home home;
	struct conn *conn; /* owned; NULL until the engine's place is known */
	enum link link;
	int64_t down_since_us; /* UTC; 0 = not down */
	int64_t retry_at_ms;
	int backoff_ms;
	int events_request;
	struct err link_error;
	int64_t head, data_us;
	int quiet;			  /* answers in a row without new data */
	struct snapshot *engine, *whoami; /* owned; NULL until known */
	unsigned posts;			  /* acts that were sent, plans included; for tests */

	struct pane *tabs[APP_TABS]; /* owned */
	int tab_count, tab;
	struct pane *stack[APP_DEPTH]; /* owned: details over the tab, the last is shown */
	int depth;

	struct prompt *prompt; /* owned */
	enum prompt_use prompt_use;
	struct help *help; /* owned; NULL = closed */
	struct act_flow act;
	char about[96];	   /* of app_about */
	char message[600]; /* the last word of the engine or of the console itself */
	enum role message_role;
	int64_t minute_ms; /* when ages are drawn anew */
	int64_t theme_ms;  /* when the theme's file is looked at next */
	bool dirty, quit;
	int exit_code;
};

/* Life without a terminal: used by console_main and by tests. */
void app_init(struct app *a, const struct console_options *o);
void app_release(struct app *a);

int64_t app_mono_ms(const struct app *a);
struct pane *app_pane(const struct app *a); /* the one that is shown */
void app_say(struct app *a, enum role role, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* app_feed.c */
/* Finds the engine and begins to listen; start: starts one where that is allowed. */
void app_link_start(struct app *a, bool start);
void app_link_retry(struct app *a);		 /* when retry_at_ms has come */
void app_refresh(struct app *a, bool live_only); /* asks anew for what is shown */
void app_show(struct app *a, struct pane *p);	 /* asks for a pane's data when it has none */
void app_pane_free(struct app *a, struct pane *p);
struct pane *app_pane_new(struct app *a, const struct pane_ops *ops, const char *argument);
void app_pane_timers(struct app *a, int64_t now_ms, int *wait_ms);

/* app_command.c */
void app_key(struct app *a, const struct key_event *ev);
void app_command(struct app *a, const char *line); /* with %id and the like */
bool app_open_place(struct app *a, const char *place, struct err *e);
/* Whether the person may run the row's act now; ERR_DENIED or ERR_UNREACHABLE with a sentence.
 * Every request that changes something asks this first, whatever way it came. */
int app_gate(const struct app *a, const struct command *c, struct err *e);
bool app_may(const struct app *a, const struct command *c); /* by role alone */
/* Whether all %words of the line stand for something that is selected now, and the engine is there
 * when it is an act. */
bool app_line_is_whole(const struct app *a, const char *line);
const char *app_about(void *ctx, const char *command); /* help of a command line; NULL unknown */
void app_keymap_load(struct app *a); /* anew, without the keys of acts that are not allowed */

/* app_act.c */
void app_act_begin(struct app *a, const struct parsed *p);
void app_act_key(struct app *a, const struct key_event *ev);
void app_act_close(struct app *a);
void app_act_lost(struct app *a); /* the link was cut while an answer was awaited */

/* app_prompt.c */
void app_prompt_open(struct app *a, enum prompt_use use);
void app_prompt_line(struct app *a, const char *text); /* the palette with a line begun */
void app_prompt_key(struct app *a, const struct key_event *ev);

/* app_draw.c */
void app_draw(struct app *a);

#endif
