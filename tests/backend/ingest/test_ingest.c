/* test_ingest.c: the receiver over its real socket: all that is sent is received or counted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/log.h"
#include "backend/ingest/ingest.h"
#include "tests/backend/ingest/lines.h"

#define BOUND_MS 20000

struct place {
	char folder[64], path[96];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	strcpy(p->folder, "/tmp/pithead-ingest-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->path, sizeof p->path, "%s/log.sock", p->folder);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	rmdir(p->folder);
	free(p);
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

/* Sends `count` lines of about 1 kB from a process of its own, as the gateway does. Without
 * `retry` a full queue loses the line; the last one is always retried, so that every gap has an
 * end. The number that was lost goes to the pipe. */
static pid_t sender_start(const char *path, int count, int retry, int *out)
{
	int pipes[2];
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		static char line[4096];
		int fd = connect_to(path), lost = 0;
		for (int i = 0; i < count; i++) {
			size_t n = line_write(line, sizeof line, getpid(), i, 400);
			while (send(fd, line, n, MSG_DONTWAIT) < 0) {
				if (!retry && i < count - 1) {
					lost++;
					break;
				}
				poll(NULL, 0, 1);
			}
		}
		_exit(write(pipes[1], &lost, sizeof lost) == sizeof lost ? 0 : 1);
	}
	close(pipes[1]);
	*out = pipes[0];
	return pid;
}

static int sender_end(pid_t pid, int fd)
{
	int lost = -1, status;

	assert_int_equal(read(fd, &lost, sizeof lost), sizeof lost);
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return lost;
}

/* Drains until `want` datagrams are accounted for, and the gaps have settled. */
static struct ingest_counts drain_until(struct ingest *in, int64_t want)
{
	int64_t end = now_ms() + BOUND_MS;
	struct ingest_counts c;

	do {
		struct pollfd p = {ingest_fd(in), POLLIN, 0};
		if (poll(&p, 1, 100) > 0)
			ingest_drain(in, 500);
		c = ingest_get_counts(in);
	} while (c.parsed + c.bad + c.ring_full + c.lost < want && now_ms() < end);
	return c;
}

static void on_record(void *arg, const struct record *r)
{
	int64_t *sum = arg;

	assert_string_equal(r->endpoint, "flights/delay");
	assert_true(r->score == 0.25);
	++*sum;
}

static struct ingest *open_at(const struct place *p, int64_t records)
{
	struct ingest_endpoint ep = {"flights/delay", 2, "probability"};
	struct err e = {0};
	struct ingest *in = ingest_open(p->path, records, &e);

	if (!in)
		fail_msg("%s", e.message);
	ingest_set_endpoints(in, &ep, 1);
	return in;
}

#define SENT 20000

static void test_a_patient_sender_loses_nothing(void **state)
{
	struct ingest *in = open_at(*state, 16384);
	int64_t handed = 0, second = 0;
	struct ingest_counts c;
	int fd;
	pid_t pid;

	ingest_subscribe(in, on_record, &handed);
	ingest_subscribe(in, on_record, &second);
	pid = sender_start(((struct place *)*state)->path, SENT, 1, &fd);
	c = drain_until(in, SENT);
	assert_int_equal(sender_end(pid, fd), 0);
	assert_int_equal(c.received, SENT);
	assert_int_equal(c.parsed + c.ring_full, SENT);
	assert_int_equal(c.lost + c.bad, 0);
	assert_int_equal(handed, c.parsed);
	assert_int_equal(second, c.parsed);
	ingest_close(in);
}

static void test_a_hasty_sender_loses_what_is_told(void **state)
{
	struct ingest *in = open_at(*state, 16384);
	struct ingest_counts c;
	int fd, lost;
	pid_t pid = sender_start(((struct place *)*state)->path, SENT, 0, &fd);

	c = drain_until(in, SENT);
	lost = sender_end(pid, fd);
	assert_int_equal(c.lost, lost);
	assert_int_equal(c.received + c.lost, SENT);
	assert_int_equal(c.bad, 0);
	ingest_close(in);
}

/* The loop stands still while all is sent: what does not fit is counted, and not as lost too. */
static void test_a_full_ring_is_counted(void **state)
{
	struct ingest *in = open_at(*state, 1000);
	int64_t end = now_ms() + BOUND_MS;
	struct ingest_counts c;
	int fd;
	pid_t pid = sender_start(((struct place *)*state)->path, 5000, 1, &fd);

	while (ingest_get_counts(in).received < 5000 && now_ms() < end)
		poll(NULL, 0, 5);
	assert_int_equal(sender_end(pid, fd), 0);
	c = ingest_get_counts(in);
	assert_int_equal(c.received, 5000);
	assert_int_equal(c.ring_full, 4000);
	assert_int_equal(ingest_drain(in, 600), 600);
	assert_int_equal(ingest_drain(in, 600), 400);
	/* One more, so that the numbers behind the full ring are seen to be missing. */
	fd = connect_to(((struct place *)*state)->path);
	{
		char line[4096];
		size_t n = line_write(line, sizeof line, pid, 5000, 400);
		assert_int_equal(send(fd, line, n, 0), n);
	}
	close(fd);
	end = now_ms() + 1500; /* until the gap has settled */
	do {
		struct pollfd p = {ingest_fd(in), POLLIN, 0};
		if (poll(&p, 1, 50) > 0)
			ingest_drain(in, 10);
		c = ingest_get_counts(in);
		assert_int_equal(c.lost, 0);
	} while (now_ms() < end);
	assert_int_equal(c.parsed, 1001);
	ingest_close(in);
}

struct asker {
	struct ingest *in;
	int asked, other;
};

/* Asks for every second record only, and then twice. */
static void on_record_ask(void *arg, const struct record *r)
{
	struct asker *a = arg;
	const struct record_bodies *b;

	(void)r;
	if (a->other++ % 2)
		return;
	b = ingest_bodies(a->in);
	assert_non_null(b);
	assert_ptr_equal(ingest_bodies(a->in), b);
	assert_string_equal(b->path, "/predict?x=1");
	assert_int_equal(b->request_len, 3 * (size_t)(10 + a->asked * 10));
	a->asked++;
}

static void test_bodies_are_those_of_the_record(void **state)
{
	struct ingest *in = open_at(*state, 1000);
	struct asker asker = {in, 0, 0};
	int fd = connect_to(((struct place *)*state)->path);
	char line[4096];

	ingest_subscribe(in, on_record_ask, &asker);
	for (int i = 0; i < 10; i++) { /* 40 more letters for each pair of records */
		size_t n = line_write(line, sizeof line, getpid(), i, 40 + (size_t)i / 2 * 40);
		assert_int_equal(send(fd, line, n, 0), n);
	}
	assert_int_equal(drain_until(in, 10).parsed, 10);
	assert_int_equal(asker.asked, 5);
	assert_null(ingest_bodies(in)); /* no record is being handed on */
	close(fd);
	ingest_close(in);
}

static void test_garbage_is_counted(void **state)
{
	struct ingest *in = open_at(*state, 1000);
	int fd = connect_to(((struct place *)*state)->path);
	struct ingest_counts c;
	static char big[65535];
	size_t n = line_write(big, sizeof big, getpid(), 0, 40000);

	assert_int_equal(send(fd, "hello", 5, 0), 5);
	assert_int_equal(send(fd, "", 0, 0), 0);
	assert_int_equal(send(fd, big, n, 0), n);
	memset(big, '{', sizeof big);
	assert_int_equal(send(fd, big, sizeof big, 0), sizeof big);
	c = drain_until(in, 4);
	assert_int_equal(c.bad, 3);
	assert_int_equal(c.parsed, 1);
	assert_int_equal(c.lost, 0);
	close(fd);
	ingest_close(in);
}

static void test_the_descriptor_is_quiet_when_nothing_waits(void **state)
{
	struct ingest *in = open_at(*state, 1000);
	struct pollfd p = {ingest_fd(in), POLLIN, 0};
	int fd = connect_to(((struct place *)*state)->path);
	char line[4096];

	for (int round = 0; round < 100; round++) {
		size_t n = line_write(line, sizeof line, getpid(), round, 10);
		assert_int_equal(poll(&p, 1, 0), 0);
		for (int i = 0; i < 3; i++)
			assert_int_equal(send(fd, line, n, 0), n);
		for (int got = 0; got < 3; got += ingest_drain(in, 1))
			assert_int_equal(poll(&p, 1, 2000), 1);
		/* The drain of exactly the last one does not yet know that it was the last. */
		assert_int_equal(ingest_drain(in, 1), 0);
	}
	close(fd);
	ingest_close(in);
}

static void test_a_stale_socket_is_replaced(void **state)
{
	const struct place *p = *state;
	struct ingest *old = open_at(p, 1000), *young = open_at(p, 1000);
	struct stat st;
	struct err e = {0};
	char path[200];

	assert_int_equal(stat(p->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	ingest_close(old); /* leaves the other's socket alone */
	assert_int_equal(stat(p->path, &st), 0);
	ingest_close(young);
	assert_int_equal(stat(p->path, &st), -1);

	snprintf(path, sizeof path, "%s/none/log.sock", p->folder);
	assert_null(ingest_open(path, 1000, &e));
	assert_non_null(strstr(e.message, path));
	memset(path, 'x', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	assert_null(ingest_open(path, 1000, &e));
	assert_int_equal(e.code, ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_patient_sender_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_hasty_sender_loses_what_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_full_ring_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_bodies_are_those_of_the_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_the_descriptor_is_quiet_when_nothing_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_stale_socket_is_replaced, setup, teardown),
	};

	log_set_level(LOG_LEVEL_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
