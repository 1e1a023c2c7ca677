/* raw.c: bytes to a unix socket as they are, for the tests that send what no client would: `raw
 * stream|dgram SOCKET` sends stdin (a datagram for dgram) and prints what a stream answers until it
 * is closed or silent for two seconds. Called by tests/e2e. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static char text[1 << 20];

static size_t read_all(void)
{
	size_t n = 0;
	ssize_t got;

	while (n < sizeof text && (got = read(0, text + n, sizeof text - n)) > 0)
		n += (size_t)got;
	return n;
}

static int send_all(int fd, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t put = send(fd, text + done, n - done, MSG_NOSIGNAL);

		if (put < 0)
			return errno == EPIPE || errno == ECONNRESET ? 0
								     : -1; /* it has had enough */
		done += (size_t)put;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = 2};
	int datagram = argc == 3 && strcmp(argv[1], "dgram") == 0, fd;
	size_t n;
	ssize_t got;

	if (argc != 3 || (!datagram && strcmp(argv[1], "stream") != 0)) {
		fprintf(stderr, "usage: raw stream|dgram SOCKET <BYTES\n");
		return 2;
	}
	fd = socket(AF_UNIX, (datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", argv[2]);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
		perror(a.sun_path);
		return 1;
	}
	n = read_all();
	if (datagram)
		return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : 1;
	if (send_all(fd, n) < 0)
		return 1;
	shutdown(fd, SHUT_WR);
	while ((got = recv(fd, text, sizeof text, 0)) > 0)
		fwrite(text, 1, (size_t)got, stdout);
	return 0;
}
