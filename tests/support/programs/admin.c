/* admin.c: asks the gateway's admin socket of a home from outside, so that tests need not believe
 * the engine: `admin HOME COMMAND` prints the answer. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = 2};
	int fd;
	char text[65536];
	ssize_t n;

	if (argc != 3) {
		fprintf(stderr, "usage: admin HOME COMMAND\n");
		return 2;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof a.sun_path, "%.80s/run/gw/admin.sock", argv[1]);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
		perror(a.sun_path);
		if (fd >= 0)
			close(fd);
		return 1;
	}
	n = snprintf(text, sizeof text, "%s\n", argv[2]);
	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		n = -1;
	while (n >= 0 && (n = recv(fd, text, sizeof text, 0)) > 0)
		fwrite(text, 1, (size_t)n, stdout);
	close(fd);
	return n < 0;
}
