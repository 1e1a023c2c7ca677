/* checks.h: the lines of `pithead doctor`, and the groups of checks that write them. Only used
 * inside backend/local/. */
#ifndef PITHEAD_BACKEND_LOCAL_CHECKS_H
#define PITHEAD_BACKEND_LOCAL_CHECKS_H

enum check_level { CHECK_OK, CHECK_WARN, CHECK_FAIL };

struct check {
	enum check_level level;
	char what[32];
	char text[400];
	char remedy[320]; /* exact command; "" = none */
};

struct checks {
	char home[256];
	struct check *list; /* owned */
	int count, fails;
};

/* Adds a line; remedy may be NULL. */
void checks_add(struct checks *c, enum check_level level, const char *what, const char *remedy,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void checks_release(struct checks *c);

/* Programs, kernel settings and limits. */
void checks_machine(struct checks *c);

/* The home: path, rights, room, engine, clock against the audit log. */
void checks_home(struct checks *c);

/* Stray gateways, and the ports of pithead.yaml in the working folder. */
void checks_gateway(struct checks *c);

/* Locale and terminal. */
void checks_screen(struct checks *c);

#endif
