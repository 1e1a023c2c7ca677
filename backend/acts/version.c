/* version.c: registering a bundle. The digest names it for ever; a name means one digest. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/base/xalloc.h"
#include "backend/registry/registry.h"

static int name_valid(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < NAME_SIZE && s[0] != '.' && s[0] != '-' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == n;
}

static int check_name(struct world *w, const char *project, const char *name,
	struct version_row *row, struct err *e)
{
	struct version_row known;
	int rc;

	if (!name_valid(name) || !name_valid(project)) {
		err_set(e, ERR_INVALID,
			"%s %.80s is not a name: use lower-case letters, digits and _ . -",
			name_valid(name) ? "project" : "version",
			name_valid(name) ? project : name);
		return err_field(e, name_valid(name) ? "project" : "name");
	}
	rc = store_find_version(w->store, project, name, &known, e);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return 0;
	if (strcmp(known.digest, row->digest) == 0) {
		*row = known;
		return 1;
	}
	err_set(e, ERR_CONFLICT, "version %s of %s is %.19s…, and this bundle is %.19s…", name,
		project, known.digest, row->digest);
	return err_hint(e, "a version never changes: give this one another name");
}

int act_version_add(struct world *w, const struct act *a, const char *project, const char *name,
	const char *folder, const struct sealed *sealed, struct version_row *row,
	struct act_result *out, struct err *e)
{
	const struct bundle *bundle = &sealed->bundle;
	struct change c;
	int rc;

	*out = (struct act_result){0};
	*row = (struct version_row){.created_us = clock_wall_us(&w->clock)};
	str_copy(row->digest, sizeof row->digest, bundle->digest);
	row->files = bundle->files;
	row->size_bytes = bundle->size_bytes;
	rc = check_name(w, project, name, row, e);
	if (rc) /* 1: it is there already, nothing to do */
		return rc < 0 ? rc : 0;
	if (a->dry_run)
		return 0;
	rc = registry_take(w->home, folder, sealed, e);
	if (rc)
		return rc;
	str_copy(row->project, sizeof row->project, project);
	str_copy(row->name, sizeof row->name, name);
	str_copy(row->author, sizeof row->author, a->caller->user);
	change_init(&c, a, "version.add", NULL, NULL);
	snprintf(c.subject, sizeof c.subject, "version:%s/%s", project, name);
	snprintf(c.after, sizeof c.after,
		"{\"digest\":\"%s\",\"files\":%" PRId64 ",\"size_bytes\":%" PRId64 "}", row->digest,
		row->files, row->size_bytes);
	c.ev.subject = c.subject;
	c.ev.project = project;
	c.ev.version = name;
	c.ev.after = c.after;
	c.ev.at_us = row->created_us;
	rc = store_begin(w->store, e);
	if (!rc)
		rc = store_append_event(w->store, &c.ev, &out->seq, e);
	row->revision = out->seq;
	if (!rc)
		rc = store_save_version(w->store, row, e);
	if (!rc)
		rc = act_in_commit(a, out->seq, e);
	if (!rc)
		rc = store_commit(w->store, e);
	if (rc)
		store_rollback(w->store);
	snprintf(out->plan.title, sizeof out->plan.title, "added version %s of %s", name, project);
	return rc;
}
