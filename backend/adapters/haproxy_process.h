/* haproxy_process.h: HAProxy's life: start, hitless reload, adoption of one that runs, and the
 * generations (workers) that live side by side for a while after a reload. Knows no endpoint. */
#ifndef PITHEAD_BACKEND_ADAPTERS_HAPROXY_PROCESS_H
#define PITHEAD_BACKEND_ADAPTERS_HAPROXY_PROCESS_H

#include <stdint.h>

#include "backend/adapters/haproxy_cli.h"
#include "backend/adapters/haproxy_config.h"
#include "backend/base/err.h"

#define HAPROXY_GENERATIONS 16

struct haproxy_generation {
	int64_t pid, start_ticks;
	int64_t number;
	char fingerprint[HAPROXY_FINGERPRINT];
	struct haproxy_cli *cli; /* owned */
};

struct haproxy_process {
	char *folder;					     /* owned */
	struct haproxy_generation live[HAPROXY_GENERATIONS]; /* [0] is the newest */
	int count;
	int64_t looked_ms; /* when the older ones were last asked whether they are done */
};

/* folder (copied) is where configuration, pid file and admin socket lie; starts nothing. */
void haproxy_process_init(struct haproxy_process *p, const char *folder);
void haproxy_process_release(struct haproxy_process *p); /* the workers go on */

/* 1 when the newest generation lives. Forgets those that have ended, and lets go of old ones that
 * only wait for our connection to close. */
int haproxy_process_look(struct haproxy_process *p);

/* Adopts the worker behind the admin socket: 1, 0 when none runs, or negative ERR_*. */
int haproxy_process_adopt(struct haproxy_process *p, struct err *e);

/* `haproxy -c` on a file of the folder. 0, or ERR_INVALID with HAProxy's own sentence. */
int haproxy_process_validate(const struct haproxy_process *p, const char *file, struct err *e);

/* Starts HAPROXY_CFG, beside the newest generation if one lives (it hands its sockets over and
 * finishes its requests), and waits until the new one answers with this generation number. On
 * failure the old one serves on. `fault` gets HAProxy's last words. */
int haproxy_process_start(
	struct haproxy_process *p, int64_t generation, char *fault, size_t size, struct err *e);

/* The connection of live[i], made anew for the newest if it broke. NULL with *e. */
struct haproxy_cli *haproxy_process_cli(struct haproxy_process *p, int i, struct err *e);

/* Ends live[i] now; used for an old worker that can no longer be told of moves. */
void haproxy_process_end(struct haproxy_process *p, int i);

/* Ends all generations and waits; ERR_TIMEOUT when one stays. */
int haproxy_process_stop(struct haproxy_process *p, struct err *e);

/* The value of "NAME: VALUE" in the answer to `show info`, as far as it fits. 0, or -1. */
int haproxy_info_get(const char *answer, const char *name, char *out, size_t size);

#endif
