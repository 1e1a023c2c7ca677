/* movebench.c: what a share move and an abort cost a person by the API, against a floor measured
 * between them: one durable commit of the same rows, and one `set map` and one `get map` by hand.
 * `movebench HOME FLOOR_HOME ENDPOINT COUNT` prints one JSON line; tests/bench/moves.sh calls it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/base/settings.h"
#include "backend/store/store.h"

#define SAMPLES 2000

struct bench {
	struct clock clock;
	struct settings settings;
	struct err e;
	struct store *floor;
	struct endpoint_row endpoint;
	struct rollout_row rollout;
	int api, admin; /* connected sockets */
	const char *home, *name;
	char row[512]; /* the endpoint's row in the gateway */
	char answer[65536];
};

struct samples {
	double us[SAMPLES];
	int count;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "movebench: %s: %s\n", what, why);
	exit(1);
}

static void check(struct bench *b, const char *what, int rc)
{
	if (rc < 0)
		die(what, b->e.message);
}

static int dial(const char *home, const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%.80s/%s", home, name);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		die(a.sun_path, "cannot connect");
	return fd;
}

/* Sends text, reads until `end` was seen `times` times. */
static void exchange(struct bench *b, int fd, const char *text, const char *end, int times)
{
	size_t got = 0;
	const char *at = b->answer;

	if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
		die("send", text);
	b->answer[0] = '\0';
	while (times > 0) {
		const char *next = strstr(at, end);
		ssize_t n;

		if (next) {
			at = next + strlen(end);
			times--;
			continue;
		}
		n = recv(fd, b->answer + got, sizeof b->answer - 1 - got, 0);
		if (n <= 0)
			die("receive", text);
		got += (size_t)n;
		b->answer[got] = '\0';
	}
}

/* One request on the kept connection; the answer's body in b->answer. */
static const char *ask(struct bench *b, const char *method, const char *path, const char *body)
{
	char text[2048];
	const char *length, *head;
	size_t want, got;

	snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: e\r\nContent-Length: %zu\r\n\r\n%s",
		method, path, strlen(body), body);
	exchange(b, b->api, text, "\r\n\r\n", 1);
	head = strstr(b->answer, "\r\n\r\n") + 4;
	length = strcasestr(b->answer, "\r\ncontent-length: ");
	want = (size_t)(head - b->answer) + (length ? strtoul(length + 18, NULL, 10) : 0);
	for (got = strlen(b->answer); got < want;) {
		ssize_t n = recv(b->api, b->answer + got, sizeof b->answer - 1 - got, 0);
		if (n <= 0)
			die("the engine's answer", path);
		got += (size_t)n;
		b->answer[got] = '\0';
	}
	if (strncmp(b->answer, "HTTP/1.1 200", 12) != 0)
		die(path, b->answer);
	return head;
}

static int64_t number(const char *json, const char *name)
{
	char key[40];
	const char *at;

	snprintf(key, sizeof key, "\"%s\":", name);
	at = strstr(json, key);
	return at ? strtoll(at + strlen(key), NULL, 10) : -1;
}

/* The rows of a move as the engine has them now. */
static void read_rows(struct bench *b, int64_t rollout)
{
	struct store *s = store_open(b->home, &b->settings, &b->clock, 1, &b->e);

	if (!s)
		die("store", b->e.message);
	check(b, "endpoint", store_find_endpoint(s, b->name, &b->endpoint, &b->e));
	check(b, "rollout", store_find_rollout(s, rollout, &b->rollout, &b->e));
	store_close(s);
}

static void read_route(struct bench *b)
{
	char text[200];
	char *from, *to;

	snprintf(text, sizeof text, "get map route.map %s\n", b->name);
	exchange(b, b->admin, text, "\n> ", 1);
	from = strstr(b->answer, "value=\"");
	to = from ? strchr(from + 7, '"') : NULL;
	if (!to)
		die("route", b->answer);
	snprintf(b->row, sizeof b->row, "%.*s", (int)(to - from - 7), from + 7);
}

static void do_floor(struct bench *b)
{
	static const char state[] =
		"{\"candidate\":\"v2\",\"previous\":\"\",\"rollout\":2,"
		"\"share_bp\":1000,\"stable\":\"v1\",\"state\":\"stepping\",\"step\":1}";
	struct event ev = {.actor = "root",
		.role = "admin",
		.via = "api",
		.verb = "rollout.advance",
		.subject = "rollout:2",
		.project = b->endpoint.project,
		.environment = b->endpoint.environment,
		.endpoint = b->endpoint.id,
		.version = "v2",
		.rollout = 2,
		.before = state,
		.after = state,
		.reason = "bench",
		.request_id = "0123456789abcdef",
		.change = 1};
	char text[1400];
	int64_t seq;

	check(b, "begin", store_begin(b->floor, &b->e));
	check(b, "event", store_append_event(b->floor, &ev, &seq, &b->e));
	b->endpoint.revision = b->rollout.revision = seq;
	check(b, "endpoint", store_save_endpoint(b->floor, &b->endpoint, &b->e));
	check(b, "rollout", store_save_rollout(b->floor, &b->rollout, &b->e));
	check(b, "commit", store_commit(b->floor, &b->e));
	snprintf(text, sizeof text, "set map route.map %s %s\nget map route.map %s\n", b->name,
		b->row, b->name);
	exchange(b, b->admin, text, "\n> ", 2);
}

static int64_t start_rollout(struct bench *b)
{
	char path[200];

	snprintf(path, sizeof path, "/v1/endpoints/%s/rollouts", strchr(b->name, '/') + 1);
	ask(b, "POST", path, "{\"to\":\"v2\",\"share_bp\":1000,\"reason\":\"bench\"}");
	snprintf(path, sizeof path, "/v1/endpoints/%s", strchr(b->name, '/') + 1);
	for (int i = 0; i < 500; i++) {
		const char *body = ask(b, "GET", path, "");
		int64_t rollout = number(body, "rollout");
		if (rollout > 0 && number(body, "share_in_force_bp") == 1000)
			return rollout;
		usleep(10000);
	}
	die("rollout", "it does not begin within 5 s");
	return 0;
}

static void add(struct samples *s, int64_t from, int64_t to)
{
	if (s->count < SAMPLES)
		s->us[s->count++] = (double)(to - from);
}

static void timed_act(struct bench *b, struct samples *s, const char *path, const char *body)
{
	int64_t from = clock_mono_us(&b->clock);
	const char *answer = ask(b, "POST", path, body);

	add(s, from, clock_mono_us(&b->clock));
	if (!strstr(answer, "\"done\":true"))
		die(path, "answered before its proof");
}

static void timed_floor(struct bench *b, struct samples *s)
{
	int64_t from = clock_mono_us(&b->clock);

	do_floor(b);
	add(s, from, clock_mono_us(&b->clock));
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(struct samples *s)
{
	qsort(s->us, (size_t)s->count, sizeof s->us[0], by_size);
	return s->count ? s->us[s->count / 2] : 0;
}

static void open_floor(struct bench *b, const char *folder)
{
	struct settings far = b->settings;

	far.checkpoint_events = 65536; /* signing is no part of the floor */
	far.checkpoint_ms = 3600000;
	b->floor = store_open(folder, &far, &b->clock, 0, &b->e);
	if (!b->floor)
		die("the floor's store", b->e.message);
}

int main(int argc, char **argv)
{
	static struct bench b;
	static struct samples moves, aborts, floor_us;
	char path[100], body[100];
	int64_t rollout;
	int count;

	if (argc != 5) {
		fprintf(stderr, "usage: movebench HOME FLOOR_HOME ENDPOINT COUNT\n");
		return 2;
	}
	b.clock = clock_system();
	settings_init(&b.settings);
	b.home = argv[1];
	b.name = argv[3];
	count = atoi(argv[4]);
	b.api = dial(b.home, "engine.sock");
	b.admin = dial(b.home, "run/gw/admin.sock");
	exchange(&b, b.admin, "prompt\n", "\n> ", 1);
	open_floor(&b, argv[2]);
	rollout = start_rollout(&b);
	read_rows(&b, rollout);
	for (int i = 0; i < count; i++) {
		read_route(&b);
		timed_floor(&b, &floor_us);
		snprintf(path, sizeof path, "/v1/rollouts/%" PRId64 "/advance", rollout);
		snprintf(body, sizeof body, "{\"share_bp\":%d,\"reason\":\"bench\"}",
			i % 2 ? 1000 : 2000);
		timed_act(&b, &moves, path, body);
	}
	for (int i = 0; i < count / 4; i++) {
		snprintf(path, sizeof path, "/v1/rollouts/%" PRId64 "/abort", rollout);
		timed_act(&b, &aborts, path, "{\"reason\":\"bench\"}");
		rollout = start_rollout(&b);
	}
	store_close(b.floor);
	double f = median(&floor_us), m = median(&moves), a = median(&aborts);
	printf("{\"floor_us\":%.0f,\"move_us\":%.0f,\"abort_us\":%.0f,\"move_ratio\":%.2f,"
	       "\"abort_ratio\":%.2f,\"moves\":%d,\"aborts\":%d}\n",
		f, m, a, m / f, a / f, moves.count, aborts.count);
	return 0;
}
