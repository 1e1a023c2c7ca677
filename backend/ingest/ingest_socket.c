/* ingest_socket.c: makes the datagram socket of the prediction log. The kernel queues only
 * net.unix.max_dgram_qlen datagrams (10 by default) and takes that figure from the network
 * namespace in which the socket is made; so a child makes it in a namespace of its own, with a
 * larger figure, and hands it over. The address is a path, which all namespaces share. */
#include "backend/ingest/ingest_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/log.h"
#include "backend/base/xalloc.h"

#define QLEN_FILE "/proc/sys/net/unix/max_dgram_qlen"
#define QLEN_WANT 4096

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(int))];
};

static int new_socket(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static int fd_send(int channel, int fd)
{
	union control c = {0};
	char byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = c.space,
		.msg_controllen = sizeof c.space};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(h), &fd, sizeof fd);
	return sendmsg(channel, &m, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static int fd_receive(int channel)
{
	union control c = {0};
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = c.space,
		.msg_controllen = sizeof c.space};
	struct cmsghdr *h;
	int fd = -1;

	if (recvmsg(channel, &m, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	h = CMSG_FIRSTHDR(&m);
	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(h), sizeof fd);
	return fd;
}

/* The child's part: only system calls, as the parent may have threads. */
static void child_make(int channel)
{
	static const char figure[] = "4096";
	int f, fd;

	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		_exit(1);
	f = open(QLEN_FILE, O_WRONLY | O_CLOEXEC);
	if (f < 0 || write(f, figure, sizeof figure - 1) != (ssize_t)sizeof figure - 1)
		_exit(2);
	fd = new_socket();
	_exit(fd < 0 || fd_send(channel, fd) != 0 ? 3 : 0);
}

/* A socket with the long queue, or -1 where the machine does not allow it. */
static int long_queue_socket(void)
{
	int pair[2], fd = -1;
	pid_t pid, rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	pid = fork();
	if (pid == 0)
		child_make(pair[1]);
	close(pair[1]);
	if (pid > 0) {
		fd = fd_receive(pair[0]);
		do
			rc = waitpid(pid, NULL, 0);
		while (rc < 0 && errno == EINTR);
	}
	close(pair[0]);
	return fd;
}

static int default_queue(void)
{
	FILE *f = fopen(QLEN_FILE, "re");
	char line[32] = "";

	if (f) {
		if (!fgets(line, sizeof line, f))
			line[0] = '\0';
		fclose(f);
	}
	return atoi(line);
}

/* Bound beside the path and renamed over it: the socket that a killed engine left is replaced,
 * and there is no moment without one. */
static int socket_bind(int fd, const char *path, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int n = snprintf(a.sun_path, sizeof a.sun_path, "%s.new", path);

	if (n < 0 || (size_t)n >= sizeof a.sun_path)
		return err_set(e, ERR_INVALID,
			"the log socket's path is too long (%zu bytes, at most %zu): %s",
			strlen(path), sizeof a.sun_path - sizeof ".new", path);
	unlink(a.sun_path);
	/* fchmod before bind gives the new file its mode without touching the umask. The group is
	 * the folder's where that has the set-group-ID bit: the one of a gateway that is not us. */
	if (fchmod(fd, 0660) != 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
		chmod(a.sun_path, 0660) != 0 || rename(a.sun_path, path) != 0) {
		err_set(e, ERR_FAILED, "cannot make the log socket %s: %s", path, strerror(errno));
		unlink(a.sun_path);
		return ERR_FAILED;
	}
	return 0;
}

int ingest_socket_open(const char *path, int *queue, struct err *e)
{
	int fd = long_queue_socket();

	*queue = QLEN_WANT;
	if (fd < 0) {
		*queue = default_queue();
		log_info("ingest.short_queue",
			"no network namespace of our own: the kernel holds %d log records, and a "
			"burst "
			"beyond that is lost (and counted)",
			*queue);
		fd = new_socket();
	}
	if (fd < 0)
		return err_set(e, ERR_FAILED, "cannot make a socket: %s", strerror(errno));
	if (socket_bind(fd, path, e) != 0) {
		close(fd);
		return e ? e->code : ERR_FAILED;
	}
	return fd;
}
