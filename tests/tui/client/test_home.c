/* test_home.c: where the engine is looked for, whom we trust, and how a tar of a folder is made. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "backend/base/buf.h"
#include "backend/base/digest.h"
#include "tui/client/bundle_tar.h"
#include "tui/client/home.h"
#include "tui/client/start.h"

static char dir[64];

static int make_folder(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/pithead-test.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char line[100];

	(void)state;
	snprintf(line, sizeof line, "rm -rf '%s'", dir);
	return system(line) == 0 ? 0 : -1;
}

static void order_of_places(void **state)
{
	struct home h;
	struct err e = {0};
	char want[200];

	(void)state;
	setenv("PITHEAD_HOME", dir, 1);
	setenv("PITHEAD_SOCKET", "/x/named.sock", 1);
	assert_int_equal(home_find("/x/option.sock", &h, &e), 0);
	assert_string_equal(h.socket, "/x/option.sock");
	assert_int_equal(home_find(NULL, &h, &e), 0);
	assert_string_equal(h.socket, "/x/named.sock");
	unsetenv("PITHEAD_SOCKET");
	assert_int_equal(home_find(NULL, &h, &e), 0);
	snprintf(want, sizeof want, "%s/engine.sock", dir);
	assert_string_equal(h.socket, want);
	assert_int_equal(h.kind, HOME_NAMED);
	setenv("PITHEAD_HOME",
		"/a/path/that/is/much/too/long/for/the/address/of/a/unix/socket/which/has/room/"
		"for/108/bytes/and/no/more/than/that",
		1);
	assert_int_equal(home_find(NULL, &h, &e), ERR_INVALID);
}

static void others_may_not_write_the_home(void **state)
{
	struct home h;
	struct err e = {0};

	(void)state;
	setenv("PITHEAD_HOME", dir, 1);
	assert_int_equal(home_find(NULL, &h, &e), 0);
	assert_int_equal(home_prepare(&h, &e), 0);
	assert_int_equal(start_probe(&h, &e), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(home_prepare(&h, &e), ERR_DENIED);
	assert_int_equal(home_check_trust(&h, &e), ERR_DENIED);
	assert_int_equal(chmod(dir, 0711), 0);
	/* A named socket is never started at: nobody knows which home it belongs to. */
	assert_int_equal(home_find("/nonexistent/x.sock", &h, &e), 0);
	assert_int_equal(start_engine(&h, &e), ERR_UNREACHABLE);
	assert_int_equal(err_exit_code(e.code), 5);
}

static void put(const char *name, const char *text, unsigned mode)
{
	char path[200];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(file_write_atomic(path, text, strlen(text), mode), 0);
}

static void digest_of_tar(char out[DIGEST_HEX], int *files)
{
	struct err e = {0};
	char part[4096];
	struct digest *d = digest_new();
	int64_t size, total = 0;
	ssize_t n;
	int fd;

	if (bundle_tar_write(dir, &fd, &size, files, &e))
		fail_msg("%s", e.message);
	while ((n = read(fd, part, sizeof part)) > 0) {
		digest_add(d, part, (size_t)n);
		total += n;
	}
	assert_int_equal(total, size);
	close(fd);
	digest_finish(d, out);
}

static void tar_depends_on_contents_alone(void **state)
{
	char a[DIGEST_HEX], b[DIGEST_HEX], path[200];
	struct err e = {0};
	int64_t size;
	int fd, files;

	(void)state;
	assert_int_equal(bundle_tar_write(dir, &fd, &size, &files, &e), ERR_INVALID);
	put("b", "two", 0600);
	put("a", "one", 0755);
	digest_of_tar(a, &files);
	assert_int_equal(files, 2);
	snprintf(path, sizeof path, "%s/b", dir);
	unlink(path);
	put("b", "two", 0644);
	digest_of_tar(b, &files);
	assert_string_equal(a, b);
	put("b", "twO", 0644);
	digest_of_tar(b, &files);
	assert_string_not_equal(a, b);
	snprintf(path, sizeof path, "%s/link", dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(bundle_tar_write(dir, &fd, &size, &files, &e), ERR_INVALID);
	assert_non_null(strstr(e.message, "link"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(order_of_places, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			others_may_not_write_the_home, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			tar_depends_on_contents_alone, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
