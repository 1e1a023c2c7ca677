/* bench_ingest.c: what it costs to receive and parse the prediction log, and what is lost on the
 * way. A forked sender plays the gateway: bench_ingest [SECONDS [RATE [BODY_BYTES]]]. One line. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/log.h"
#include "backend/ingest/ingest.h"
#include "backend/ingest/window.h"
#include "tests/backend/ingest/lines.h"

struct sent {
	int64_t tried, lost;
};

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Sends on the clock and never waits for the receiver, as the gateway: a refused datagram is
 * gone. Only the very last is insisted on, so that each gap has an end. */
static struct sent sender_run(const char *path, int seconds, int rate, size_t body)
{
	static char line[65000];
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	int64_t begin = now_us(), total = (int64_t)seconds * rate;
	struct sent s = {0, 0};

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
		return s;
	while (s.tried < total) {
		int64_t due = (now_us() - begin) * rate / 1000000;
		if (s.tried >= due) {
			const struct timespec nap = {0, 100000};
			nanosleep(&nap, NULL);
			continue;
		}
		size_t n = line_write(line, sizeof line, getpid(), s.tried, body);
		int rc = send(fd, line, n, MSG_DONTWAIT) < 0;
		s.tried++;
		if (s.tried == total && rc)
			rc = send(fd, line, n, 0) < 0;
		s.lost += rc;
	}
	return s;
}

static pid_t sender_start(const char *path, int seconds, int rate, size_t body, int *out)
{
	int pipes[2];
	pid_t pid;

	if (pipe(pipes) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		struct sent s = sender_run(path, seconds, rate, body);
		_exit(write(pipes[1], &s, sizeof s) == sizeof s ? 0 : 1);
	}
	close(pipes[1]);
	*out = pipes[0];
	return pid;
}

static void on_record(void *arg, const struct record *r)
{
	window_add(arg, r);
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 10, rate = argc > 2 ? atoi(argv[2]) : 5000;
	size_t body = argc > 3 ? (size_t)atoi(argv[3]) : 400;
	char folder[] = "/tmp/pithead-bench-XXXXXX", path[96];
	struct ingest_endpoint ep = {"flights/delay", 2, "probability"};
	struct err e = {0};
	struct window *w = window_new();
	struct ingest *in;
	struct ingest_counts c;
	struct sent s = {0, 0};
	int fd = -1, over = 0, loops = 0;
	int64_t end = INT64_MAX;
	double cpu;
	pid_t pid;

	if (seconds < 1 || rate < 1 || body > 40000 || !mkdtemp(folder))
		return 2;
	snprintf(path, sizeof path, "%s/log.sock", folder);
	in = ingest_open(path, 16384, &e);
	if (!in) {
		fprintf(stderr, "%s\n", e.message);
		return 1;
	}
	ingest_set_endpoints(in, &ep, 1);
	ingest_subscribe(in, on_record, w);
	cpu = cpu_seconds();
	pid = sender_start(path, seconds, rate, body, &fd);
	while (pid > 0 && now_us() < end) {
		struct pollfd p[2] = {{ingest_fd(in), POLLIN, 0}, {over ? -1 : fd, POLLIN, 0}};
		poll(p, 2, 100);
		loops++;
		if (p[0].revents)
			ingest_drain(in, 1000);
		if (p[1].revents) {
			over = 1;
			end = now_us() + 1500000; /* until the last gaps have settled */
			if (read(fd, &s, sizeof s) != sizeof s)
				break;
		}
	}
	cpu = cpu_seconds() - cpu;
	c = ingest_get_counts(in);
	waitpid(pid, NULL, 0);
	printf("ingest rate=%d sent=%" PRId64 " received=%" PRId64 " lost_shown=%" PRId64
	       " lost_true=%" PRId64 " loss_percent=%.4f cpu_cores=%.3f us_per_record=%.1f"
	       " ring_full=%" PRId64 " bad=%" PRId64 " wakes=%d\n",
		rate, s.tried, c.received, c.lost, s.lost,
		s.tried ? 100.0 * (double)(s.tried - c.parsed) / (double)s.tried : 100.0,
		cpu / seconds, c.parsed ? cpu * 1e6 / (double)c.parsed : 0.0, c.ring_full, c.bad,
		loops);
	ingest_close(in);
	window_free(w);
	rmdir(folder);
	return s.tried && c.lost == s.lost ? 0 : 1;
}
