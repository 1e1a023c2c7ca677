/* test_registry.c: bundles from tar files: the digest is that of the documentation whatever the
 * order in the tar, bad tar files leave nothing behind, damage is found. Tar files are made with
 * the system's tar, and with libarchive where it would not make them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/xalloc.h"
#include "backend/registry/registry.h"

static char home[64];

static void sh(const char *script)
{
	char *line = xasprintf("cd '%s' && { %s; } >/dev/null 2>&1", home, script);

	assert_int_equal(system(line), 0);
	free(line);
}

static int setup(void **state)
{
	(void)state;
	strcpy(home, "/tmp/pithead-registry-XXXXXX");
	return mkdtemp(home) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	sh("chmod -R u+w . ; rm -rf -- \"$PWD\"");
	return 0;
}

static int unpack(const char *name, char *folder, struct err *e)
{
	char path[400];

	snprintf(path, sizeof path, "%s/%s", home, name);
	return registry_unpack(home, path, folder, 400, e);
}

/* Entries of HOME/store/bundles that start with prefix. */
static int count(const char *prefix)
{
	char path[400];
	const struct dirent *d;
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof path, "%s/store/bundles", home);
	dir = opendir(path);
	while (dir && (d = readdir(dir)))
		n += strncmp(d->d_name, prefix, strlen(prefix)) == 0;
	if (dir)
		closedir(dir);
	return n;
}

static const char make_bundle[] =
	"mkdir -p b/lib && printf 'hello\\n' >b/serve && chmod 755 b/serve && printf x >b/lib/z && "
	"printf y >b/lib-a && mkdir b/empty && tar cf one.tar -C b . && "
	"tar cf two.tar --mtime=@5 --owner=7 --group=7 -C b lib-a serve lib";

static int take(const char *folder, struct bundle *b, struct err *e)
{
	struct sealed s;
	int rc = registry_seal(home, folder, &s, e);

	if (rc)
		return rc;
	*b = s.bundle;
	rc = registry_take(home, folder, &s, e);
	registry_release(&s);
	return rc;
}

static void test_the_digest_does_not_depend_on_the_tar(void **state)
{
	/* As docs/bundle-digest.md says, by other means. '-' sorts before '/'. */
	static const char by_hand[] =
		"{ printf '100644 1 %s lib-a\\n' $(printf y | sha256sum | cut -c1-64);"
		"  printf '100644 1 %s lib/z\\n' $(printf x | sha256sum | cut -c1-64);"
		"  printf '100755 6 %s serve\\n' $(printf 'hello\\n' | sha256sum | cut -c1-64); }"
		" >lines && printf sha256:%s $(sha256sum <lines | cut -c1-64) >digest";
	static const char *const tars[] = {"one.tar", "two.tar"};
	char folder[400], path[400];
	struct buf want = {0}, lines = {0}, manifest = {0};
	struct stat st;
	struct err e;

	(void)state;
	sh(make_bundle);
	sh(by_hand);
	snprintf(path, sizeof path, "%s/digest", home);
	buf_read_file(&want, path, 100);
	snprintf(path, sizeof path, "%s/lines", home);
	buf_read_file(&lines, path, 1000);
	for (int i = 0; i < 2; i++) {
		struct bundle b;

		assert_int_equal(unpack(tars[i], folder, &e), 0);
		assert_int_equal(take(folder, &b, &e), 0);
		assert_string_equal(b.digest, buf_text(&want));
		assert_int_equal(b.files, 3);
		assert_int_equal(b.size_bytes, 8);
		assert_int_equal(count("tmp-"), 0);
	}
	assert_int_equal(registry_verify(home, buf_text(&want), &e), 0);
	assert_int_equal(registry_manifest(home, buf_text(&want), &manifest, &e), 0);
	assert_string_equal(buf_text(&manifest), buf_text(&lines));
	registry_path(home, buf_text(&want), folder, sizeof folder);
	snprintf(path, sizeof path, "%.300s/serve", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0555);
	snprintf(path, sizeof path, "%.300s/lib/z", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0444);
	buf_release(&want);
	buf_release(&lines);
	buf_release(&manifest);
}

static void test_damage_is_found_and_mended(void **state)
{
	char folder[400];
	struct bundle b;
	struct err e;

	(void)state;
	sh(make_bundle);
	assert_int_equal(unpack("one.tar", folder, &e), 0);
	assert_int_equal(take(folder, &b, &e), 0);
	sh("f=$(echo store/bundles/sha256-*/serve) && chmod u+w $f && printf 'hellO\\n' >$f");
	assert_int_equal(registry_verify(home, b.digest, &e), ERR_CONFLICT);
	assert_non_null(strstr(e.message, "was altered"));
	assert_int_equal(unpack("one.tar", folder, &e), 0);
	assert_int_equal(take(folder, &b, &e), 0);
	assert_int_equal(registry_verify(home, b.digest, &e), 0);
	assert_int_equal(registry_verify(home, "sha256:../../../etc", &e), ERR_INVALID);
	b.digest[10] = b.digest[10] == '0' ? '1' : '0';
	assert_int_equal(registry_verify(home, b.digest, &e), ERR_NOT_FOUND);
}

static void put_entry(
	struct archive *tar, const char *path, unsigned type, const char *link, int hard)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, 0644);
	if (link && hard)
		archive_entry_set_hardlink(entry, link);
	else if (link)
		archive_entry_set_symlink(entry, link);
	archive_entry_set_size(entry, type == AE_IFREG && !link ? 1 : 0);
	archive_write_header(tar, entry);
	if (type == AE_IFREG && !link)
		archive_write_data(tar, "x", 1);
	archive_entry_free(entry);
}

static void test_bad_tar_files_leave_nothing(void **state)
{
	static const struct {
		const char *path, *link, *want;
		unsigned type;
		int hard;
	} cases[] = {
		{"/etc/passwd", NULL, "relative", AE_IFREG, 0},
		{"../out", NULL, "\"..\"", AE_IFREG, 0},
		{"a/../../out", NULL, "\"..\"", AE_IFREG, 0},
		{"./../out", NULL, "\"..\"", AE_IFREG, 0},
		{"a//b", NULL, "empty part", AE_IFREG, 0},
		{"a\nb", NULL, "control", AE_IFREG, 0},
		{"link", "/etc/passwd", "is a link", AE_IFLNK, 0},
		{"link", "first", "is a link", AE_IFREG, 1},
		{"pipe", NULL, "neither a file", AE_IFIFO, 0},
		{"device", NULL, "neither a file", AE_IFCHR, 0},
		{"first", NULL, "twice", AE_IFREG, 0},
		{"first/below", NULL, "", AE_IFREG, 0},
	};
	char path[400], folder[400];

	(void)state;
	snprintf(path, sizeof path, "%s/bad.tar", home);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct archive *tar = archive_write_new();
		struct err e = {0};

		archive_write_set_format_pax_restricted(tar);
		assert_int_equal(archive_write_open_filename(tar, path), ARCHIVE_OK);
		put_entry(tar, "first", AE_IFREG, NULL, 0);
		put_entry(tar, cases[i].path, cases[i].type, cases[i].link, cases[i].hard);
		archive_write_close(tar);
		archive_write_free(tar);
		assert_true(unpack("bad.tar", folder, &e) < 0);
		if (!strstr(e.message, cases[i].want))
			fail_msg("%s: %s", cases[i].path, e.message);
		assert_int_equal(count("tmp-"), 0);
	}
}

static void test_what_is_no_tar(void **state)
{
	static const char *const scripts[] = {
		": >bad.tar",
		"echo no tar at all >bad.tar",
		"head -c 100000 /dev/urandom >bad.tar",
		"tar czf bad.tar one.tar",
		"head -c 700 one.tar >bad.tar",
		"mkdir -p e && tar cf bad.tar -C e .",
	};
	char folder[400];

	(void)state;
	sh(make_bundle);
	for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
		struct err e = {0};

		sh(scripts[i]);
		if (unpack("bad.tar", folder, &e) >= 0)
			fail_msg("accepted: %s", scripts[i]);
		assert_true(e.message[0] && strcmp(e.field, "body") == 0);
		assert_int_equal(count("tmp-"), 0);
	}
}

static void test_limits(void **state)
{
	char folder[400];
	struct err e = {0};

	(void)state;
	sh("mkdir many && cd many && seq -f f%05g 10001 | xargs touch && tar cf ../many.tar .");
	assert_int_equal(unpack("many.tar", folder, &e), ERR_TOO_LARGE);
	/* Sparse: 300 MB that are only a few bytes of tar. */
	sh("truncate -s 300M big && tar -S -cf big.tar big");
	assert_int_equal(unpack("big.tar", folder, &e), ERR_TOO_LARGE);
	assert_int_equal(count("tmp-"), 0);
}

static void test_the_sweep_removes_only_leftovers(void **state)
{
	char folder[400];
	struct bundle b;
	struct err e;

	(void)state;
	sh(make_bundle);
	assert_int_equal(unpack("one.tar", folder, &e), 0);
	assert_int_equal(take(folder, &b, &e), 0);
	assert_int_equal(unpack("one.tar", folder, &e), 0);
	assert_int_equal(count("tmp-"), 1);
	registry_discard(home, "/tmp"); /* refused: not ours */
	registry_sweep(home);
	assert_int_equal(count("tmp-"), 0);
	assert_int_equal(registry_verify(home, b.digest, &e), 0);
}

static void test_pack_and_unpack_agree(void **state)
{
	char path[400], folder[400];
	struct pack_item items[] = {{path, "."}, {"/nonexistent", "x"}};
	struct bundle a, b;
	struct err e;
	FILE *out;

	(void)state;
	sh(make_bundle);
	snprintf(path, sizeof path, "%s/b", home);
	assert_int_equal(registry_measure(path, &a, NULL, &e), 0);
	snprintf(folder, sizeof folder, "%s/packed.tar", home);
	out = fopen(folder, "w");
	assert_int_equal(registry_pack(fileno(out), items, 2, &e), 0);
	fclose(out);
	assert_int_equal(unpack("packed.tar", folder, &e), 0);
	assert_int_equal(registry_measure(folder, &b, NULL, &e), 0);
	assert_string_equal(a.digest, b.digest);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_the_digest_does_not_depend_on_the_tar),
		T(test_damage_is_found_and_mended),
		T(test_bad_tar_files_leave_nothing),
		T(test_what_is_no_tar),
		T(test_limits),
		T(test_the_sweep_removes_only_leftovers),
		T(test_pack_and_unpack_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
