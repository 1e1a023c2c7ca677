/* log.c: one JSON object a line, written with one write(2), rotated by size. The only mutable
 * file-scope state of base: a log line must be possible from anywhere. */
#include "backend/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/buf.h"
#include "backend/base/clock.h"
#include "backend/base/json.h"
#include "backend/base/xalloc.h"

static struct {
	int fd;
	char *path; /* owned; NULL = stderr */
	long max_bytes;
	long size;
	int keep;
	enum log_level level;
} sink = {.fd = STDERR_FILENO, .level = LOG_LEVEL_INFO};

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static int open_file(void)
{
	struct stat st;
	int fd = open(sink.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	sink.size = fstat(fd, &st) == 0 ? (long)st.st_size : 0;
	sink.fd = fd;
	return 0;
}

int log_open(const char *path, long max_bytes, int keep)
{
	log_close();
	sink.max_bytes = max_bytes;
	sink.keep = keep;
	if (!path)
		return 0;
	sink.path = xstrdup(path);
	if (open_file() < 0) {
		int saved = errno;
		xfree(sink.path);
		sink.fd = STDERR_FILENO;
		errno = saved;
		return -1;
	}
	return 0;
}

void log_close(void)
{
	if (sink.path)
		close(sink.fd);
	xfree(sink.path);
	sink.fd = STDERR_FILENO;
}

void log_set_level(enum log_level level)
{
	sink.level = level;
}

static void rotate(void)
{
	for (int i = sink.keep - 1; i >= 0; i--) {
		char *from = i ? xasprintf("%s.%d", sink.path, i) : xstrdup(sink.path);
		char *to = xasprintf("%s.%d", sink.path, i + 1);
		rename(from, to); /* a missing older file is no fault */
		free(from);
		free(to);
	}
	close(sink.fd);
	if (open_file() < 0)
		sink.fd = STDERR_FILENO;
}

static void write_line(cJSON *line)
{
	char *text = json_format(line);
	size_t n = strlen(text);

	text[n] = '\n'; /* in the place of the NUL: one write a line */
	if (sink.path && sink.max_bytes > 0 && sink.size + (long)n > sink.max_bytes)
		rotate();
	if (write(sink.fd, text, n + 1) > 0)
		sink.size += (long)n + 1;
	free(text);
}

static cJSON *new_line(enum log_level level, const char *event, const char *msg)
{
	struct clock c = clock_system();
	cJSON *line = cJSON_CreateObject();
	char ts[32];

	clock_format_utc(clock_wall_us(&c), ts, sizeof ts);
	json_put_str(line, "ts", ts);
	json_put_str(line, "level", level_names[level]);
	json_put_str(line, "event", event);
	json_put_str(line, "msg", msg);
	return line;
}

void log_event(enum log_level level, const char *event, const char *msg, ...)
{
	const char *key;
	cJSON *line;
	va_list ap;

	if (level > sink.level)
		return;
	line = new_line(level, event, msg);
	va_start(ap, msg);
	while ((key = va_arg(ap, const char *)) != NULL) {
		const char *value = va_arg(ap, const char *);
		if (value)
			json_put_str(line, key, value);
	}
	va_end(ap);
	write_line(line);
	cJSON_Delete(line);
}

static void log_text(enum log_level level, const char *event, const char *fmt, va_list ap)
{
	struct buf b = {0};

	buf_addv(&b, fmt, ap);
	log_event(level, event, buf_text(&b), NULL);
	buf_release(&b);
}

void log_error(const char *event, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_text(LOG_LEVEL_ERROR, event, fmt, ap);
	va_end(ap);
}

void log_warn(const char *event, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_text(LOG_LEVEL_WARN, event, fmt, ap);
	va_end(ap);
}

void log_info(const char *event, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_text(LOG_LEVEL_INFO, event, fmt, ap);
	va_end(ap);
}
