/* test_names.c: names are looked up in the background, again and again, and an address stays while
 * its name still has it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "backend/adapters/names.h"
#include "backend/adapters/process.h"
#include "backend/base/xalloc.h"

/* A name server of the test: what it says changes at once. */
struct server {
	pthread_mutex_t lock;
	char addresses[4][NAMES_ADDRESS];
	int count; /* -1 = it fails */
	atomic_int asked, hang;
};

static int answer(
	void *arg, const char *host, char (*list)[NAMES_ADDRESS], int most, char *why, size_t size)
{
	struct server *s = arg;
	int n;

	atomic_fetch_add(&s->asked, 1);
	while (atomic_load(&s->hang))
		process_pause_ms(2);
	pthread_mutex_lock(&s->lock);
	n = strcmp(host, "known") == 0 ? s->count : -1;
	for (int i = 0; i < n && i < most; i++)
		str_copy(list[i], NAMES_ADDRESS, s->addresses[i]);
	pthread_mutex_unlock(&s->lock);
	if (n < 0)
		str_copy(why, size, "no such name");
	return n;
}

static void says(struct server *s, int count, const char *a, const char *b)
{
	pthread_mutex_lock(&s->lock);
	s->count = count;
	str_copy(s->addresses[0], NAMES_ADDRESS, a);
	str_copy(s->addresses[1], NAMES_ADDRESS, b);
	pthread_mutex_unlock(&s->lock);
}

/* Until the server was asked twice more: what it says now has been heard. */
static void heard(struct names *n, struct server *s)
{
	int now = atomic_load(&s->asked);
	char ip[NAMES_ADDRESS], why[80];

	for (int i = 0; i < 2000 && atomic_load(&s->asked) < now + 2; i++) {
		names_find(n, "known", 0, ip, why, sizeof why);
		process_pause_ms(1);
	}
	assert_true(atomic_load(&s->asked) >= now + 2);
}

static const int64_t every_ms = 5;

static void an_address_is_followed(void **state)
{
	static struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct names *n = names_new(&every_ms, answer, &s);
	char ip[NAMES_ADDRESS], why[80];

	(void)state;
	says(&s, 1, "10.0.0.7", "");
	assert_int_equal(names_find(n, "known", 1000, ip, why, sizeof why), 1);
	assert_string_equal(ip, "10.0.0.7");
	/* Another one in front of it: it stays where it is. */
	says(&s, 2, "10.0.0.8", "10.0.0.7");
	heard(n, &s);
	assert_int_equal(names_find(n, "known", 0, ip, why, sizeof why), 1);
	assert_string_equal(ip, "10.0.0.7");
	/* The name server is gone: what was known stays. */
	says(&s, -1, "", "");
	heard(n, &s);
	assert_int_equal(names_find(n, "known", 0, ip, why, sizeof why), 1);
	assert_string_equal(ip, "10.0.0.7");
	assert_string_equal(why, "no such name");
	/* It has moved. */
	says(&s, 1, "2001:db8::1", "");
	heard(n, &s);
	assert_int_equal(names_find(n, "known", 0, ip, why, sizeof why), 1);
	assert_string_equal(ip, "2001:db8::1");
	assert_string_equal(why, "");
	names_free(n);
	atomic_store(&s.hang, 0);
}

static void nobody_waits_for_a_silent_name_server(void **state)
{
	static struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER, .count = 1};
	struct names *n = names_new(&every_ms, answer, &s);
	char ip[NAMES_ADDRESS], why[80];
	int64_t before = process_now_ms();

	(void)state;
	atomic_store(&s.hang, 1);
	assert_int_equal(names_find(n, "known", 20, ip, why, sizeof why), 0);
	assert_string_equal(ip, "");
	assert_string_equal(why, "its name is being looked up");
	assert_int_equal(names_find(n, "other", 0, ip, why, sizeof why), 0);
	names_free(n); /* the lookup goes on, and is nobody's business */
	assert_true(process_now_ms() - before < 1000);
	atomic_store(&s.hang, 0);
}

static void a_name_without_an_address_says_why(void **state)
{
	static struct server s = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct names *n = names_new(&every_ms, answer, &s);
	char ip[NAMES_ADDRESS], why[80], name[16];

	(void)state;
	assert_int_equal(names_find(n, "nobody", 1000, ip, why, sizeof why), -1);
	assert_string_equal(why, "no such name");
	/* More names than there is room for: the oldest make place. */
	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof name, "n%d", i);
		names_find(n, name, 0, ip, why, sizeof why);
	}
	says(&s, 1, "10.0.0.9", "");
	assert_int_equal(names_find(n, "known", 2000, ip, why, sizeof why), 1);
	names_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_followed),
		cmocka_unit_test(nobody_waits_for_a_silent_name_server),
		cmocka_unit_test(a_name_without_an_address_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
