/* members.c: one thread, one question at a time. The loop puts a question and waits for its answer
 * for MEMBERS_WAIT_MS at most; while the thread hangs in an earlier one, it does not wait at all.
 */
#include "backend/api/members.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "backend/base/log.h"
#include "backend/base/xalloc.h"

#define KNOWN_MOST 64

struct known {
	struct member member;
	int64_t asked_us; /* monotonic; when the question was put. 0 = unused */
};

struct members {
	int (*look)(struct member *m);
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t asked, answered;
	struct member question; /* and its answer */
	int busy;		/* a question is put, and not answered */
	int failed;		/* of the last answer */
	int stop, orphan;	/* orphan: the thread frees what is left */
	int warned;
	struct known known[KNOWN_MOST]; /* the loop's */
};

/* The name of a group; "" when it has none. 0, or -1 when the database did not say. */
static int look_group(gid_t gid, char *name, size_t size)
{
	struct group entry, *found = NULL;
	size_t room = 16384; /* a group is told with all its members */
	char *text = NULL;
	int rc = ERANGE;

	for (; rc == ERANGE && room <= 1 << 24; room *= 4) {
		text = xrealloc(text, room, 1);
		rc = getgrgid_r(gid, &entry, text, room, &found);
	}
	str_copy(name, size, rc == 0 && found ? found->gr_name : "");
	free(text);
	return rc == 0 || rc == ENOENT || rc == ESRCH ? 0 : -1;
}

/* The database of the machine. A user that it does not know is a member of nothing. */
static int look_here(struct member *m)
{
	struct passwd entry, *found = NULL;
	gid_t list[MEMBERS_GROUPS];
	int count = MEMBERS_GROUPS;
	char text[16384];
	int rc;

	snprintf(m->name, sizeof m->name, "uid %lld", (long long)m->uid);
	m->group_count = 0;
	rc = getpwuid_r((uid_t)m->uid, &entry, text, sizeof text, &found);
	if (rc != 0 && rc != ENOENT && rc != ESRCH)
		return -1;
	if (!found)
		return 0;
	str_copy(m->name, sizeof m->name, found->pw_name);
	/* Groups past the limit are left out: that can only take permissions away. */
	if (getgrouplist(found->pw_name, found->pw_gid, list, &count) < 0)
		count = MEMBERS_GROUPS;
	for (int i = 0; i < count; i++) {
		if (look_group(list[i], m->group_names[i], sizeof m->group_names[i]) < 0)
			return -1;
		m->groups[m->group_count++] = list[i];
	}
	return 0;
}

static void destroy(struct members *m)
{
	pthread_cond_destroy(&m->asked);
	pthread_cond_destroy(&m->answered);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static void *ask_on(void *arg)
{
	struct members *m = arg;
	int orphan;

	pthread_mutex_lock(&m->lock);
	while (!m->stop) {
		struct member mine = m->question;
		int failed;

		if (!m->busy) {
			pthread_cond_wait(&m->asked, &m->lock);
			continue;
		}
		pthread_mutex_unlock(&m->lock);
		failed = m->look(&mine) != 0;
		pthread_mutex_lock(&m->lock);
		m->question = mine;
		m->failed = failed;
		m->busy = 0;
		pthread_cond_signal(&m->answered);
	}
	orphan = m->orphan;
	pthread_mutex_unlock(&m->lock);
	if (orphan)
		destroy(m);
	return NULL;
}

struct members *members_new(int (*look)(struct member *m))
{
	struct members *m = xcalloc(1, sizeof *m);
	pthread_condattr_t monotonic;

	m->look = look ? look : look_here;
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->asked, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&m->answered, &monotonic);
	pthread_condattr_destroy(&monotonic);
	must(pthread_create(&m->thread, NULL, ask_on, m) == 0);
	return m;
}

void members_free(struct members *m)
{
	int orphan;

	if (!m)
		return;
	pthread_mutex_lock(&m->lock);
	m->stop = 1;
	orphan = m->orphan = m->busy;
	pthread_cond_signal(&m->asked);
	pthread_mutex_unlock(&m->lock);
	if (orphan) {
		pthread_detach(m->thread);
		return;
	}
	pthread_join(m->thread, NULL);
	destroy(m);
}

/* Asks the thread; 0 and *out, or -1 when there was no answer in time. */
static int ask(struct members *m, int64_t uid, struct member *out)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += MEMBERS_WAIT_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&m->lock);
	if (m->busy) {
		pthread_mutex_unlock(&m->lock);
		return -1;
	}
	m->question.uid = uid;
	m->busy = 1;
	pthread_cond_signal(&m->asked);
	while (m->busy && rc == 0)
		rc = pthread_cond_timedwait(&m->answered, &m->lock, &until);
	rc = m->busy || m->failed ? -1 : 0;
	if (rc == 0)
		*out = m->question;
	pthread_mutex_unlock(&m->lock);
	return rc;
}

/* The place of uid: its own, or that of the one asked for longest ago. */
static struct known *place_of(struct members *m, int64_t uid)
{
	struct known *oldest = &m->known[0];

	for (int i = 0; i < KNOWN_MOST; i++) {
		struct known *k = &m->known[i];
		if (k->asked_us && k->member.uid == uid)
			return k;
		if (k->asked_us < oldest->asked_us)
			oldest = k;
	}
	oldest->asked_us = 0;
	return oldest;
}

static int is_in(const struct member *m, int64_t gid)
{
	for (int i = 0; i < m->group_count; i++)
		if (m->groups[i] == gid)
			return 1;
	return 0;
}

/* Of those that the session has and the database gives. */
static void name_groups(const struct member *m, struct caller *c)
{
	const int most = sizeof c->group_names / sizeof c->group_names[0];

	c->group_name_count = 0;
	for (int i = 0; i < m->group_count && c->group_name_count < most; i++) {
		int has = m->groups[i] == c->gid;

		for (int k = 0; k < c->group_count; k++)
			has |= m->groups[i] == c->groups[k];
		if (has && m->group_names[i][0])
			str_copy(c->group_names[c->group_name_count++], sizeof c->group_names[0],
				m->group_names[i]);
	}
}

static void apply(const struct member *m, struct caller *c)
{
	int kept = 0;

	str_copy(c->user, sizeof c->user, m->name);
	for (int i = 0; i < c->group_count; i++)
		if (is_in(m, c->groups[i]))
			c->groups[kept++] = c->groups[i];
	c->group_count = kept;
	if (!is_in(m, c->gid))
		c->gid = -1;
	name_groups(m, c);
}

static void warn(struct members *m, const struct caller *c, int stale)
{
	if (stale && !m->warned)
		log_warn("members",
			"the user database of this machine does not answer within %d ms (asked "
			"about uid %lld): groups count as last known, for looking and lowering "
			"risk only",
			MEMBERS_WAIT_MS, (long long)c->uid);
	m->warned = stale;
}

void members_check(struct members *m, struct caller *c, int64_t mono_us, int fresh)
{
	struct known *k = place_of(m, c->uid);
	int stale = 0;

	if (!k->asked_us || fresh || mono_us - k->asked_us > MEMBERS_KEEP_US) {
		stale = ask(m, c->uid, &k->member) != 0;
		if (!stale)
			k->asked_us = mono_us > 0 ? mono_us : 1;
		warn(m, c, stale);
	}
	if (k->asked_us)
		apply(&k->member, c);
	c->groups_stale = stale;
}
