/* log.h: the engine's structured log: one JSON object a line, rotated by size. Never secrets. */
#ifndef PITHEAD_BACKEND_BASE_LOG_H
#define PITHEAD_BACKEND_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Opens path for appending; at max_bytes it becomes path.1 (then .2, up to keep files).
 * NULL path = stderr. Returns 0 or -1 with errno (the log then stays on stderr). */
int log_open(const char *path, long max_bytes, int keep);
void log_close(void);
void log_set_level(enum log_level level);

/* One line: {"ts","level","event","msg", and each pair of further arguments}. Pairs are
 * (const char *key, const char *value), ended by NULL; a NULL value is left out. */
void log_event(enum log_level level, const char *event, const char *msg, ...)
	__attribute__((sentinel));

/* The same with printf's text and no pairs. */
void log_error(const char *event, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_warn(const char *event, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *event, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
