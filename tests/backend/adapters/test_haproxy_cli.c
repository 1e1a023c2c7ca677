/* test_haproxy_cli.c: the admin connection against peers that answer rubbish, too much, too
 * little or not at all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/adapters/haproxy_cli.h"
#include "backend/adapters/haproxy_process.h"
#include "backend/adapters/process.h"

struct peer {
	int fd;
	const char *first, *second; /* answers to "prompt" and to the command; NULL = close */
	size_t second_len;
};

static void *play(void *arg)
{
	struct peer *p = arg;
	char text[256];

	if (recv(p->fd, text, sizeof text, 0) > 0 && p->first) {
		send(p->fd, p->first, strlen(p->first), MSG_NOSIGNAL);
		if (recv(p->fd, text, sizeof text, 0) > 0 && p->second) {
			send(p->fd, p->second, p->second_len, MSG_NOSIGNAL);
			/* Stays until we hang up, so that silence is silence. */
			while (recv(p->fd, text, sizeof text, 0) > 0)
				;
		}
	}
	close(p->fd);
	return NULL;
}

#define TEXT(s) s, sizeof s - 1

static const struct {
	const char *name, *first, *second;
	size_t second_len;
	int want, answers;
} cases[] = {
	{"two answers", "\n> ", TEXT("one\n> two\n> "), 0, 2},
	{"empty answers", "\n> ", TEXT("\n> \n> "), 0, 2},
	{"closes at the prompt", NULL, TEXT(""), ERR_UNREACHABLE, -1},
	{"closes at the command", "\n> ", NULL, 0, ERR_UNREACHABLE, 0},
	{"half an answer", "\n> ", TEXT("one\n> tw"), ERR_TIMEOUT, 1},
	{"silence", "\n> ", TEXT("x"), ERR_TIMEOUT, 0},
	{"a byte 0", "\n> ", TEXT("one\0\n> two\n> "), ERR_GATEWAY, 0},
	{"three answers to two", "\n> ", TEXT("one\n> two\n> three\n> "), ERR_GATEWAY, 2},
	{"an HTTP server", "HTTP/1.1 400 Bad request\r\n\r\n", TEXT(""), ERR_TIMEOUT, -1},
};

static void rubbish_is_an_error_in_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct peer p = {0, cases[i].first, cases[i].second, cases[i].second_len};
		struct buf out = {0};
		struct err e = {0};
		pthread_t thread;
		int fds[2], rc = ERR_UNREACHABLE;
		int64_t from = process_now_ms();

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		p.fd = fds[1];
		pthread_create(&thread, NULL, play, &p);
		struct haproxy_cli *c = haproxy_cli_take(fds[0], &e);
		if (c) {
			rc = haproxy_cli_ask(c, "a\nb\n", 2, &out, &e);
			assert_int_equal(haproxy_cli_broken(c), rc < 0);
			if (rc < 0)
				assert_int_equal(
					haproxy_cli_ask(c, "a\n", 1, &out, NULL), ERR_UNREACHABLE);
		} else {
			rc = e.code;
		}
		haproxy_cli_close(c);
		pthread_join(thread, NULL);
		int n = 0;
		for (const char *a = NULL; (a = haproxy_cli_next(&out, a)) != NULL;)
			n++;
		buf_release(&out);
		if (rc != cases[i].want || (cases[i].answers >= 0 && n != cases[i].answers))
			fail_msg("%s: %d, %d answers", cases[i].name, rc, n);
		if (rc < 0)
			assert_true(e.message[0] != '\0');
		assert_true(process_now_ms() - from < 2 * HAPROXY_CLI_MS + 400);
	}
}

static void info_is_read_by_exact_name(void **state)
{
	char out[16] = "-";

	(void)state;
	assert_int_equal(haproxy_info_get("Pid: 12\nPids: 3\n", "Pids", out, sizeof out), 0);
	assert_string_equal(out, "3");
	assert_int_equal(haproxy_info_get("XPid: 12\nPid:12\n", "Pid", out, sizeof out), -1);
	assert_int_equal(haproxy_info_get("", "Pid", out, sizeof out), -1);
	assert_int_equal(haproxy_info_get("a: 12345678901234567890", "a", out, sizeof out), 0);
	assert_int_equal(strlen(out), 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rubbish_is_an_error_in_time),
		cmocka_unit_test(info_is_read_by_exact_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
