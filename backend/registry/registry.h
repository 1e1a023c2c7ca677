/* registry.h: bundles on disk: unpacked safely from a tar file, named by the digest of what they
 * hold (docs/bundle-digest.md), read-only from then on. Which version name means which digest is
 * the store's business. Used by backend/acts/ and the API's upload and backup. */
#ifndef PITHEAD_BACKEND_REGISTRY_REGISTRY_H
#define PITHEAD_BACKEND_REGISTRY_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/err.h"

#define BUNDLE_FILES_MOST 10000
#define BUNDLE_BYTES_MOST (256LL << 20)
#define BUNDLE_PATH_MOST  400 /* bytes of a path inside a bundle */

struct bundle {
	char digest[72]; /* "sha256:" and 64 hex digits */
	int64_t size_bytes, files;
};

/* Unpacks the tar file at tar_path into a new folder HOME/store/bundles/tmp-XXXXXX, whose path
 * goes to folder. ERR_INVALID names the entry that may not be in a bundle (absolute, "..", a link,
 * a device, the same path twice), ERR_TOO_LARGE a limit; nothing is left behind then. */
int registry_unpack(
	const char *home, const char *tar_path, char *folder, size_t size, struct err *e);

/* Removes a folder that registry_unpack made, with all that is in it. Any other path is refused
 * silently. */
void registry_discard(const char *home, const char *folder);

/* Digest, size and number of files of a folder; manifest (may be NULL) gets the lines that are
 * hashed. ERR_INVALID for what may not be in a bundle, and for an empty folder. */
int registry_measure(const char *folder, struct bundle *out, struct buf *manifest, struct err *e);

/* A folder that is ready to be a bundle. Ended by registry_release. */
struct sealed {
	struct bundle bundle;
	struct buf manifest;
	int known; /* a whole bundle of this digest is there already */
};

/* All that takes long: measures the folder, makes its files read-only, brings them to the disk, and
 * looks whether a bundle of its digest is there and whole. Changes nothing else, and may run in any
 * thread. */
int registry_seal(const char *home, const char *folder, struct sealed *out, struct err *e);
void registry_release(struct sealed *s);

/* Gives the sealed folder (on the same file system; moved away) the name of its digest, at once. A
 * known bundle stays; one that was damaged is replaced by the good copy. */
int registry_take(const char *home, const char *folder, const struct sealed *s, struct err *e);

/* The folder of a digest ("sha256:…"); it need not exist. */
void registry_path(const char *home, const char *digest, char *out, size_t size);

/* Recomputes the digest of a bundle. 0 = whole; ERR_NOT_FOUND, or ERR_CONFLICT when it is not what
 * its name says. */
int registry_verify(const char *home, const char *digest, struct err *e);

/* The manifest's lines: as kept beside the bundle if that text has the digest, else read anew. */
int registry_manifest(const char *home, const char *digest, struct buf *out, struct err *e);

/* Removes what an interrupted upload left. Called at start, by the only writer. */
void registry_sweep(const char *home);

/* One thing to put into a tar file: a file or a folder with all below it. */
struct pack_item {
	const char *path; /* on disk; what is missing is left out */
	const char *name; /* in the tar file */
};

/* Writes a tar file to the open descriptor fd. */
int registry_pack(int fd, const struct pack_item *items, int count, struct err *e);

#endif
