/* routes_versions.c: versions and their bundles, and the backup, which is a bundle of the engine
 * itself. The client sends and receives content; no path of its machine is ever opened. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/api/aside.h"
#include "backend/api/codec.h"
#include "backend/api/routes.h"
#include "backend/backup/backup.h"
#include "backend/base/xalloc.h"
#include "backend/registry/registry.h"

struct version_page {
	struct request *rq;
	struct cJSON *items;
	int64_t after, limit, kept, last, next;
};

static int on_version(void *arg, const struct version_row *r)
{
	struct version_page *page = arg;

	if ((page->after && r->revision >= page->after) || !request_may_read(page->rq, r->project))
		return 0;
	if (page->kept == page->limit) {
		page->next = page->last;
		return 1;
	}
	codec_append(page->items, codec_version(page->rq->world, r));
	page->kept++;
	page->last = r->revision;
	return 0;
}

int handle_versions(struct request *rq, struct err *e)
{
	struct version_page page = {.rq = rq};
	int code;

	if (request_query_int(rq, "limit", 1, 1000, 100, &page.limit, e) != 0 ||
		request_query_int(rq, "after", 0, INT64_MAX, 0, &page.after, e) != 0)
		return e->code;
	page.items = codec_array();
	code = store_list_versions(
		rq->world->store, request_query(rq, "project"), on_version, &page, e);
	codec_reply(rq, 200, codec_page(page.items, page.next));
	return code < 0 ? code : 0;
}

static struct cJSON *with_manifest(struct request *rq, const struct version_row *row)
{
	struct cJSON *o = codec_version(rq->world, row);
	struct buf lines = {0};

	if (registry_manifest(rq->world->home, row->digest, &lines, NULL) == 0)
		answer_put_str(o, "manifest", buf_text(&lines));
	else
		answer_put_str(o, "manifest", NULL);
	buf_release(&lines);
	return o;
}

int handle_version(struct request *rq, struct err *e)
{
	struct version_row row;
	int found = store_find_version(rq->world->store, rq->project, rq->param[1], &row, e);

	if (found < 0)
		return found;
	if (!found)
		return err_set(e, ERR_NOT_FOUND, "the project %s has no version %s", rq->project,
			rq->param[1]);
	codec_reply(rq, 200, with_manifest(rq, &row));
	return 0;
}

static int version_exists(struct request *rq, const char *project, const char *name)
{
	struct version_row row;

	return store_find_version(rq->world->store, project, name, &row, NULL) == 1;
}

/* An upload on its way to be a bundle, in a thread and after it. */
struct arrival {
	char home[300], tar[300], folder[400];
	struct sealed sealed;
	int dry_run;
};

/* A dry run says what adding it would do. */
static int plan_version(struct request *rq, const struct bundle *b, struct err *e)
{
	const char *project = request_query(rq, "project"), *name = request_query(rq, "name");
	struct plan *p = &rq->result.plan;
	struct version_row known;

	if (store_find_version(rq->world->store, project, name, &known, NULL) == 1 &&
		strcmp(known.digest, b->digest) != 0) {
		err_set(e, ERR_CONFLICT, "version %s of %s is another bundle: %.19s", name, project,
			known.digest);
		return err_hint(e, "a version never changes: give this one another name");
	}
	snprintf(p->title, sizeof p->title, "add version %s of %s", name, project);
	snprintf(p->subject, sizeof p->subject, "version:%s/%s", project, name);
	snprintf(p->will[p->will_count++], sizeof p->will[0],
		"keep %lld files, %lld bytes, as %.19s", (long long)b->files,
		(long long)b->size_bytes, b->digest);
	str_copy(
		p->will_not[p->will_not_count++], sizeof p->will_not[0], "route any traffic to it");
	str_copy(p->undo, sizeof p->undo, "a version stays; without a rollout nothing uses it");
	return request_answer_act(rq, e);
}

static int add_version(struct request *rq, const struct arrival *in, struct err *e)
{
	const char *project = request_query(rq, "project"), *name = request_query(rq, "name");
	int known = version_exists(rq, project, name);
	struct act a = request_act(rq);
	struct version_row row = {0};
	struct cJSON *o;

	a.reason = request_query(rq, "reason");
	if (act_version_add(rq->world, &a, project, name, in->folder, &in->sealed, &row,
		    &rq->result, e) != 0)
		return e->code;
	o = codec_object();
	codec_put(o, "version", codec_version(rq->world, &row));
	answer_put_int(o, "event", rq->result.seq);
	codec_reply(rq, known ? 200 : 201, o);
	rq->api->changed = 1;
	return 0;
}

static int unpack_arrival(void *arg, struct err *e)
{
	struct arrival *in = arg;

	if (registry_unpack(in->home, in->tar, in->folder, sizeof in->folder, e) != 0)
		return e->code;
	/* A plan only asks what it is: what else sealing does is for one that stays. */
	return in->dry_run ? registry_measure(in->folder, &in->sealed.bundle, NULL, e)
			   : registry_seal(in->home, in->folder, &in->sealed, e);
}

static int take_arrival(struct request *rq, void *arg, int code, struct err *e)
{
	const struct arrival *in = arg;

	if (code != 0)
		return code;
	return in->dry_run ? plan_version(rq, &in->sealed.bundle, e) : add_version(rq, in, e);
}

/* The folder is gone already, unless its bundle was known or refused. */
static void release_arrival(void *arg)
{
	struct arrival *in = arg;

	if (in->folder[0])
		registry_discard(in->home, in->folder);
	registry_release(&in->sealed);
	free(in);
}

int handle_version_add(struct request *rq, struct err *e)
{
	static const struct aside_ops ops = {unpack_arrival, take_arrival, release_arrival};
	struct arrival *in = xcalloc(1, sizeof *in);

	close(rq->upload_fd);
	rq->upload_fd = -1;
	in->dry_run = rq->dry_run;
	str_copy(in->home, sizeof in->home, rq->world->home);
	str_copy(in->tar, sizeof in->tar, rq->upload);
	return request_run_aside(rq, &ops, in, e);
}

static int plan_backup(struct request *rq, struct err *e)
{
	struct plan *p = &rq->result.plan;

	str_copy(p->title, sizeof p->title, "backup of this engine");
	str_copy(p->will[p->will_count++], sizeof p->will[0],
		"copy databases, bundles, keys, checkpoints and settings into one tar file");
	str_copy(p->undo, sizeof p->undo, "nothing is changed; there is nothing to undo");
	return request_answer_act(rq, e);
}

/* A backup on its way: made in a thread, handed out in the loop. */
struct departure {
	char home[300], stage[BACKUP_PATH];
	int fd; /* a file that has no name any more */
};

static int make_departure(void *arg, struct err *e)
{
	struct departure *out = arg;
	char file[320];

	snprintf(file, sizeof file, "%s/run/upload/XXXXXX", out->home);
	out->fd = mkostemp(file, O_CLOEXEC);
	if (out->fd < 0)
		return err_set(e, ERR_FAILED, "cannot write %s: %s", file, strerror(errno));
	unlink(file);
	if (backup_stage(out->home, out->stage, e) != 0)
		return e->code;
	return backup_pack(out->home, out->stage, out->fd, e);
}

static int hand_out(struct request *rq, void *arg, int code, struct err *e)
{
	struct departure *out = arg;
	struct act a = request_act(rq);
	struct stat st;

	/* Whoever has a backup has the keys: no backup without its event. */
	if (code == 0)
		code = act_note(
			rq->world, &a, "engine.backup", "engine", "a backup was handed out", e);
	if (code != 0)
		return code;
	if (fstat(out->fd, &st) != 0)
		return err_set(e, ERR_FAILED, "cannot read the backup: %s", strerror(errno));
	rq->reply.fd = out->fd;
	out->fd = -1;
	rq->reply.fd_size = st.st_size;
	rq->reply.status = 200;
	rq->reply.type = "application/x-tar";
	return 0;
}

static void release_departure(void *arg)
{
	struct departure *out = arg;

	if (out->fd >= 0)
		close(out->fd);
	backup_unstage(out->stage);
	free(out);
}

int handle_backup(struct request *rq, struct err *e)
{
	static const struct aside_ops ops = {make_departure, hand_out, release_departure};
	struct departure *out;

	if (rq->dry_run)
		return plan_backup(rq, e);
	/* What is in the copy is signed up to its end, as far as it is there by now. */
	if (store_checkpoint(rq->world->store, 1, e) < 0)
		return e->code;
	out = xcalloc(1, sizeof *out);
	out->fd = -1;
	str_copy(out->home, sizeof out->home, rq->world->home);
	return request_run_aside(rq, &ops, out, e);
}
