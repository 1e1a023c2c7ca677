/* test_tls_look.c: what is no TLS fault stays silent; what is one gets a sentence. The faults of
 * certificates are shown with real ones by tests/e2e/upstream.sh. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/adapters/tls_look.h"

/* Answers one connection with words that are no TLS. */
static void *speak(void *arg)
{
	static const char words[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
	int fd = accept(*(int *)arg, NULL, NULL);

	(void)!send(fd, words, sizeof words - 1, MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static int listen_at(char *address, size_t size)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t n = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	snprintf(address, size, "127.0.0.1:%d", ntohs(at.sin_port));
	return fd;
}

static void what_speaks_no_tls_is_told(void **state)
{
	char address[32], why[80] = "";
	int fd = listen_at(address, sizeof address);
	pthread_t thread;

	(void)state;
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, speak, &fd), 0);
	assert_int_equal(tls_look(address, "model.test", "", 1, why, sizeof why), -1);
	assert_string_equal(why, "what listens there speaks no TLS");
	pthread_join(thread, NULL);
	close(fd);
}

static void what_does_not_listen_is_no_fault_of_tls(void **state)
{
	char address[32], why[80] = "";
	int fd = listen_at(address, sizeof address);

	(void)state;
	assert_int_equal(tls_look(address, "", "", 0, why, sizeof why), 0);
	assert_int_equal(tls_look("nothing", "", "", 0, why, sizeof why), 0);
	assert_string_equal(why, "");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_speaks_no_tls_is_told),
		cmocka_unit_test(what_does_not_listen_is_no_fault_of_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
