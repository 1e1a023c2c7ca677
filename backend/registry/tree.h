/* tree.h: walks over the folder of a bundle. Only used inside backend/registry/. */
#ifndef PITHEAD_BACKEND_REGISTRY_TREE_H
#define PITHEAD_BACKEND_REGISTRY_TREE_H

#include "backend/base/buf.h"
#include "backend/base/err.h"
#include "backend/registry/registry.h"

/* What is wrong with a path inside a bundle, or NULL. */
const char *tree_path_fault(const char *path);

/* Appends the manifest of folder and fills size and number of files. */
int tree_manifest(const char *folder, struct buf *out, struct bundle *b, struct err *e);

/* Makes all files read-only: 0444, or 0555 for programs. */
int tree_lock(const char *folder, struct err *e);

/* Removes a folder and all below it; never follows a link. */
void tree_remove(const char *path);

#endif
