/* run.h: runs a local command in a child and keeps what it printed, for the tests of this folder.
 */
#ifndef PITHEAD_TESTS_BACKEND_LOCAL_RUN_H
#define PITHEAD_TESTS_BACKEND_LOCAL_RUN_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/buf.h"
#include "backend/local/local.h"

struct ran {
	int code;
	struct buf text; /* stdout and stderr */
};

/* words: argv[0] and what follows, ended by NULL. dir: its working folder. */
static inline void run_local(
	struct ran *r, int (*fn)(int, char **), const char *dir, const char *const *words)
{
	char path[] = "/tmp/pithead-ran-XXXXXX";
	int fd = mkstemp(path), argc = 0, status;
	pid_t pid;

	buf_release(&r->text);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		char *argv[16] = {0};

		for (; argc < 15 && words[argc]; argc++)
			argv[argc] = (char *)(uintptr_t)words[argc];
		dup2(fd, 1);
		dup2(fd, 2);
		if (chdir(dir) < 0)
			_exit(99);
		status = fn(argc, argv);
		fflush(NULL);
		_exit(status);
	}
	waitpid(pid, &status, 0);
	r->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	buf_read_file(&r->text, path, 1 << 20);
	close(fd);
	unlink(path);
}

/* The words as a list on the spot. */
#define RUN(r, fn, dir, ...) run_local(r, fn, dir, (const char *const[]){__VA_ARGS__, NULL})

#define expect_text(r, what)                                                                       \
	do {                                                                                       \
		if (!strstr(buf_text(&(r)->text), what))                                           \
			fail_msg("no \"%s\" in:\n%s", what, buf_text(&(r)->text));                 \
	} while (0)

#define expect_code(r, want)                                                                       \
	do {                                                                                       \
		if ((r)->code != (want))                                                           \
			fail_msg("exit %d, want %d:\n%s", (r)->code, want, buf_text(&(r)->text));  \
	} while (0)

#endif
