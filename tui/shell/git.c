/* git.c: runs git (never through a shell) and reads what it prints; no git is no fault. */
#include "tui/shell/git.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"

/* Runs argv and appends at most some kilobytes of its output. Its exit code, -1 if it cannot run.
 */
static int run_and_read(const char *const *argv, struct buf *out)
{
	posix_spawn_file_actions_t actions;
	int fds[2], status = -1, rc;
	char part[4096];
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	rc = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	while (rc == 0 && ((n = read(fds[0], part, sizeof part)) > 0 || (n < 0 && errno == EINTR)))
		if (n > 0 && out->len < sizeof part)
			buf_add(out, part, (size_t)n);
	close(fds[0]);
	if (rc)
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void git_look(const char *folder, struct git_state *out)
{
	const char *head[] = {"git", "-C", folder, "rev-parse", "--verify", "HEAD", NULL};
	const char *status[] = {
		"git", "--no-optional-locks", "-C", folder, "status", "--porcelain", NULL};
	struct buf b = {0};

	*out = (struct git_state){0};
	if (run_and_read(head, &b) == 0) {
		while (b.len && b.data[b.len - 1] == '\n')
			b.data[--b.len] = '\0';
		str_copy(out->commit, sizeof out->commit, buf_text(&b));
		buf_reset(&b);
		out->dirty = run_and_read(status, &b) == 0 && b.len > 0;
	}
	buf_release(&b);
}
